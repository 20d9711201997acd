"""The first screen: is anything wrong, and what to do next on an empty system."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gateway_admin.catalog.changes import head_version
from gateway_admin.monitoring import views
from gateway_admin.monitoring.checks.load import CheckLoad
from gateway_admin.monitoring.models import EngineNode

from .builders import a_route, a_service, a_target, an_engine, an_upstream, one_of_each, unhealthy

IDLE = CheckLoad(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, {}, {})


@pytest.fixture(autouse=True)
def checks(monkeypatch):
    """How the health checks keep up; there is no Redis to ask. ``checks(state …)`` changes it."""
    told = {"load": IDLE}
    monkeypatch.setattr(views, "check_load", lambda: told["load"])
    return lambda load: told.update(load=load)


def test_on_an_empty_system_it_shows_the_way(page):
    text = page.get("overview").text
    assert "First steps" in text
    assert "not set up yet" in text or "no engine running" in text
    for step in ("New upstream", "New target", "New service", "New route"):
        assert step in text


def test_steps_are_ticked_as_they_are_done_and_vanish_at_the_end(page):
    def states():
        return [step["state"] for step in page.get("overview").context["steps"]]

    upstream = an_upstream()
    assert states() == ["done", "next", "todo", "todo"]
    a_target(upstream)
    assert states() == ["done", "done", "next", "todo"]
    service = a_service()
    assert states() == ["done", "done", "done", "next"]
    a_route(service)
    assert states() == []


def test_when_all_is_well_it_says_so(page):
    one_of_each()
    an_engine()
    response = page.get("overview")
    assert "nothing is wrong" in response.text
    assert f"1 engine on version {head_version()}" in response.text
    assert "Needs attention" not in response.text


def test_an_unhealthy_target_is_named_with_its_cause(page):
    rows = one_of_each()
    unhealthy(rows["targets"])
    an_engine()
    text = page.get("overview").text
    assert "3 of 3 checks failed: 503, 503, timeout" in text
    assert "10.0.0.1:8000" in text
    assert "no target ready" in text  # it was the only one


def test_a_disabled_target_is_no_trouble(page):
    upstream = an_upstream()
    a_target(upstream)
    unhealthy(a_target(upstream, "10.0.0.2:8000", enabled=False))
    an_engine()
    assert page.get("overview").context["troubles"] == 0


def test_an_upstream_without_targets_matters_once_a_service_uses_it(page):
    an_upstream("unused")
    an_engine()
    assert page.get("overview").context["troubles"] == 0
    a_service(host="unused")
    assert "It has no targets; its requests are answered with 503." in page.get("overview").text


def test_engines_that_lag_are_silent_or_complain_are_told_apart(page):
    one_of_each()
    an_engine("lags", version=1)
    an_engine("silent", seen_at=timezone.now() - timedelta(minutes=1))
    an_engine("complains", problems=["route orders-api: bad regex"])
    text = page.get("overview").text
    for words in (
        f"by {head_version() - 1} versions",
        "no report since",
        "route orders-api: bad regex",
        "1 of 3 engines silent",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("load", "words", "troubles"),
    [
        (replace(IDLE, targets=3, per_s=1.5, lag_p99_ms=4.0), ["in time", "1.5", "4 ms"], 0),
        (replace(IDLE, targets=3, lost=2), ["more is due than the workers make in time"], 1),
        (replace(IDLE, targets=3, overdue_ms=30_000), ["one has waited for 30 s"], 1),
        (replace(IDLE, tick_age_s=125.0), ["for 2 min 5 s: do beat and a worker run?"], 1),
        (replace(IDLE, tick_age_s=None), ["never started"], 1),
        (None, ["Redis does not answer"], 1),
    ],
)
def test_checks_that_do_not_keep_up_are_trouble(page, checks, load, words, troubles):
    one_of_each()
    an_engine()
    checks(load)
    response = page.get("overview")
    assert response.context["troubles"] == troubles
    for word in words:
        assert word in response.text


def test_the_feed_leads_to_what_changed(page):
    service = a_service()
    text = page.get("overview").text
    assert f'href="/admin-ui/services/{service.pk}/history/#version-1"' in text
    assert "<b>bob</b> created service" in text


@pytest.mark.parametrize("count", [1, 7])
def test_it_costs_the_same_however_much_there_is(page, count, django_assert_num_queries):
    for number in range(count):
        upstream = an_upstream(f"pool-{number}")
        unhealthy(a_target(upstream))
        a_service(f"orders-{number}", host=upstream.name)
        an_engine(f"edge-{number}")
    with django_assert_num_queries(10):  # session, user, alerts, and seven for the board
        page.get("overview")


@pytest.mark.parametrize(
    ("running", "words"),
    [
        ([], "No engine is running"),
        ([1], "Live on the engine."),
        ([1, 1], "Live on all 2 engines."),
        ([0], "Waiting for 1"),
    ],
)
def test_a_write_is_followed_until_it_is_live(page, running, words):
    a_service()
    for number, version in enumerate(running):
        an_engine(f"edge-{number}", version=version)
    response = page.get("version-live", 1)
    assert words in response.text
    assert ("hx-get" in response.text) == (running == [0])


def test_once_live_it_tells_how_long_that_took(page):
    a_service()
    an_engine(version=1)
    started = EngineNode.objects.get().version_since - timedelta(milliseconds=14.2)
    committed = f"?committed={started.timestamp() * 1000:.3f}"
    EngineNode.objects.update(started_at=started - timedelta(days=1))
    assert "Live on the engine within 15 ms." in page.get("version-live", 1, query=committed).text


def test_asking_again_keeps_the_time_of_the_commit(page):
    a_service()
    an_engine(version=0)
    text = page.get("version-live", 1, query="?committed=1700000000000.125").text
    assert 'hx-get="/admin-ui/versions/1/?committed=1700000000000.125"' in text


@pytest.mark.parametrize("committed", ["", "x", "nan", "inf", "1e400", "-1e300", "1e17", "1700000000000", "１７"])
def test_a_time_of_the_commit_that_means_nothing_is_left_out(page, committed):
    a_service()
    an_engine(version=1)
    EngineNode.objects.update(started_at=datetime(1970, 1, 1, tzinfo=UTC))
    text = page.get("version-live", 1, query=f"?committed={committed}").text
    assert "Live on the engine." in text


@pytest.mark.parametrize("version", [0, 7, 10**30])
def test_a_version_that_never_was_is_no_error(page, version):
    assert page.get("version-live", version).status_code == 200


def test_an_engine_that_never_follows_is_named(page):
    an_engine("edge-1", version=3)
    assert "Still not live on edge-1 (version 3)" in page.get("version-live", 9).text
