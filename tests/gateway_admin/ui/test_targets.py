"""What is done to targets on their upstream's page, and what its WebSocket sends."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from gateway_admin.catalog.models import Change, Target
from gateway_admin.catalog.views.live import upstream_fragments
from gateway_admin.monitoring.actions import record_engine
from gateway_admin.monitoring.models import TargetHealth
from proxy_engine.sources import Draining, Ramping
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
# -- draining ---------------------------------------------------------------------------------------------------------


def drain(page, *targets, **asked):
    keys = [str(target.pk) for target in targets]
    return page.client.post(reverse("targets-drain"), {"pick": keys, "confirmed": "1", "seconds": "300"} | asked)


def test_a_target_is_drained_with_a_form_and_the_drain_ended(page, upstream):
    target = a_target(upstream)
    link = f"{reverse('targets-drain')}?pick={target.pk}"
    assert link in page.get("entity", "upstreams", upstream.pk).text
    assert "Drain target" in page.client.get(link).text
    done = drain(page, target, then="remove", keep_sticky="on")
    assert done["Location"] == reverse("entity", args=["upstreams", upstream.pk])
    found = Target.objects.get().drain
    assert (found["then"], found["keep_sticky"], round(found["until"] - found["since"])) == ("remove", True, 300)

    record_engine(a_report(draining=[[Draining(str(target.pk), 3)]]))
    text = " ".join(page.client.get(done["Location"]).text.split())
    assert '<span class="pill warn">draining</span>' in text
    assert re.search(r"3 in flight, (5:00|4:5\d) left, then it is removed; clients whose hash leads to it stay", text)
    assert "0 of 1 target ready" in text

    page.post("target-undrain", target.pk)
    assert Target.objects.get().drain is None


def test_several_are_drained_from_the_list_at_once(page, upstream):
    one, other = a_target(upstream), a_target(upstream, "10.0.0.2:80")
    assert f'formaction="{reverse("targets-drain")}"' in page.get("entity-list", "targets").text
    asked = page.client.post(reverse("targets-drain"), {"pick": [str(one.pk), str(other.pk)]})
    assert "Drain 2 targets" in asked.text
    assert Target.objects.filter(drain__isnull=False).count() == 0
    before = Change.objects.count()
    drain(page, one, other)
    assert Target.objects.filter(drain__isnull=False).count() == 2
    assert Change.objects.filter(version__gt=before).values("batch").distinct().count() == 1


@pytest.mark.parametrize(("asked", "field"), [({"seconds": "soon"}, "seconds"), ({"then": "explode"}, "then")])
def test_a_drain_that_makes_no_sense_is_shown_again(page, upstream, asked, field):
    refused = drain(page, a_target(upstream), **asked)
    assert (refused.status_code, f'id="id_{field}_error"' in refused.text) == (400, True)
    assert Target.objects.get().drain is None


def test_nothing_is_drained_where_nothing_was_picked(page, upstream):
    a_target(upstream)
    answer = page.client.post(reverse("targets-drain"), {"pick": ["x"], "confirmed": "1"})
    assert answer["Location"] == reverse("entity-list", args=["targets"])


def test_one_that_was_restored_after_its_deadline_says_so(page, upstream):
    a_target(upstream, drain={"since": 1, "until": 2, "then": "remove"})
    assert "stays drained until you end it" in page.get("entity", "upstreams", upstream.pk).text


def test_a_target_that_starts_slowly_says_how_far_it_is(page, upstream):
    target, until = a_target(upstream), timezone.now() + timedelta(seconds=12.4)
    record_engine(a_report(ramping=[[Ramping(str(target.pk), 34, until.timestamp())]]))
    text = page.get("entity", "upstreams", upstream.pk).text
    assert '<span class="pill warn">slow start</span>' in text
    assert "34 % of its share, 12 s left" in text


@pytest.mark.parametrize(
    ("values", "pill", "words"),
    [
        (
            {"when_all_unhealthy": "threshold"},
            "panic",
            "33.3 % of the weight is available, less than the panic",
        ),
        (
            {"when_all_unhealthy": "use_all", "healthchecks": {"threshold": 40}},
            "panic",
            "not more than the threshold",
        ),
        ({"healthchecks": {"threshold": 40}}, "refuses", "requests are answered with 503"),
        ({}, "", ""),
    ],
)
def test_an_upstream_with_too_little_says_what_follows(page, values, pill, words):
    upstream = an_upstream("short", **values)
    targets = [a_target(upstream, f"10.0.0.{number}:80") for number in range(3)]
    for target in targets[:2]:
        unhealthy(target)
    text = page.get("entity", "upstreams", upstream.pk).text
    for word in ("panic", "refuses"):
        assert (f"{word}</span>" in text) is (word == pill)
    assert words in text
