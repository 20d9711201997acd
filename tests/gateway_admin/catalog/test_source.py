"""What the engine reads: whole snapshots, changes above a version, health above a number, and hints when to look."""

import asyncio
import uuid
from contextlib import aclosing

import pytest
from channels.layers import get_channel_layer
from django.utils import timezone

from gateway_admin.catalog import actions, changes, source
from gateway_admin.catalog.models import Change, Head
from gateway_admin.catalog.source import DatabaseReporter, DatabaseSource, read_changes, read_health, read_snapshot
from gateway_admin.monitoring.actions import Flip, forget_engine, mark_by_traffic, mark_targets, record_engine
from gateway_admin.monitoring.models import EngineNode, TargetHealth
from proxy_engine import spec
from proxy_engine.explain import Replica
from proxy_engine.sources import HealthFlip, NodeReport, Snapshot, SnapshotNeeded, WorkerReport
from tests.gateway_admin.builders import (
    ALICE,
    a_certificate,
    a_consumer,
    a_key,
    a_route,
    a_service,
    a_target,
    an_upstream,
    in_thread,
    to,
)

WAIT_S = 20


def mark(target, *, healthy=False):
    flip = Flip(str(target.pk), str(target.upstream_id), target.target, healthy, "no answer")
    mark_targets([flip], source=TargetHealth.Source.ACTIVE, at=timezone.now())


# --- Snapshots and changes -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_snapshot_has_every_entity_as_the_change_log_has_it():
    upstream = an_upstream(name="pool", tags=["a"])
    target, service = a_target(upstream, weight=3), a_service(host="pool")
    route = a_route(service=to(service))

    _, snapshot = read_snapshot()

    assert snapshot.version == 4
    assert snapshot.entities == {
        "services": [service.to_values()],
        "routes": [route.to_values()],
        "upstreams": [upstream.to_values()],
        "targets": [target.to_values()],
    }
    assert [row.after for row in Change.objects.order_by("version")] == [
        entity.to_values() for entity in (upstream, target, service, route)
    ]


@pytest.mark.django_db
def test_what_the_engine_does_not_know_moves_its_version_and_tells_it_nothing():
    epoch, _ = read_snapshot()
    consumer = a_consumer()
    a_key(consumer, key="open-sesame")
    service = a_service()
    a_certificate()

    _, snapshot = read_snapshot()
    rows = read_changes(0, epoch)

    assert (snapshot.version, set(snapshot.entities)) == (4, {"services", "routes", "upstreams", "targets"})
    assert [(row.version, row.kind, row.after) for row in rows] == [
        (1, "consumers", None),
        (2, "keyauth_credentials", None),
        (3, "services", service.to_values()),
        (4, "certificates", None),
    ]


@pytest.mark.django_db
def test_what_a_snapshot_has_the_engine_can_build():
    a_route(service=to(a_service()))
    a_target()

    _, snapshot = read_snapshot()

    for kind, entities in snapshot.entities.items():
        for values in entities:
            assert spec.check(kind, values).problems == []
            assert spec.to_spec(kind, values).id == values["id"]


@pytest.mark.django_db
def test_changes_of_an_older_release_are_read_with_the_defaults_of_the_fields_they_lack():
    upstream = an_upstream(name="pool", tags=["a"])
    a_target(upstream)
    epoch, _ = read_snapshot()
    for change in Change.objects.all():
        for field in ("probe", "retry", "circuit_breaker", "connections", "when_all_unhealthy", "priority"):
            change.after.pop(field, None)
        change.save()

    pool, target = read_changes(0, epoch)

    runtime = Replica(Snapshot(2, {"upstreams": [pool.after], "targets": [target.after]})).runtime
    [balancer] = runtime.balancers.values()
    assert balancer.upstream == spec.to_spec("upstreams", upstream.to_values())
    assert [state.target.priority for state in balancer.states] == [0]


@pytest.mark.django_db
def test_an_empty_database_is_version_0():
    _, snapshot = read_snapshot()

    assert (snapshot.version, snapshot.health, snapshot.health_seq) == (0, [], 0)
    assert all(entities == [] for entities in snapshot.entities.values())


@pytest.mark.django_db
def test_changes_above_a_version_come_in_order():
    epoch, snapshot = read_snapshot()
    service = a_service()
    actions.update(kind="services", entity_id=service.pk, values={"port": 81}, actor=ALICE)
    actions.delete(kind="services", entity_id=service.pk, actor=ALICE)

    rows = read_changes(snapshot.version, epoch)

    assert [(row.version, row.kind, row.entity_id) for row in rows] == [
        (version, "services", str(service.pk)) for version in (1, 2, 3)
    ]
    assert [row.after and row.after["port"] for row in rows] == [80, 81, None]
    assert [row.version for row in read_changes(2, epoch)] == [3]


@pytest.mark.django_db
def test_asking_when_nothing_changed_is_one_statement(django_assert_num_queries):
    a_service()
    epoch, snapshot = read_snapshot()

    with django_assert_num_queries(1):
        assert read_changes(snapshot.version, epoch) == []


@pytest.mark.django_db
def test_the_statements_of_a_snapshot_do_not_grow_with_its_rows(django_assert_num_queries):
    for _ in range(5):
        a_target()
    read_snapshot()

    with django_assert_num_queries(7):
        read_snapshot()


@pytest.mark.django_db
def test_pruned_rows_call_for_a_snapshot():
    epoch, _ = read_snapshot()
    for _ in range(3):
        a_service()
    Change.objects.filter(version__lte=2).delete()

    assert [row.version for row in read_changes(2, epoch)] == [3]
    with pytest.raises(SnapshotNeeded):
        read_changes(1, epoch)
    Change.objects.all().delete()
    with pytest.raises(SnapshotNeeded):
        read_changes(2, epoch)


