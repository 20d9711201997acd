"""What targets and upstreams tell of their health and of their share of the traffic."""

import pytest
from django.utils import timezone

from gateway_admin.catalog import queries
from gateway_admin.monitoring.actions import Flip, mark_targets, record_engine
from gateway_admin.monitoring.models import TargetHealth
from tests.gateway_admin.builders import a_target, an_upstream
from tests.gateway_admin.monitoring.builders import a_report, an_ejection

pytestmark = pytest.mark.django_db
CHECKED = {"active": {"healthy": {"interval": 1}, "unhealthy": {"http_failures": 3}}}


@pytest.fixture(autouse=True, params=[300, 0], ids=["few marks", "many marks"])
def marks(request, monkeypatch):
    """However unhealthy targets are found, the answers are the same."""
    monkeypatch.setattr(queries, "FEW_MARKS", request.param)


def mark(target, *, healthy=False, address=None):
    flip = Flip(str(target.pk), str(target.upstream_id), address or target.target, healthy, "3 of 3 checks failed")
    mark_targets([flip], source=TargetHealth.Source.ACTIVE, at=timezone.now())


def read(api, target):
    return api.get(f"/api/targets/{target.pk}").json()["data"]


def test_shares_follow_the_weights(api):
    upstream = an_upstream()
    three, one = a_target(upstream, weight=3), a_target(upstream, weight=1)

    assert (read(api, three)["expectedShare"], read(api, one)["expectedShare"]) == (75.0, 25.0)


def test_an_unhealthy_target_gets_nothing_and_says_why(api):
    upstream = an_upstream(healthchecks=CHECKED)
    bad, good = a_target(upstream), a_target(upstream)
    mark(bad)

    found = read(api, bad)
    assert (found["health"], found["healthCause"], found["expectedShare"]) == ("unhealthy", "3 of 3 checks failed", 0)
    assert found["healthSince"].endswith("Z")
    assert (read(api, good)["health"], read(api, good)["expectedShare"]) == ("healthy", 100.0)


def test_a_mark_counts_for_the_address_that_was_judged(api):
    target = a_target(an_upstream(healthchecks=CHECKED), target="new:80")
    mark(target, address="old:80")

    assert (read(api, target)["health"], read(api, target)["expectedShare"]) == ("healthy", 100.0)


def test_disabled_and_weightless_targets_get_nothing(api):
    upstream = an_upstream()
    off, empty, on = a_target(upstream, enabled=False), a_target(upstream, weight=0), a_target(upstream)

    assert (read(api, off)["health"], read(api, off)["expectedShare"]) == ("disabled", 0)
    assert (read(api, empty)["health"], read(api, empty)["expectedShare"]) == ("unchecked", 0)
    assert read(api, on)["expectedShare"] == 100.0


def test_an_upstream_sums_its_targets_up(api):
    upstream = an_upstream(name="pool", healthchecks=CHECKED)

    def state():
        data = api.get("/api/upstreams/pool").json()["data"]
        return data["health"], data["targetCount"], data["readyCount"], data["unhealthyCount"]

    assert state() == ("empty", 0, 0, 0)
    first, second = a_target(upstream), a_target(upstream)
    a_target(upstream, enabled=False)
    assert state() == ("healthy", 3, 2, 0)
    mark(first)
    assert state() == ("degraded", 3, 1, 1)
    mark(second)
    assert state() == ("unhealthy", 3, 0, 2)
    mark(second, healthy=True)
    assert state() == ("degraded", 3, 1, 1)


def test_passive_checks_alone_judge_too(api):
    target = a_target(an_upstream(healthchecks={"passive": {"unhealthy": {"tcp_failures": 3}}}))

    assert api.get(f"/api/upstreams/{target.upstream_id}").json()["data"]["health"] == "healthy"


def test_an_upstream_without_checks_is_unchecked(api):
    target = a_target()

    assert api.get(f"/api/upstreams/{target.upstream_id}").json()["data"]["health"] == "unchecked"


def test_health_cannot_be_set(api):
    target = a_target()

    answer = api.patch(f"/api/targets/{target.pk}", {"health": "unhealthy", "weight": 7})

    assert (answer.json()["data"]["health"], answer.json()["data"]["weight"]) == ("unchecked", 7)


def test_a_reserve_is_due_nothing_while_a_target_before_it_is_ready(api):
    upstream = an_upstream(healthchecks=CHECKED)
    first, reserve = a_target(upstream), a_target(upstream, priority=1)
    assert (read(api, first)["expectedShare"], read(api, reserve)["expectedShare"]) == (100.0, 0)

    mark(first)

    assert (read(api, first)["expectedShare"], read(api, reserve)["expectedShare"]) == (0, 100.0)


def test_a_target_tells_which_workers_keep_it_out(api):
    upstream = an_upstream()
    out, other = a_target(upstream), a_target(upstream)
    record_engine(a_report(ejected=([an_ejection(out)], [])))

    found = read(api, out)
    assert found["ejection"] == {
        "workers": 1, "allWorkers": 2, "cause": "5 failures in a row: connection refused",
        "since": "2023-11-14T22:13:20.000Z", "until": "2023-11-14T22:13:30.000Z",
    }  # fmt: skip
    assert (found["expectedShare"], read(api, other)["expectedShare"]) == (50, 50)
    assert read(api, other)["ejection"] is None


def test_a_target_that_all_workers_keep_out_is_due_nothing(api):
    upstream = an_upstream()
    out, other = a_target(upstream), a_target(upstream)
    record_engine(a_report(ejected=([an_ejection(out)], [an_ejection(out, until=None)])))

    assert (read(api, out)["expectedShare"], read(api, other)["expectedShare"]) == (0, 100)


def test_an_upstream_is_read_once_however_many_of_its_targets_are(api, django_assert_num_queries):
    upstream = an_upstream(healthchecks=CHECKED)
    for _ in range(10):
        mark(a_target(upstream))
    api.get("/api/targets")  # the token's use is noted

    with django_assert_num_queries(8):
        found = api.get("/api/targets").json()["data"]

    assert {target["health"] for target in found} == {"unhealthy"}
