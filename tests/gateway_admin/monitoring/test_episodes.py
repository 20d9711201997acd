"""Ejections and lost names as history: an entry for each episode, however often workers change their minds."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_admin.monitoring.actions import forget_engine, prune_engines, record_engine
from gateway_admin.monitoring.episodes import JOINED_S, LONGEST
from gateway_admin.monitoring.models import HealthEvent, HealthHead
from proxy_engine.sources import Unresolved
from tests.gateway_admin.monitoring.builders import a_report, a_target, an_ejection, an_upstream, remove

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 3, 14, 2, 11, tzinfo=UTC)
NODE = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def target():
    return a_target(an_upstream(), "10.0.0.1:8080")


def told(*ejected, after_s=0.0, node=NODE):
    """A report: what each worker keeps out."""
    record_engine(a_report(node, ejected=ejected or ((),)), now=AT + timedelta(seconds=after_s))


def test_an_ejection_is_one_entry_from_its_begin_to_its_end(target):
    told([an_ejection(target)], [])
    event = HealthEvent.objects.get()
    assert (event.at, event.source, event.healthy, event.label) == (AT, "ejection", False, "10.0.0.1:8080")
    assert (event.actor, event.workers, event.times, event.ended_at) == ("engine-1", 1, 1, None)
    assert (event.upstream_id, event.cause) == (target.upstream_id, "5 failures in a row: connection refused")
    told([], [], after_s=30)
    event.refresh_from_db()
    assert event.ended_at == AT + timedelta(seconds=30)
    assert event.lasted == timedelta(seconds=30)


def test_reports_that_repeat_themselves_write_nothing(target, django_assert_max_num_queries):
    told([an_ejection(target)])
    before = HealthHead.objects.get().seq
    with django_assert_max_num_queries(7):  # the report before, the row; savepoints
        told([an_ejection(target)], after_s=2)
    assert HealthHead.objects.get().seq == before
    assert HealthEvent.objects.count() == 1


def test_the_most_workers_at_once_are_told(target):
    told([an_ejection(target)], [])
    told([an_ejection(target)], [an_ejection(target, cause="another")], after_s=2)
    told([], [an_ejection(target)], after_s=4)
    event = HealthEvent.objects.get()
    assert (event.workers, event.cause, event.ended_at) == (2, "another", None)


def test_one_that_is_out_again_soon_goes_on_in_the_same_entry(target):
    for number in range(5):
        told([an_ejection(target)], after_s=number * 40)
        told([], after_s=number * 40 + 20)
    event = HealthEvent.objects.get()
    assert (event.times, event.at, event.ended_at) == (5, AT, AT + timedelta(seconds=180))


def test_one_that_is_out_again_later_is_another(target):
    told([an_ejection(target)])
    told([], after_s=10)
    told([an_ejection(target)], after_s=10 + JOINED_S + 1)
    assert HealthEvent.objects.count() == 2


def test_steady_flapping_begins_a_new_entry_now_and_then(target):
    period_s = 50
    for number in range(int(LONGEST.total_seconds() / period_s) + 5):
        told([an_ejection(target)], after_s=number * period_s)
        told([], after_s=number * period_s + 10)
    assert HealthEvent.objects.count() == 2


def test_each_engine_has_its_own(target):
    told([an_ejection(target)])
    told([an_ejection(target)], node="22222222-2222-4222-8222-222222222222")
    told([], after_s=5)
    assert HealthEvent.objects.filter(ended_at=None).count() == 1


def test_a_name_that_does_not_resolve(target):
    report = a_report(NODE)
    report.workers[0].unresolved.append(Unresolved(str(target.pk), "no such name"))
    record_engine(report, now=AT)
    event = HealthEvent.objects.get()
    assert (event.source, event.cause, event.ended_at) == ("dns", "no such name", None)
    told(after_s=60)
    event.refresh_from_db()
    assert event.ended_at == AT + timedelta(seconds=60)


def test_what_an_engine_saw_ends_with_it(target):
    told([an_ejection(target)])
    forget_engine(NODE)
    assert HealthEvent.objects.get().ended_at is not None


def test_of_a_silent_engine_when_it_was_last_seen(target):
    told([an_ejection(target)])
    prune_engines(silent_since=AT + timedelta(days=1))
    assert HealthEvent.objects.get().ended_at == AT


def test_an_engine_that_comes_back_goes_on_where_it_was(target):
    told([an_ejection(target)])
    prune_engines(silent_since=AT + timedelta(days=1))
    told([an_ejection(target)], after_s=5)
    assert HealthEvent.objects.get().times == 2


def test_deleted_targets_begin_nothing(target):
    remove(target)
    told([an_ejection(target)])
    assert not HealthEvent.objects.exists()


def test_open_pages_hear_of_it(target, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr("gateway_admin.monitoring.notices._tell", lambda groups, message: sent.append(groups))
    with django_capture_on_commit_callbacks(execute=True):
        told([an_ejection(target)])
    assert ["overview", f"upstream-{target.upstream_id}"] in sent
