"""A control plane in memory: what the engine follows and reports to, and what can go wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from proxy_engine.sources import ChangeRow, HealthFact, HealthFlip, NodeReport, Snapshot, SnapshotNeeded


class Away(Exception):
    """What a driver raises when its server is gone."""


class MemorySource:
    def __init__(self, *entities: tuple[str, dict[str, Any]]) -> None:
        self.rows: list[ChangeRow] = []
        self.facts: list[HealthFact] = []
        self.loads = 0
        self.is_away = False
        self.is_mute = False  # answers nothing, for ever
        self.loses_notices = False
        self._listeners: list[asyncio.Queue[str]] = []
        for kind, entity in entities:
            self.edit(kind, entity)

    # -- the operator -----------------------------------------------------------

    @property
    def version(self) -> int:
        return self.rows[-1].version if self.rows else 0

    def edit(self, kind: str, entity: dict[str, Any]) -> int:
        return self._append(kind, entity["id"], entity)

    def delete(self, kind: str, entity: dict[str, Any]) -> int:
        return self._append(kind, entity["id"], None)

    def _append(self, kind: str, id: str, after: dict[str, Any] | None) -> int:
        self.rows.append(ChangeRow(self.version + 1, kind, id, after))
        self._notify("config")
        return self.version

    def find(self, target: dict[str, Any], *, healthy: bool) -> None:
        self.facts.append(HealthFact(target["id"], healthy, "said so", float(len(self.facts))))
        self._notify("health")

    def prune(self) -> None:
        """Forget how the present state came to be."""
        latest = {(row.kind, row.entity_id): row for row in self.rows}
        version = self.version
        self.rows = [ChangeRow(version, row.kind, row.entity_id, row.after) for row in latest.values() if row.after]

    def _notify(self, notice: str) -> None:
        if not self.loses_notices:
            for queue in self._listeners:
                queue.put_nowait(notice)

    # -- the engine -------------------------------------------------------------

    async def _answer(self) -> None:
        if self.is_mute:
            await asyncio.Event().wait()
        if self.is_away:
            raise Away("nobody there")

    async def load(self) -> Snapshot:
        await self._answer()
        self.loads += 1
        latest = {(row.kind, row.entity_id): row for row in self.rows}
        entities: dict[str, list] = {"services": [], "routes": [], "upstreams": [], "targets": []}
        for row in latest.values():
            if row.after is not None:
                entities[row.kind].append(row.after)
        known = {fact.target_id: fact for fact in self.facts}
        return Snapshot(self.version, entities, list(known.values()), len(self.facts))

    async def changes_since(self, version: int) -> list[ChangeRow]:
        await self._answer()
        newer = [row for row in self.rows if row.version > version]
        if version > self.version or [row.version for row in newer] != list(range(version + 1, self.version + 1)):
            raise SnapshotNeeded
        return newer

    async def health_since(self, seq: int) -> tuple[int, list[HealthFact]]:
        await self._answer()
        return len(self.facts), self.facts[seq:]

    async def notices(self) -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.append(queue)
        yield "connected"
        while True:
            yield await queue.get()


class MemoryReporter:
    def __init__(self) -> None:
        self.reports: list[NodeReport] = []
        self.flipped: list[HealthFlip] = []
        self.gone: list[str] = []
        self.is_away = False

    @property
    def last(self) -> NodeReport | None:
        return self.reports[-1] if self.reports else None

    async def report(self, report: NodeReport) -> None:
        self._answer()
        self.reports.append(report)

    async def flips(self, flips: list[HealthFlip]) -> None:
        self._answer()
        self.flipped += flips

    async def farewell(self, node_id: str) -> None:
        self._answer()
        self.gone.append(node_id)

    def _answer(self) -> None:
        if self.is_away:
            raise Away("nobody there")
