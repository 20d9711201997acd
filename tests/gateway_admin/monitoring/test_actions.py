"""What is written: flips with their events and notices, engines, and the end of history."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gateway_admin.catalog import actions as catalog
from gateway_admin.catalog.actions import Actor
from gateway_admin.common import notices as layer
from gateway_admin.monitoring import notices
from gateway_admin.monitoring.actions import (
    Source,
    forget_engine,
    lift_marks,
    mark_by_traffic,
    mark_targets,
    prune_engines,
    prune_health,
    record_engine,
)
from gateway_admin.monitoring.models import EngineNode, HealthEvent, TargetHealth
from proxy_engine.sources import HealthFlip
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_upstream, edit, remove

pytestmark = pytest.mark.django_db

AT = datetime(2025, 11, 3, 14, 2, 11, tzinfo=UTC)


@pytest.fixture
def upstream():
    return an_upstream()


@pytest.fixture
def target(upstream):
    return a_target(upstream, "10.0.0.1:8080")


@pytest.fixture
def told(monkeypatch):
    """What the Channels layer would have been sent."""
    sent = []
    monkeypatch.setattr(notices, "_tell", lambda groups, message: sent.append((groups, message)))
    return sent


def mark(*flips, source=Source.ACTIVE, at=AT):
    return mark_targets(flips, source=source, at=at)


# --- Flips -------------------------------------------------------------------------------------------------


def test_a_flip_is_a_mark_and_an_event(target):
    assert mark(a_flip(target)) == {str(target.pk): 1}
    found = TargetHealth.objects.get(target=target)
    assert (found.healthy, found.since, found.cause) == (False, AT, "3 of 3 HTTP failures: 503, 503, 503")
    assert (found.seq, found.address, found.judged_by) == (1, "10.0.0.1:8080", "check")
    event = HealthEvent.objects.get()
    assert (event.pk, event.at, event.target_id, event.upstream_id) == (1, AT, target.pk, target.upstream_id)
    assert (event.label, event.healthy, event.source) == ("10.0.0.1:8080", False, "active")
    assert event.cause == found.cause


def test_and_back(target):
    mark(a_flip(target))
    mark(a_flip(target, healthy=True, cause="2 of 2 successes: 200, 200"), at=AT + timedelta(seconds=5))
    found = TargetHealth.objects.get(target=target)
    assert (found.healthy, found.seq, found.since) == (True, 2, AT + timedelta(seconds=5))
    assert [event.healthy for event in HealthEvent.objects.all()] == [True, False]


def test_an_event_knows_since_when_it_had_been_otherwise(target):
    created_at = target.created_at
    mark(a_flip(target), at=created_at + timedelta(hours=2))
    mark(a_flip(target, healthy=True), at=created_at + timedelta(hours=3))
    back, out = HealthEvent.objects.all()
    assert (out.before_since, out.lasted) == (created_at, timedelta(hours=2))
    assert (back.before_since, back.lasted) == (out.at, timedelta(hours=1))


def test_a_person_who_marked_a_target_is_named(target):
    mark(replace(a_flip(target), actor="bob"), source=Source.MANUAL)
    assert HealthEvent.objects.get().actor == "bob"


def test_of_two_flips_of_one_target_the_last_one_counts(target):
    assert mark(a_flip(target), a_flip(target, healthy=True)) == {str(target.pk): 0}


def test_what_is_so_already_stays_as_it_is(target):
    mark(a_flip(target))
    assert mark(a_flip(target, cause="another"), at=timezone.now()) == {str(target.pk): 1}
    assert TargetHealth.objects.get(target=target).since == AT
    assert HealthEvent.objects.count() == 1


def test_a_target_that_never_failed_needs_no_mark_to_be_healthy(target):
    assert mark(a_flip(target, healthy=True)) == {str(target.pk): 0}
    assert not TargetHealth.objects.exists()


def test_a_deleted_target_is_left_out(target):
    flip = a_flip(target)
    remove(target)
    assert mark(flip) == {}
    assert not HealthEvent.objects.exists()


def test_the_numbers_of_one_transaction_follow_each_other(upstream):
    targets = [a_target(upstream) for _ in range(3)]
    assert sorted(mark(*map(a_flip, targets)).values()) == [1, 2, 3]
    assert list(mark(a_flip(a_target(upstream))).values()) == [4]


def test_many_flips_are_few_statements(upstream, django_assert_num_queries):
    flips = [a_flip(a_target(upstream)) for _ in range(50)]
    mark(a_flip(a_target(upstream)))
    with django_assert_num_queries(8):  # savepoint and release, head twice, targets, marks, events, marks written
        mark(*flips)


def test_engines_pages_and_the_overview_are_told_after_the_commit(target, told, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        mark(a_flip(target))
        assert told == []
    [(groups, message)] = told
    assert set(groups) == {"health", "overview", f"upstream-{target.upstream_id}"}
    assert message == {"type": "health.changed", "seq": 1}


def test_a_layer_that_is_away_does_not_fail_the_flip(target, monkeypatch, caplog, django_capture_on_commit_callbacks):
    class Away:
        async def group_send(self, group, message):
            raise OSError("no Redis")

    monkeypatch.setattr(layer, "get_channel_layer", Away)
    with django_capture_on_commit_callbacks(execute=True):
        mark(a_flip(target))
    assert TargetHealth.objects.filter(target=target, healthy=False).exists()
    assert "no Redis" in caplog.text


def test_a_layer_that_hangs_is_given_up(target, monkeypatch, caplog, django_capture_on_commit_callbacks):
    class Hanging:
        async def group_send(self, group, message):
            await asyncio.Event().wait()

    monkeypatch.setattr(layer, "get_channel_layer", Hanging)
    monkeypatch.setattr(layer, "TIMEOUT_S", 0.01)
    with django_capture_on_commit_callbacks(execute=True):
        mark(a_flip(target))
    assert "could not be told" in caplog.text


# --- Flips that traffic showed ---------------------------------------------------------------------------------------


def found(target, *, healthy=False, cause="3 of 3 HTTP failures: 500, 500, 500", at=AT):
    address = target.target
    return HealthFlip(str(target.pk), str(target.upstream_id), address, healthy, cause, at.timestamp())


def test_what_traffic_showed_is_a_mark_and_an_event_of_its_own_time(upstream, target):
    other, later = a_target(upstream), AT + timedelta(seconds=9)
    mark_by_traffic([found(target), found(other, at=later)])
    event = HealthEvent.objects.get(target_id=target.pk)
    assert (event.at, event.healthy, event.source, event.label) == (AT, False, "passive", "10.0.0.1:8080")
    assert event.cause == "3 of 3 HTTP failures: 500, 500, 500"
    assert TargetHealth.objects.get(target=target).source == "passive"
    assert TargetHealth.objects.get(target=other).since == later


def test_an_engine_that_tells_twice_is_heard_once(target):
    assert mark_by_traffic([found(target)]) == mark_by_traffic([found(target)]) == {str(target.pk): 1}
    assert HealthEvent.objects.count() == 1


def test_several_engines_that_find_the_same_make_one_event(target):
    mark_by_traffic([found(target)])
    mark_by_traffic([found(target, cause="1 of 1 timeout: timeout after 60 s")])
    assert [event.cause for event in HealthEvent.objects.all()] == ["3 of 3 HTTP failures: 500, 500, 500"]


def test_traffic_says_nothing_about_deleted_targets(target):
    flip = found(target)
    remove(target)
    assert mark_by_traffic([flip]) == {}


def test_every_engine_is_told(target, told, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        mark_by_traffic([found(target)])
    assert any("health" in groups for groups, _ in told)


# --- Lifting -----------------------------------------------------------------------------------------------


def test_a_lifted_mark_says_why(target):
    mark(a_flip(target))
    lift_marks({str(target.pk): "health checks were switched off"})
    assert TargetHealth.objects.get(target=target).healthy
    event = HealthEvent.objects.first()
    assert (event.healthy, event.cause, event.source) == (True, "health checks were switched off", "config")
    assert (event.actor, event.before_since) == ("alice", AT)


def test_whoever_changed_target_or_upstream_last_is_named(upstream, target):
    mark(a_flip(target))
    bob = Actor("bob", "api")
    catalog.update(kind="upstreams", entity_id=upstream.pk, values={"slots": 100}, actor=bob)
    lift_marks({str(target.pk): "health checks were switched off"})
    assert HealthEvent.objects.first().actor == "bob"


def test_many_are_lifted_in_few_statements(upstream, django_assert_num_queries):
    targets = [a_target(upstream) for _ in range(20)]
    mark(*map(a_flip, targets))
    with django_assert_num_queries(9):  # savepoint and release, head twice, marks, editors twice, events, marks written
        lift_marks({str(target.pk): "for a reason" for target in targets})


def test_lifting_what_is_not_down_writes_nothing(target):
    assert lift_marks({str(target.pk): "for no reason"}) == {}
    assert not HealthEvent.objects.exists()


def test_the_mark_of_a_deleted_target_can_be_lifted(target):
    mark(a_flip(target))
    remove(target)
    lift_marks({str(target.pk): "the target was deleted"})
    event = HealthEvent.objects.first()
    assert (event.label, event.upstream_id) == ("10.0.0.1:8080", target.upstream_id)


def test_after_a_change_of_address_the_new_one_is_marked_anew(target):
    mark(a_flip(target))
    edit(target, target="10.0.0.2:8080")
    target.refresh_from_db()
    mark(a_flip(target))
    assert TargetHealth.objects.get(target=target).address == "10.0.0.2:8080"
    assert HealthEvent.objects.count() == 2
    assert HealthEvent.objects.first().before_since is None


# --- History -----------------------------------------------------------------------------------------------


def test_old_events_go_and_marks_stay(target):
    mark(a_flip(target))
    assert prune_health(events_before=AT + timedelta(days=1)) == 1
    assert not TargetHealth.objects.get(target=target).healthy


def test_young_events_stay(target):
    mark(a_flip(target))
    assert prune_health(events_before=AT) == 0
    assert HealthEvent.objects.exists()


def test_the_marks_of_deleted_targets_go(target):
    mark(a_flip(target))
    remove(target)
    lift_marks({str(target.pk): "the target was deleted"})
    prune_health(events_before=AT)
    assert not TargetHealth.objects.exists()


def test_numbers_go_on_after_everything_was_pruned(target):
    mark(a_flip(target))
    prune_health(events_before=timezone.now())
    assert mark(a_flip(target, healthy=True)) == {str(target.pk): 2}


# --- Engines -----------------------------------------------------------------------------------------------


def test_a_report_is_a_row():
    report = a_report(version=7, problems=["route r1: bad pattern"])
    record_engine(report, now=AT)
    node = EngineNode.objects.get()
    assert (str(node.node_id), node.name, node.pid, node.version) == (report.node_id, "engine-1", 4000, 7)
    [worker] = node.workers
    assert (worker["pid"], worker["version"], worker["requests"], worker["active"]) == (4001, 7, 10, 1)
    assert (worker["connections"], worker["ejected"], worker["unresolved"]) == (2, [], [])
    assert (node.problems, node.seen_at) == (["route r1: bad pattern"], AT)
    assert node.started_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_the_next_report_replaces_it():
    report = a_report(version=7)
    record_engine(report)
    record_engine(a_report(report.node_id, version=8))
    assert [node.version for node in EngineNode.objects.all()] == [8]


def test_it_is_kept_since_when_an_engine_runs_its_version():
    report = a_report(version=7)
    record_engine(report)
    first = EngineNode.objects.get().version_since
    record_engine(replace(report, problems=["x"]))
    assert EngineNode.objects.get().version_since == first
    EngineNode.objects.update(version_since=AT)
    record_engine(replace(report, version=8))
    again = EngineNode.objects.get().version_since
    assert timedelta(0) <= again - first < timedelta(minutes=1)


def test_reports_and_farewells_are_announced(told, django_capture_on_commit_callbacks):
    report = a_report()
    with django_capture_on_commit_callbacks(execute=True):
        record_engine(report)
        forget_engine(report.node_id)
    assert told == [(["engines"], {"type": "engines.changed"})] * 2
    assert not EngineNode.objects.exists()


def test_engines_silent_for_long_are_forgotten():
    record_engine(a_report(name="old"), now=AT)
    record_engine(a_report(name="new"), now=AT + timedelta(hours=2))
    assert prune_engines(silent_since=AT + timedelta(hours=1)) == 1
    assert [node.name for node in EngineNode.objects.all()] == ["new"]
