"""The engine's two protocols on our database and Channels layer (``proxy_engine.sources``).

Everything here may fail with the database or Redis away, and says so with the exceptions those raise; the engine goes
on with what it has and tries again. Only ``notices`` deals with failures itself: it reconnects.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.apps import apps
from django.db import close_old_connections

from gateway_admin.common.models import Entity
from gateway_admin.common.transactions import consistent_read
from proxy_engine.runtime import KINDS as ENGINE_KINDS
from proxy_engine.sources import ChangeRow, HealthFact, HealthFlip, NodeReport, Snapshot, SnapshotNeeded

from .changes import CONFIG_GROUP
from .kinds import KINDS
from .models import Change, Head

log = logging.getLogger(__name__)

HEALTH_GROUP = "health"
LAYER_TIMEOUT_S = 2.0  # for one command to Redis
PULSE_S = 2.0  # between messages to ourselves, and the time one may take
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)  # pauses between attempts to connect; the last one repeats

Result = TypeVar("Result")


class DatabaseSource:
    """A ``ConfigSource``. Remembers which database it loaded from: versions of another one mean something else."""

    def __init__(self):
        self._epoch: UUID | None = None

    async def load(self) -> Snapshot:
        epoch, snapshot = await _in_thread(read_snapshot)
        self._epoch = epoch
        return snapshot

    async def changes_since(self, version: int) -> list[ChangeRow]:
        return await _in_thread(lambda: read_changes(version, self._epoch))

    async def health_since(self, seq: int) -> tuple[int, list[HealthFact]]:
        return await _in_thread(lambda: read_health(seq))

    async def notices(self) -> AsyncIterator[str]:
        attempt = 0
        while True:
            try:
                async with aclosing(_subscription()) as notices:
                    async for notice in notices:
                        attempt = 0
                        yield notice
            except Exception as error:  # noqa: BLE001 - whatever the layer raises, we connect again
                pause_s = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
                level = logging.WARNING if attempt == 0 else logging.DEBUG
                log.log(level, "no notices, connecting again: %s", str(error) or type(error).__name__)
                attempt += 1
                await asyncio.sleep(pause_s)


class DatabaseReporter:
    """A ``Reporter`` that runs the actions it is given: engines and marks are of ``monitoring``, which stands above."""

    def __init__(
        self,
        *,
        record: Callable[[NodeReport], object],
        mark: Callable[[list[HealthFlip]], object],
        forget: Callable[[str], object],
    ):
        self._record = record
        self._mark = mark
        self._forget = forget

    async def report(self, report: NodeReport) -> None:
        await _in_thread(lambda: self._record(report))

    async def flips(self, flips: list[HealthFlip]) -> None:
        await _in_thread(lambda: self._mark(flips))

    async def farewell(self, node_id: str) -> None:
        await _in_thread(lambda: self._forget(node_id))


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await sync_to_async(_with_fresh_connection, thread_sensitive=False)(work)


def _with_fresh_connection(work: Callable[[], Result]) -> Result:
    """A connection that broke since, or is older than the settings allow, is replaced: as Django does per request."""
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


# --- Reading ---------------------------------------------------------------------------------------------


def read_snapshot() -> tuple[UUID, Snapshot]:
    """Everything, as of one moment; the statements are as many as there are kinds, however many rows."""
    Head.objects.get_or_create(pk=1)  # where nothing was ever edited
    with consistent_read():
        head = Head.objects.get(pk=1)
        entities = {kind: _all_values(KINDS[kind].model) for kind in ENGINE_KINDS}
        seq, facts = read_health(0)
    return head.epoch, Snapshot(head.version, entities, facts, seq)


def _all_values(model: type[Entity]) -> list[dict]:
    return [model.values_of_row(row) for row in model.objects.order_by("pk").values()]


def read_changes(version: int, epoch: UUID | None) -> list[ChangeRow]:
    """One statement when nothing changed, two otherwise.

    Of kinds that the engine does not know it hears the version and nothing else: no values, so no secrets.
    """
    head = Head.objects.filter(pk=1).first()
    if head is None or head.epoch != epoch or head.version < version:
        raise SnapshotNeeded
    if head.version == version:
        return []
    rows = Change.objects.filter(version__gt=version).order_by("version")
    changes = [
        ChangeRow(number, kind, str(entity_id), after if kind in ENGINE_KINDS else None)
        for number, kind, entity_id, after in rows.values_list("version", "kind", "entity_id", "after")
    ]
    if not changes or changes[0].version != version + 1:
        raise SnapshotNeeded  # the rows in between were pruned
    return changes


def read_health(seq: int) -> tuple[int, list[HealthFact]]:
    model = apps.get_model("monitoring", "TargetHealth")
    marks = model.objects.filter(seq__gt=seq).order_by("seq")
    found = list(marks.values_list("seq", "target_id", "healthy", "cause", "since", "source"))
    facts = [
        HealthFact(str(target_id), healthy, cause, since.timestamp(), by_person=source == model.Source.MANUAL)
        for _, target_id, healthy, cause, since, source in found
    ]
    return (found[-1][0] if found else seq), facts


# --- Notices ---------------------------------------------------------------------------------------------


async def _subscription() -> AsyncIterator[str]:
    """What arrives in our groups, until the layer fails or falls silent.

    A layer does not tell that its connection is gone, or that it came back and missed something. So we send ourselves
    a pulse: when it does not arrive in time, whatever was announced meanwhile may be lost as well.
    """
    layer = get_channel_layer()
    channel = await asyncio.wait_for(_join(layer), LAYER_TIMEOUT_S)
    inbox: asyncio.Queue[dict] = asyncio.Queue()
    reader = asyncio.create_task(_read(layer, channel, inbox))
    try:
        yield "connected"
        while True:
            message = await _next(layer, channel, inbox, reader)
            if message["type"] != "pulse":
                yield message["type"].partition(".")[0]
    finally:
        reader.cancel()
        await asyncio.wait([reader])
        await _leave(layer, channel)


async def _join(layer) -> str:
    channel = await layer.new_channel()
    await layer.group_add(CONFIG_GROUP, channel)
    await layer.group_add(HEALTH_GROUP, channel)
    return channel


async def _leave(layer, channel: str) -> None:
    try:
        async with asyncio.timeout(LAYER_TIMEOUT_S):
            await layer.group_discard(CONFIG_GROUP, channel)
            await layer.group_discard(HEALTH_GROUP, channel)
    except Exception as error:  # noqa: BLE001 - it is being given up in any case
        log.debug("left a channel behind: %s", str(error) or type(error).__name__)


async def _read(layer, channel: str, inbox: asyncio.Queue) -> None:
    while True:
        inbox.put_nowait(await layer.receive(channel))


async def _next(layer, channel: str, inbox: asyncio.Queue, reader: asyncio.Task) -> dict:
    """The next message; a pulse is sent when there is none for a while. Raises when that does not come back either."""
    for _ in range(2):
        try:
            return await asyncio.wait_for(inbox.get(), PULSE_S)
        except TimeoutError:
            if reader.done():
                reader.result()
            await asyncio.wait_for(layer.send(channel, {"type": "pulse"}), LAYER_TIMEOUT_S)
    raise TimeoutError("the layer fell silent")
