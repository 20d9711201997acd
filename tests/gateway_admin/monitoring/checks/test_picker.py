"""One tick: agenda, lifted marks and batches, on the real database and Redis."""

from dataclasses import replace
from uuid import uuid4

import pytest

from gateway_admin.monitoring.actions import Source, mark_targets
from gateway_admin.monitoring.checks.marks import MarksReader
from gateway_admin.monitoring.checks.picker import BATCH, LOOK_AHEAD_MS, Picker, batches
from gateway_admin.monitoring.checks.plan import PlanReader
from gateway_admin.monitoring.checks.schedule import Due
from gateway_admin.monitoring.models import HealthEvent, TargetHealth
from tests.gateway_admin.monitoring.builders import a_check, a_flip, a_plan, a_target, an_upstream, edit, remove

pytestmark = pytest.mark.django_db

NOW = 1_700_000_000_000


@pytest.fixture
def picker(store):
    return Picker(store, PlanReader(), MarksReader())


def picked(picker, at=NOW):
    return [due for batch in picker.pick(at) for due in batch]


def mark(target, **flip):
    plan = PlanReader().current()
    fingerprint = plan.checks[str(target.pk)].fingerprint
    mark_targets([a_flip(target, judged_by=fingerprint, **flip)], source=Source.ACTIVE)


def last_event():
    event = HealthEvent.objects.first()
    return (event.healthy, event.cause, event.source)


def test_a_new_target_is_picked_at_once(picker):
    target = a_target(an_upstream(interval=60))
    assert picked(picker) == [Due(str(target.pk), NOW)]
    assert picked(picker) == []


def test_checks_are_picked_one_to_two_ticks_before_they_are_due(picker):
    a_target(an_upstream(interval=3))
    picked(picker)
    ticks = range(NOW, NOW + 20_000, 1000)
    ahead = [due.due_ms - tick for tick in ticks for due in picked(picker, tick)]
    assert len(ahead) >= 6
    assert all(LOOK_AHEAD_MS - 1000 <= time_ms <= LOOK_AHEAD_MS for time_ms in ahead)


def test_a_quiet_tick_is_two_statements(picker, django_assert_num_queries):
    a_target(an_upstream())
    picker.pick(NOW)
    with django_assert_num_queries(2):
        picker.pick(NOW + 1000)


def test_a_target_that_went_down_gets_the_interval_of_the_unhealthy(picker):
    target = a_target(an_upstream(interval=3600, active={"unhealthy": {"interval": 1}}))
    picked(picker)
    mark(target)
    assert picked(picker, NOW + 1000) != []


def test_a_target_that_waited_for_nothing_is_woken_by_a_flip(picker):
    """Passive checks mark it, active checks lift the mark: Kong's usual pair, with the healthy half off."""
    target = a_target(an_upstream(active={"healthy": {"interval": 0}}))
    picked(picker)
    assert picked(picker, NOW + 3_600_000) == []
    mark_targets([a_flip(target, judged_by="")], source=Source.PASSIVE)
    assert picked(picker, NOW + 3_601_000) != []


# --- Marks that lose their ground ------------------------------------------------------------------------------------


def test_switching_the_checks_off_lifts_the_mark(picker):
    upstream = an_upstream()
    target = a_target(upstream)
    mark(target)
    edit(upstream, healthchecks={"active": {"healthy": {"interval": 0}, "unhealthy": {"interval": 0}}})
    assert picked(picker) == []
    assert TargetHealth.objects.get(target=target).healthy
    assert last_event() == (True, "health checks were switched off", "config")


def test_weight_0_lifts_the_mark(picker):
    target = a_target(an_upstream())
    mark(target)
    edit(target, weight=0)
    picked(picker)
    assert last_event() == (True, "its weight was set to 0: not checked any more", "config")


def test_another_address_lifts_the_mark_and_is_checked_at_once(picker):
    target = a_target(an_upstream(interval=60), "10.1.0.1:80")
    picked(picker)
    mark(target)
    edit(target, target="10.1.0.2:80")
    assert picked(picker, NOW + 1000) == [Due(str(target.pk), NOW + 1000)]
    assert last_event() == (True, "its address changed from 10.1.0.1:80 to 10.1.0.2:80", "config")


