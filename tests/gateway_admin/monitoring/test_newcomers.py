"""Targets that wait for their first check: from the transaction that makes them until they get traffic."""

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import batch
from gateway_admin.catalog.source import read_health
from gateway_admin.monitoring.checks.marks import MarksReader
from gateway_admin.monitoring.checks.picker import Picker
from gateway_admin.monitoring.checks.plan import PlanReader
from gateway_admin.monitoring.models import HealthEvent, TargetHealth
from tests.gateway_admin.monitoring.builders import ALICE, a_target, an_upstream, edit, remove

pytestmark = pytest.mark.django_db
CAREFUL = {"start_unhealthy": True}


def waits(target) -> bool:
    return TargetHealth.objects.filter(target=target, healthy=False, address=target.target).exists()


def test_by_default_a_target_is_healthy_until_a_check_says_otherwise():
    assert not waits(a_target(an_upstream()))
    assert HealthEvent.objects.count() == 0


def test_a_new_target_waits_for_its_first_check():
    target = a_target(an_upstream(probe=CAREFUL), "10.0.0.1:80")
    assert waits(target)
    event = HealthEvent.objects.get()
    assert (event.healthy, event.cause, event.source) == (False, "waits for its first successful check", "config")
    [fact] = read_health(0)[1]
    assert (fact.target_id, fact.healthy) == (str(target.pk), False)


def test_target_and_mark_are_stored_together_or_not_at_all():
    upstream = an_upstream(probe=CAREFUL)

    def fail_after_a_target():
        with batch(ALICE):
            a_target(upstream)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_a_target()
    assert TargetHealth.objects.count() == 0


def test_a_batch_of_targets_is_marked_as_one():
    upstream = an_upstream(probe=CAREFUL)
    with batch(ALICE):
        targets = [a_target(upstream) for _ in range(5)]
    assert all(map(waits, targets))
    assert [event.pk for event in HealthEvent.objects.order_by("pk")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "checks",
    [
        {"interval": 0},
        {"active": {"unhealthy": {"interval": 0}}},
        {"active": {"healthy": {"successes": 0}}},
    ],
)
def test_checks_that_could_not_let_it_in_do_not_hold_it_back(checks):
    assert not waits(a_target(an_upstream(probe=CAREFUL, **checks)))


def test_switching_it_on_does_not_touch_targets_that_serve():
    upstream = an_upstream()
    target = a_target(upstream)
    edit(upstream, probe=CAREFUL)
    edit(target, tags=["a"], enabled=False)
    assert not waits(target)


@pytest.mark.parametrize("change", [{"target": "10.0.0.2:80"}, {"weight": 5}])
def test_another_server_and_a_first_weight_are_new_too(change):
    target = a_target(an_upstream(probe=CAREFUL), "10.0.0.1:80", weight=0)
    assert not waits(target)
    edit(target, **({"weight": 1} | change))
    target.refresh_from_db()
    assert waits(target)


def test_an_undone_deletion_makes_a_new_target():
    target = a_target(an_upstream(probe=CAREFUL), "10.0.0.1:80")
    values = target.to_values()
    TargetHealth.objects.update(healthy=True)
    remove(target)
    assert waits(actions.create(kind="targets", values=values, actor=ALICE))


def test_the_mark_goes_when_nothing_could_lift_it_any_more(store):
    upstream = an_upstream(probe=CAREFUL)
    target = a_target(upstream)
    edit(upstream, healthchecks={"active": {"healthy": {"interval": 0}, "unhealthy": {"interval": 0}}})
    Picker(store, PlanReader(), MarksReader()).pick(1_700_000_000_000)
    assert not waits(target)
