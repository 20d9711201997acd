"""Shares of the time: from what happened, across pruning, for what is younger than the window."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_admin.catalog.models import Change, Target, Upstream
from gateway_admin.monitoring.actions import Source, mark_targets, prune_health, record_engine
from gateway_admin.monitoring.histories import uptimes
from gateway_admin.monitoring.uptime import CELLS, DOWN, OUT, UNKNOWN, UNUSED, UP
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_ejection, an_upstream, edit, remove

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=30)


def hours(count):
    return NOW - timedelta(hours=count)


def since(entity, moment):
    """As if it had been made then."""
    type(entity).objects.filter(pk=entity.pk).update(created_at=moment)
    Change.objects.filter(entity_id=entity.pk).update(at=moment)
    entity.refresh_from_db()
    return entity


def changed(entity, moment, **values):
    edit(entity, **values)
    Change.objects.filter(pk=Change.objects.order_by("-version").first().pk).update(at=moment)


@pytest.fixture
def upstream():
    return since(an_upstream(), OLD)


@pytest.fixture
def target(upstream):
    return since(a_target(upstream), OLD)


def down(target, at, until=None):
    mark_targets([a_flip(target)], source=Source.ACTIVE, at=at)
    if until is not None:
        mark_targets([a_flip(target, healthy=True)], source=Source.ACTIVE, at=until)


def of(target):
    return uptimes(target.upstream, now=NOW).targets[target.pk]


def test_a_target_that_never_failed_was_always_up(target):
    assert of(target).shares == {"1 h": 1.0, "24 h": 1.0, "7 d": 1.0}


def test_time_down_is_taken_off(target):
    down(target, hours(3), until=hours(0.5))
    assert of(target).shares == pytest.approx({"1 h": 0.5, "24 h": 1 - 2.5 / 24, "7 d": 1 - 2.5 / 168})


def test_one_that_is_still_down(target):
    down(target, hours(200))
    assert of(target).shares == {"1 h": 0.0, "24 h": 0.0, "7 d": 0.0}


def test_a_target_younger_than_the_window_is_measured_since_it_is_there(upstream):
    target = since(a_target(upstream), hours(4))
    down(target, hours(1))
    assert of(target).shares == pytest.approx({"1 h": 0.0, "24 h": 0.75, "7 d": 0.75})


def test_what_was_pruned_counts_neither_way(target):
    down(target, hours(100), until=hours(20))
    down(target, hours(10), until=hours(5))
    prune_health(events_before=hours(15))
    # Up from 20 h ago, as the event of 10 h ago still knows; before that nobody does.
    assert of(target).shares["7 d"] == pytest.approx(15 / 20)
    prune_health(events_before=NOW)
    assert of(target).shares["7 d"] == 1.0  # of the five hours since the mark of now


def test_an_upstream_is_up_while_one_target_is(upstream, target):
    other = since(a_target(upstream), OLD)
    down(target, hours(6), until=hours(2))
    down(other, hours(4), until=hours(1))
    assert uptimes(upstream, now=NOW).upstream.shares["24 h"] == pytest.approx(22 / 24)


def test_a_target_that_is_switched_off_serves_nobody(upstream, target):
    changed(target, hours(6), enabled=False)
    changed(target, hours(3), enabled=True)
    found = uptimes(upstream, now=NOW)
    assert found.upstream.shares["24 h"] == pytest.approx(21 / 24)
    assert found.targets[target.pk].shares["24 h"] == 1.0
    states = {state for _, _, state in found.targets[target.pk].strip.runs}
    assert states == {UP, UNUSED}


def test_a_deleted_target_served_until_then(upstream, target):
    remove(target)
    Change.objects.filter(pk=Change.objects.order_by("-version").first().pk).update(at=hours(6))
    assert uptimes(upstream, now=NOW).upstream.shares["24 h"] == pytest.approx(18 / 24)


def test_an_upstream_without_targets_is_down_since_it_is_there():
    young = since(an_upstream(), hours(2))
    assert uptimes(young, now=NOW).upstream.shares["7 d"] == 0.0


def test_the_strip_shows_the_worst_of_each_cell(target):
    down(target, hours(12), until=hours(12) + timedelta(seconds=5))
    record_engine(a_report("11111111-1111-4111-8111-111111111111", ejected=([an_ejection(target)],)), now=hours(1))
    strip = of(target).strip
    assert [state for _, _, state in strip.runs] == [UP, DOWN, UP, OUT]
    assert strip.downs == 1
    assert sum(width for _, width, _ in strip.runs) == CELLS


def test_before_it_was_there_nothing_is_known(upstream):
    target = since(a_target(upstream), hours(6))
    assert [(width, state) for _, width, state in of(target).strip.runs] == [(180, UNKNOWN), (60, UP)]


def test_the_number_of_statements_does_not_grow(upstream, django_assert_num_queries):
    for _ in range(5):
        down(since(a_target(upstream), OLD), hours(5), until=hours(4))
    with django_assert_num_queries(4):
        uptimes(upstream, now=NOW)
    assert Target.objects.count() == 5
    assert Upstream.objects.count() == 1
