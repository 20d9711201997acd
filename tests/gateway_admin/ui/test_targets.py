"""What is done to targets on their upstream's page, and what its WebSocket sends."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from gateway_admin.catalog.models import Change, Target
from gateway_admin.catalog.views.live import upstream_fragments
from gateway_admin.monitoring.actions import record_engine
from gateway_admin.monitoring.models import TargetHealth
from tests.gateway_admin.monitoring.builders import a_report, an_ejection

from .builders import CHECKS_ON, a_target, an_upstream, unhealthy


@pytest.fixture
def upstream(db):
    return an_upstream()


def weights(*targets):
    return [Target.objects.get(pk=target.pk).weight for target in targets]


def test_a_target_is_switched_off_and_on(page, upstream):
    target = a_target(upstream)
    response = page.post("target-disable", target.pk)
    assert response["Location"] == reverse("entity", args=["upstreams", upstream.pk])
    assert not Target.objects.get().enabled
    assert "Disabled 10.0.0.1:8000 as version 3." in page.client.get(response["Location"]).text
    page.post("target-enable", target.pk)
    assert Target.objects.get().enabled


def test_htmx_gets_the_table_with_the_new_state(page, upstream):
    target = a_target(upstream)
    text = page.post("target-disable", target.pk, htmx=True).text
    assert text.strip().startswith(f'<div id="targets-{upstream.pk}"')
    assert reverse("target-enable", args=[target.pk]) in text


def test_weights_are_saved_together_as_one_batch(page, upstream):
    one, two, three = (a_target(upstream, f"10.0.0.{number}:80") for number in range(3))
    changed = {f"weight-{one.pk}": "3", f"weight-{two.pk}": " 1 ", f"weight-{three.pk}": "100"}
    page.post("upstream-weights", upstream.pk, **changed)
    assert weights(one, two, three) == [3, 1, 100]
    assert Change.objects.filter(version__gt=4).values("batch").distinct().count() == 1
    assert Change.objects.count() == 6  # the third stood so already


@pytest.mark.parametrize("typed", ["abc", "-1", "65536", "1.5", ""])
def test_one_wrong_weight_keeps_all_from_being_saved(page, upstream, typed):
    one, two = a_target(upstream), a_target(upstream, "10.0.0.2:80")
    changed = {f"weight-{one.pk}": "7", f"weight-{two.pk}": typed}
    response = page.post("upstream-weights", upstream.pk, **changed)
    assert response.status_code == 400
    assert weights(one, two) == [100, 100]
    assert f'value="{typed}" form="target-actions"' in response.text
    assert f'id="weight-{two.pk}_error"' in response.text
    assert 'value="7" form="target-actions"' in response.text  # nothing typed is lost
    again = page.post("upstream-weights", upstream.pk, htmx=True, **changed)
    assert (again.status_code, again.text.strip()[:5]) == (200, "<div ")


def test_weights_of_another_upstream_are_not_touched(page, upstream):
    stranger = a_target(an_upstream("other"))
    page.post("upstream-weights", upstream.pk, **{f"weight-{stranger.pk}": "1"})
    assert weights(stranger) == [100]


def test_the_socket_sends_what_the_page_shows(page, alice, upstream):
    unhealthy(a_target(upstream, tags=["<b>"]))
    shown = page.get("entity", "upstreams", upstream.pk).text
    sent = upstream_fragments(upstream.pk, alice)
    for element in ("ready", "targets"):
        assert f'id="{element}-{upstream.pk}"' in sent
    assert sent.split("<table>")[1].split("</table>")[0] == shown.split("<table>")[1].split("</table>")[0]
    assert "csrfmiddlewaretoken" not in sent


def test_of_a_deleted_upstream_nothing_is_sent(db):
    assert upstream_fragments("00000000-0000-0000-0000-000000000000", None) == ""


def test_a_target_that_some_workers_keep_out_says_which_and_why(page, upstream):
    target, until = a_target(upstream), timezone.now() + timedelta(seconds=10)
    record_engine(a_report(ejected=([an_ejection(target, until=until.timestamp())], [], [])))
    text = " ".join(page.get("entity", "upstreams", upstream.pk).text.split())
    assert '<span class="pill warn">ejected by 1 of 3 workers</span><div class="why">until <time' in text
    assert f">{until:%H:%M:%S}</time> — 5 failures in a row: connection refused" in text
    assert "less where it is ejected" in text
    assert "1 of 1 target ready" in text
    assert "ejected by 1 of 3 workers</span>" in page.get("entity", "targets", target.pk).text


def test_a_target_that_all_workers_keep_out_is_not_ready(page, upstream):
    target = a_target(upstream)
    a_target(upstream, "10.0.0.2:80")
    record_engine(a_report(ejected=([an_ejection(target, until=None, cause="<503>")],)))
    response = page.get("entity", "upstreams", upstream.pk)
    text = " ".join(response.text.split())
    assert '<span class="pill bad">ejected by 1 of 1 worker</span>' in text
    assert "on trial again — &lt;503&gt;" in text
    assert "1 of 2 targets ready" in text
    assert [view.share for view in response.context["targets"]] == [0, 1]
    assert text.count(">ready</span>") == 1


def test_a_person_overrules_the_checks_on_the_targets_page(page):
    target = a_target(an_upstream(healthchecks=CHECKS_ON))
    assert "Mark unhealthy" in page.get("entity", "targets", target.pk).text
    page.post("target-mark", target.pk, healthy="0")
    text = page.get("entity", "targets", target.pk).text
    assert "Marked 10.0.0.1:8000 unhealthy, until a check or traffic finds otherwise." in text
    assert "set unhealthy by alice" in text
    assert "Mark healthy" in text
    page.post("target-mark", target.pk, healthy="1")
    assert TargetHealth.objects.get().healthy


def test_without_checks_there_is_nothing_to_overrule(page):
    target = a_target(an_upstream())
    assert "Mark unhealthy" not in page.get("entity", "targets", target.pk).text
    page.post("target-mark", target.pk, healthy="0")
    assert "healthchecks are off" in page.get("entity", "targets", target.pk).text
    assert not TargetHealth.objects.exists()
