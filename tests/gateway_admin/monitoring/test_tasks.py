"""The tasks as a worker runs them: from a tick to a stored flip, and what beat is told."""

import json
import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from gateway_admin.monitoring import tasks
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from gateway_admin.monitoring.checks import process
from gateway_admin.monitoring.checks.load import TOTALS
from gateway_admin.monitoring.checks.schedule import DUE
from gateway_admin.monitoring.models import EngineNode, HealthEvent, TargetHealth
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_upstream, edit
from tests.gateway_admin.monitoring.servers import nobody_listening
from tests.support.eventually import eventually

WAIT_S = 20


class Broker:
    """Hands messages on at once, as JSON."""

    def __init__(self):
        self.sent = []

    def apply_async(self, args, **options):
        self.sent.append((json.loads(json.dumps(args)), options))

    def deliver(self):
        while self.sent:
            args, _ = self.sent.pop(0)
            tasks.make_checks(*args)


@pytest.fixture
def broker(monkeypatch):
    broker = Broker()
    monkeypatch.setattr(tasks.make_checks, "apply_async", broker.apply_async)
    return broker


@pytest.fixture
def worker(store):
    """A worker process of its own for each test."""
    tasks.this_process.cache_clear()
    yield tasks.this_process()
    tasks.stop_checks()
    tasks.this_process.cache_clear()


@pytest.fixture
def flips(monkeypatch):
    """Waits until so many flips were stored."""
    stored = threading.Semaphore(0)
    store_flips = process.store_flips

    def counted(found):
        seqs = store_flips(found)
        stored.release(len(found))
        return seqs

    monkeypatch.setattr(process, "store_flips", counted)
    return lambda number: all(stored.acquire(timeout=WAIT_S) for _ in range(number))


@pytest.mark.django_db(transaction=True)
def test_from_a_tick_to_a_flip(worker, broker, flips):
    upstream = an_upstream(interval=0.1, failures=3)
    with nobody_listening() as address:
        target = a_target(upstream, address)
        tasks.pick_checks()
        broker.deliver()
        assert flips(1)
    mark = TargetHealth.objects.get(target=target)
    assert not mark.healthy
    assert mark.cause == "3 of 3 TCP failures: connection refused, connection refused, connection refused"
    assert HealthEvent.objects.get().source == "active"


@pytest.mark.django_db(transaction=True)
def test_what_was_switched_off_meanwhile_is_not_checked(worker, broker):
    upstream = an_upstream()
    a_target(upstream)
    tasks.pick_checks()
    edit(upstream, healthchecks={"active": {"healthy": {"interval": 0}, "unhealthy": {"interval": 0}}})
    [([batch], _)] = broker.sent
    assert process.jobs(worker._plans.current(), worker._marks.current(), batch) == []


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_stops_hands_back_what_it_did_not_begin(worker, broker, store):
    target = a_target(an_upstream(interval=60))
    tasks.pick_checks()
    [([[(target_id, due_ms)]], _)] = broker.sent
    later = due_ms + 20_000
    tasks.make_checks([(target_id, later)])  # it waits for its moment
    eventually(lambda: worker._loop._prober and worker._loop._prober._waiting, what="the check waits")
    tasks.stop_checks()
    assert store.zscore(DUE, str(target.pk)) == later
    assert store.hget(TOTALS, "done") == "1"


@pytest.mark.django_db
def test_batches_expire(worker, broker):
    a_target(an_upstream())
    tasks.pick_checks()
    [(_, options)] = broker.sent
    assert options == {"expires": tasks.CHECKS_EXPIRE_S}


def test_beat_ticks_each_second_and_ticks_expire():
    planned = {}

    class App:
        def add_periodic_task(self, every_s, task, *, name, expires):
            planned[name] = (every_s, task.task, expires)

    tasks.schedule_tasks(App())
    assert planned["health checks"] == (1.0, "monitoring.pick_checks", 2.0)
    assert planned["prune"][1] == "monitoring.prune"


@pytest.mark.django_db
def test_the_broom_takes_old_events_and_long_silent_engines(settings):
    settings.HEALTH_EVENTS_KEPT_DAYS = 30
    upstream, now = an_upstream(), timezone.now()
    old, young = a_target(upstream), a_target(upstream)
    mark_targets([a_flip(old)], source=Source.ACTIVE, at=now - timedelta(days=31))
    mark_targets([a_flip(young)], source=Source.ACTIVE, at=now - timedelta(days=29))
    record_engine(a_report(name="gone"), now=now - timedelta(days=2))
    record_engine(a_report(name="here"), now=now)
    tasks.prune()
    assert [event.target_id for event in HealthEvent.objects.all()] == [young.pk]
    assert [node.name for node in EngineNode.objects.all()] == ["here"]
    assert TargetHealth.objects.count() == 2