def test_an_edit_that_leaves_a_way_back_keeps_the_mark(picker):
    upstream = an_upstream(interval=60)
    target = a_target(upstream)
    picked(picker)
    mark(target)
    edit(upstream, healthchecks={"active": {"http_path": "/health"}})
    assert picked(picker, NOW + 1000) == [Due(str(target.pk), NOW + 1000)]
    assert not TargetHealth.objects.get(target=target).healthy


def test_an_edit_that_leaves_none_lifts_it(picker):
    upstream = an_upstream()
    target = a_target(upstream)
    mark(target)
    edit(upstream, healthchecks={"active": {"healthy": {"successes": 0}}})
    picked(picker)
    assert TargetHealth.objects.get(target=target).healthy


PASSIVE_ON = {"unhealthy": {"http_failures": 3}}
PASSIVE_OFF = {"unhealthy": {"http_failures": 0}}
NO_WAY_BACK = {"healthy": {"successes": 0}}


def marked_by_traffic(**checks):
    """An upstream with passive checks, and its target, which they have taken out."""
    upstream = an_upstream(**checks)
    edit(upstream, healthchecks={"passive": PASSIVE_ON})
    target = a_target(upstream)
    mark_targets([a_flip(target, judged_by="")], source=Source.PASSIVE)
    return upstream, target


@pytest.mark.parametrize("active", [None, NO_WAY_BACK])
def test_a_mark_of_passive_checks_stays_while_they_are_on(picker, active):
    _, target = marked_by_traffic(interval=1 if active else 0, active=active)
    picked(picker)
    assert not TargetHealth.objects.get(target=target).healthy


@pytest.mark.parametrize("active", [None, NO_WAY_BACK])
def test_switching_passive_checks_off_lifts_it(picker, active):
    upstream, target = marked_by_traffic(interval=1 if active else 0, active=active)
    picked(picker)
    edit(upstream, healthchecks={"passive": PASSIVE_OFF})
    picked(picker)
    assert TargetHealth.objects.get(target=target).healthy
    assert last_event() == (True, "passive health checks were switched off", "config")


def test_switching_passive_checks_off_leaves_it_to_active_ones_that_can_lift_it(picker):
    upstream, target = marked_by_traffic(interval=60)
    edit(upstream, healthchecks={"passive": PASSIVE_OFF})
    picked(picker)
    assert not TargetHealth.objects.get(target=target).healthy


def test_a_deleted_target_leaves_a_last_event(picker):
    target = a_target(an_upstream(), "10.1.0.1:80")
    mark(target)
    remove(target)
    picked(picker)
    assert last_event() == (True, "the target was deleted", "config")
    assert HealthEvent.objects.first().label == "10.1.0.1:80"
    picked(picker, NOW + 1000)
    assert HealthEvent.objects.count() == 2


def test_switching_a_target_off_keeps_its_mark(picker):
    target = a_target(an_upstream())
    mark(target)
    edit(target, enabled=False)
    assert picked(picker) != []
    assert not TargetHealth.objects.get(target=target).healthy


# --- Batches ---------------------------------------------------------------------------------------------------------


def test_an_upstream_stays_in_one_batch_as_far_as_it_fits():
    small, large = a_check(), a_check()
    plan = a_plan(*_siblings(small, 100), *_siblings(large, 200))
    upstreams = [
        {plan.checks[due.target_id].upstream_id for due in batch}
        for batch in batches(plan, [Due(target_id, NOW) for target_id in plan.checks])
    ]
    assert sorted(map(len, upstreams)) == [1, 1]


def test_a_batch_has_a_bound():
    plan = a_plan(*_siblings(a_check(), 3 * BATCH))
    sizes = [len(batch) for batch in batches(plan, [Due(target_id, NOW) for target_id in plan.checks])]
    assert sizes == [BATCH] * 3


def _siblings(check, number):
    return [replace(check, target_id=str(uuid4())) for _ in range(number)]
