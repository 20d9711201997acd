"""The change log: one row per touched entity, numbered in the order of commits, announced once per transaction."""

import asyncio
import threading

import pytest
from channels.layers import get_channel_layer
from django.db import connection, transaction

from gateway_admin.catalog import actions, changes
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import Change, Service, Target
from gateway_admin.common import notices
from gateway_admin.common.problems import EntityInvalid
from tests.gateway_admin.builders import ALICE, a_service, a_target, an_upstream

WAIT_S = 20


@pytest.fixture
def announced(monkeypatch):
    versions = []
    monkeypatch.setattr(changes, "announce", versions.append)
    return versions


@pytest.mark.django_db
def test_a_change_tells_who_what_when_and_from_where():
    service = a_service(name="orders")

    change = Change.objects.get()
    assert (change.actor, change.via, change.address) == ("alice", "api", "192.0.2.1")
    assert (change.kind, change.entity_id, change.label) == ("services", service.pk, "orders")
    assert (change.before, change.after) == (None, service.to_values())
    assert change.at == service.updated_at


@pytest.mark.django_db
def test_versions_count_up_by_one():
    service = a_service()
    actions.update(kind="services", entity_id=service.pk, values={"port": 81}, actor=ALICE)
    actions.delete(kind="services", entity_id=service.pk, actor=ALICE)

    rows = list(Change.objects.order_by("version"))
    assert [row.version for row in rows] == [1, 2, 3]
    assert [row.before for row in rows[1:]] == [row.after for row in rows[:-1]]
    assert rows[-1].after is None
    assert head_version() == 3


@pytest.mark.django_db
def test_several_edits_are_one_batch():
    with actions.batch(ALICE) as edits:
        upstream = an_upstream()
        a_target(upstream)
        inner = edits.version

    assert (inner, edits.version) == (2, 2)
    assert Change.objects.values_list("batch", flat=True).distinct().count() == 1


@pytest.mark.django_db
def test_a_batch_that_changes_nothing_has_the_version_of_the_head():
    service = a_service()

    with actions.batch(ALICE) as edits:
        actions.update(kind="services", entity_id=service.pk, values={}, actor=ALICE)

    assert edits.version == 1


@pytest.mark.django_db
def test_one_refused_edit_undoes_its_whole_batch():
    def several():
        with actions.batch(ALICE):
            a_service()
            a_service(port=-1)

    with pytest.raises(EntityInvalid):
        several()

    assert (Service.objects.count(), Change.objects.count(), head_version()) == (0, 0, 0)
    a_service()
    assert head_version() == 1


@pytest.mark.django_db(transaction=True)
def test_each_transaction_is_announced_once_with_its_last_version(announced):
    with actions.batch(ALICE):
        a_service()
        a_service()
    a_service()

    assert announced == [2, 3]


@pytest.mark.django_db(transaction=True)
def test_what_is_not_committed_is_not_announced(announced):
    with pytest.raises(EntityInvalid):
        a_service(port=-1)
    with transaction.atomic():
        a_service()
        transaction.set_rollback(True)

    assert announced == []


def test_a_notice_reaches_the_group():
    async def listen():
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("config", channel)
        await asyncio.to_thread(changes.announce, 7)
        return await asyncio.wait_for(layer.receive(channel), WAIT_S)

    assert asyncio.run(listen()) == {"type": "config.changed", "version": 7}


class AwayLayer:
    async def group_send(self, group, message):
        raise ConnectionRefusedError("no Redis")


class SilentLayer:
    async def group_send(self, group, message):
        await asyncio.Event().wait()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("layer", [AwayLayer(), SilentLayer()])
def test_an_outage_of_redis_does_not_fail_a_write(layer, monkeypatch, caplog):
    monkeypatch.setattr(notices, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(notices, "TIMEOUT_S", 0.05)

    a_service()

    assert Service.objects.count() == 1
    assert "version 1 is stored, but the engines could not be told" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_get_gapless_versions_in_the_order_of_commits():
    upstream, errors = an_upstream(), []

    def write(thread):
        try:
            for number in range(10):
                a_target(upstream, target=f"10.0.{thread}.{number}:80")
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)
        finally:
            connection.close()

    in_threads([lambda thread=thread: write(thread) for thread in range(4)])

    assert errors == []
    assert list(Change.objects.order_by("version").values_list("version", flat=True)) == list(range(1, 42))
    assert head_version() == 41
    assert Target.objects.count() == 40


@pytest.mark.django_db(transaction=True)
def test_of_two_writers_of_one_name_exactly_one_wins():
    start, results = threading.Barrier(2), []

    def write():
        try:
            start.wait(WAIT_S)
            results.append(a_service(name="orders"))
        except EntityInvalid as refused:
            results.append(refused.problems[0].code)
        finally:
            connection.close()

    in_threads([write, write])

    assert sorted(map(str, results)) == ["orders", "unique"]


def in_threads(works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in threads)