@pytest.mark.django_db
def test_another_database_calls_for_a_snapshot():
    a_service()
    epoch, snapshot = read_snapshot()

    with pytest.raises(SnapshotNeeded):
        read_changes(snapshot.version + 1, epoch)
    with pytest.raises(SnapshotNeeded):
        read_changes(snapshot.version, None)
    Head.objects.update(epoch=uuid.uuid4())
    with pytest.raises(SnapshotNeeded):
        read_changes(snapshot.version, epoch)


@pytest.mark.django_db
def test_health_above_a_number():
    first, second = a_target(), a_target()
    mark(first)
    seq, facts = read_health(0)
    assert [(fact.target_id, fact.healthy, fact.cause) for fact in facts] == [(str(first.pk), False, "no answer")]
    assert abs(facts[0].since - timezone.now().timestamp()) < WAIT_S

    mark(second)
    mark(first, healthy=True)

    newer, facts = read_health(seq)
    assert [(fact.target_id, fact.healthy) for fact in facts] == [(str(second.pk), False), (str(first.pk), True)]
    assert read_health(newer) == (newer, [])


@pytest.mark.django_db
def test_a_snapshot_brings_the_health_along():
    mark(a_target())

    _, snapshot = read_snapshot()

    assert (snapshot.health_seq, [fact.healthy for fact in snapshot.health]) == (1, [False])


# --- The protocols ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_a_source_loads_once_and_then_follows():
    following = DatabaseSource()
    with pytest.raises(SnapshotNeeded):
        await following.changes_since(0)

    snapshot = await following.load()
    await in_thread(a_service)

    assert [row.version for row in await following.changes_since(snapshot.version)] == [1]
    assert await following.health_since(0) == (0, [])


@pytest.mark.django_db(transaction=True)
async def test_a_reporter_keeps_the_row_of_its_engine():
    reporter = DatabaseReporter(record=record_engine, mark=mark_by_traffic, forget=forget_engine)
    node_id = str(uuid.uuid4())
    worker = WorkerReport(pid=2, version=7, requests=1, active=0, connections=0)

    await reporter.report(NodeReport(node_id, "edge-1", 1, 7, [worker], timezone.now().timestamp(), []))
    assert (await EngineNode.objects.aget(node_id=node_id)).version == 7

    await reporter.farewell(node_id)
    assert not await EngineNode.objects.aexists()


@pytest.mark.django_db(transaction=True)
async def test_a_reporter_stores_what_an_engine_found():
    reporter = DatabaseReporter(record=record_engine, mark=mark_by_traffic, forget=forget_engine)
    target = await in_thread(a_target)
    found = HealthFlip(str(target.pk), str(target.upstream_id), target.target, False, "1 of 1 timeout", 1_700_000_000.5)

    await reporter.flips([found])

    assert await DatabaseSource().health_since(0) == (1, [found.fact])


# --- Notices ---------------------------------------------------------------------------------------------


async def heard(notices, count):
    async with asyncio.timeout(WAIT_S):
        return [await anext(notices) for _ in range(count)]


async def test_notices_name_what_changed():
    async with aclosing(DatabaseSource().notices()) as notices:
        assert await heard(notices, 1) == ["connected"]
        await asyncio.to_thread(changes.announce, 7)
        await get_channel_layer().group_send("health", {"type": "health.changed", "seq": 3})
        assert await heard(notices, 2) == ["config", "health"]


async def test_notices_survive_quiet_times(monkeypatch):
    monkeypatch.setattr(source, "PULSE_S", 0.01)
    async with aclosing(DatabaseSource().notices()) as notices:
        assert await heard(notices, 1) == ["connected"]
        waiting = asyncio.create_task(anext(notices))
        await asyncio.wait([waiting], timeout=0.1)
        await asyncio.to_thread(changes.announce, 7)
        assert await asyncio.wait_for(waiting, WAIT_S) == "config"


class FlakyLayer:
    """A layer that refuses to connect ``failures`` times, then connects and never delivers anything."""

    def __init__(self, failures):
        self.failures = failures
        self.left = []

    async def new_channel(self):
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError("no Redis")
        return "channel"

    async def group_add(self, group, channel):
        pass

    async def group_discard(self, group, channel):
        self.left.append(group)

    async def send(self, channel, message):
        pass

    async def receive(self, channel):
        await asyncio.Event().wait()


async def test_notices_connect_again_when_redis_comes_back(monkeypatch, caplog):
    layer = FlakyLayer(failures=1)
    monkeypatch.setattr(source, "BACK_OFF_S", (0.001,))
    monkeypatch.setattr(source, "get_channel_layer", lambda: layer)
    async with aclosing(DatabaseSource().notices()) as notices:
        assert await heard(notices, 1) == ["connected"]
    assert "connecting again: no Redis" in caplog.text


async def test_a_layer_that_falls_silent_is_connected_again(monkeypatch):
    """Nothing may have arrived meanwhile, so "connected" tells the engine to look."""
    layer = FlakyLayer(failures=0)
    monkeypatch.setattr(source, "BACK_OFF_S", (0.001,))
    monkeypatch.setattr(source, "PULSE_S", 0.01)
    monkeypatch.setattr(source, "get_channel_layer", lambda: layer)
    async with aclosing(DatabaseSource().notices()) as notices:
        assert await heard(notices, 3) == ["connected"] * 3
    assert layer.left[:2] == ["config", "health"]
