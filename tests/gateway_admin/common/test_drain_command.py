"""``manage.py drain``."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from gateway_admin.catalog.models import Change, Target
from tests.gateway_admin.builders import a_target, an_upstream

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("drain", *arguments, stdout=out)
    return out.getvalue().strip()


def test_a_target_is_drained_and_its_drain_ended():
    a_target(an_upstream(name="pool"), target="10.0.0.1:80")
    said = run("pool", "10.0.0.1:80", "--seconds", "90", "--then", "remove", "--keep-sticky")
    drain = Target.objects.get().drain
    assert said == "10.0.0.1:80 drains as of version 3."
    assert (drain["then"], drain["keep_sticky"]) == ("remove", True)
    assert drain["until"] - drain["since"] == pytest.approx(90)
    assert Change.objects.get(pk=3).actor.endswith("(command line)")
    assert run("pool", "10.0.0.1:80", "--end") == "10.0.0.1:80 gets requests again as of version 4."
    assert Target.objects.get().drain is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere", "10.0.0.1:80"), "nowhere"),
        (("pool", "10.0.0.2:80"), "10.0.0.2:80"),
        (("pool", "10.0.0.1:80", "--seconds", "-1"), "--seconds: value should be between 0 and 604800"),
        (("pool", "10.0.0.1:80", "--then", "explode"), "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, says):
    a_target(an_upstream(name="pool"), target="10.0.0.1:80")
    with pytest.raises(CommandError, match=says):
        run(*arguments)
    assert Target.objects.get().drain is None
