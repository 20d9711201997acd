"""When a drain is over, and what becomes of the target then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gateway_admin.catalog import actions
from gateway_admin.catalog.bulk import change_many
from gateway_admin.catalog.draining import InFlight, begun, finish_drains, in_flight
from gateway_admin.catalog.engine_reports import worker_reports
from gateway_admin.catalog.models import Change, Target
from gateway_admin.catalog.source import read_changes, read_snapshot
from gateway_admin.monitoring.actions import record_engine
from gateway_admin.monitoring.models import LIVE_S
from proxy_engine.sources import Draining
from tests.gateway_admin.builders import ALICE, a_target
from tests.gateway_admin.monitoring.builders import a_report

pytestmark = pytest.mark.django_db
ASKED = {"seconds": 60, "then": "off", "keep_sticky": False}


def a_draining_target(**asked):
    target = a_target()
    change_many(
        rows=Target.objects.all(), action="drain", ids=[str(target.pk)], tags=[], actor=ALICE, drain=ASKED | asked
    )
    return Target.objects.get(pk=target.pk)


def later(seconds):
    return timezone.now() + timedelta(seconds=seconds)


def told(*workers, now=None):
    """``workers``: of each, target → attempts in flight."""
    facts = [[Draining(str(target.pk), active) for target, active in worker.items()] for worker in workers]
    record_engine(a_report(ejected=((),) * len(workers), draining=facts), now=now)


def test_it_lasts_as_long_as_was_asked():
    target = a_draining_target(seconds=90.5)
    assert target.drain["until"] - target.drain["since"] == pytest.approx(90.5)
    assert finish_drains(later(80)) == []
    assert Target.objects.get().drain == target.drain


@pytest.mark.parametrize(
    ("then", "left"), [("off", {"enabled": False, "drain": None}), ("return", {"enabled": True, "drain": None})]
)
def test_at_the_deadline_it_is_disabled_or_returned(then, left):
    target = a_draining_target(then=then)
    assert finish_drains(later(61)) == [target.target]
    assert {name: getattr(Target.objects.get(), name) for name in left} == left
    change = Change.objects.order_by("-version").first()
    assert (change.actor, change.via) == ("drain", "task")


def test_at_the_deadline_it_is_removed():
    a_draining_target(then="remove")
    finish_drains(later(61))
    assert not Target.objects.exists()


def test_looking_twice_does_no_harm():
    a_draining_target(then="off")
    assert len(finish_drains(later(61))) == 1
    versions = Change.objects.count()
    assert finish_drains(later(61)) == []
    assert Change.objects.count() == versions


def test_it_ends_early_once_nothing_is_in_flight_anywhere():
    target = a_draining_target()
    told({target: 2}, {target: 0})
    assert in_flight(worker_reports())[target.pk] == InFlight(2, 0)
    assert finish_drains() == []
    told({target: 0})
    assert finish_drains() == []  # the first engine still counts
    record_engine(a_report())  # and one that has not heard of the drain
    assert finish_drains() == []


@pytest.mark.parametrize(("workers", "is_over"), [(({}, {}), False), ((None, {}), False), ((None, None), True)])
def test_all_workers_must_have_told(workers, is_over):
    target = a_draining_target()
    told(*({target: 0} if worker is None else worker for worker in workers))
    assert bool(finish_drains()) is is_over


def test_engines_that_fell_silent_are_not_waited_for_and_tell_nothing():
    target = a_draining_target()
    told({target: 0}, now=later(-LIVE_S - 1))
    assert finish_drains() == []


def test_sticky_clients_may_come_back_until_the_deadline():
    target = a_draining_target(keep_sticky=True)
    told({target: 0})
    assert finish_drains() == []
    assert finish_drains(later(61)) == [target.target]


def test_a_drain_that_drains_already_goes_on_with_a_new_deadline():
    now = timezone.now()
    first = begun(ASKED, None, now)
    second = begun(ASKED | {"seconds": 600, "then": "remove"}, first, now + timedelta(seconds=10))
    assert second["since"] == first["since"]
    assert second["until"] == pytest.approx(first["until"] + 550)


@pytest.mark.parametrize("is_early", [True, False])
def test_who_undoes_a_removal_gets_a_target_that_stays_drained(is_early):
    target = a_draining_target(then="remove", seconds=60)
    if is_early:
        told({target: 0})
    assert finish_drains(None if is_early else later(61)) == [target.target]
    assert not Target.objects.exists()

    restored = Change.objects.order_by("-version").first().before
    assert restored["drain"]["until"] <= later(0 if is_early else 61).timestamp()
    actions.create(kind="targets", values=restored, actor=ALICE)
    Target.objects.update(updated_at=later(62))

    assert finish_drains(later(63)) == []
    assert Target.objects.get().drain == restored["drain"]


def test_the_change_stream_tells_the_engines():
    target = a_draining_target()
    epoch, snapshot = read_snapshot()
    assert snapshot.entities["targets"][0]["drain"] == target.drain
    actions.update(kind="targets", entity_id=target.pk, values={"drain": None}, actor=ALICE)
    (row,) = read_changes(snapshot.version, epoch)
    assert row.after["drain"] is None


def test_it_is_one_statement_where_nothing_drains(django_assert_num_queries):
    a_target()
    with django_assert_num_queries(1):
        finish_drains()
