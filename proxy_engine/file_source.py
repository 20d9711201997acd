"""The engine without a control plane: its configuration is one declarative file, read again on request.

A file that cannot be used never replaces a configuration that runs: its problems are logged and the old one stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

from proxy_engine.sources import ChangeRow, HealthFact, HealthFlip, NodeReport, Snapshot, SnapshotNeeded, Values
from proxy_engine.spec.declarative import BadText, Declared, lines_of, parse, read
from proxy_engine.spec.schema import Problem

MOST_BYTES = 256 * 1024 * 1024
SHOWN = 50  # problems listed one by one

log = logging.getLogger("gatehouse.engine")

Entities = dict[str, list[Values]]


class BadFile(Exception):
    """The text says everything that is wrong, a line each."""


def load(path: Path) -> Entities:
    """Raises BadFile."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadFile(f"{path}: larger than {MOST_BYTES} bytes")
        text = path.read_bytes()
        declared = read(parse(text))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from None
    except BadText as error:
        raise BadFile(f"{path}: {error}") from None
    if problems := [*declared.problems, *_unserved(declared)]:
        raise BadFile("\n".join(_lines(path, text, problems)))
    return declared.entities


def _unserved(declared: Declared) -> list[Problem]:
    """A file whose policies were left out would open what they close."""
    text = "this engine applies no plugins yet: without it more would be let through than the file says"
    plugins = declared.entities.get("plugins", ())
    return [Problem(declared.places["plugins", one["id"]], text) for one in plugins if one["enabled"]]


def _lines(path: Path, text: bytes, problems: list[Problem]) -> list[str]:
    shown = problems[:SHOWN]
    places = lines_of(text, [problem.path for problem in shown])
    lines = [f"{path}:{places.get(problem.path, 1)}: {problem.field}: {problem.message}" for problem in shown]
    if len(problems) > SHOWN:
        lines.append(f"{path}: and {len(problems) - SHOWN} further problems")
    return lines


class FileSource:
    """A ``ConfigSource`` over one file. Versions count the readings that changed something."""

    def __init__(self, path: Path) -> None:
        """Raises BadFile."""
        self.path = path
        self._entities = load(path)
        self._version = 1
        self._rows: list[ChangeRow] = []
        self._lifted: list[HealthFact] = []
        self._health_seq = 0
        self._asked = asyncio.Event()

    def reload_soon(self) -> None:
        """Read the file again; for a signal handler."""
        self._asked.set()

    async def load(self) -> Snapshot:
        return Snapshot(self._version, self._entities)

    async def changes_since(self, version: int) -> list[ChangeRow]:
        if version < self._version - 1:
            raise SnapshotNeeded  # only the last step is kept
        return self._rows if version < self._version else []

    async def health_since(self, seq: int) -> tuple[int, list[HealthFact]]:
        return self._health_seq, self._lifted if seq < self._health_seq else []

    def _lift(self, facts: list[HealthFact]) -> None:
        if facts:
            self._lifted = facts
            self._health_seq += 1

    async def notices(self) -> AsyncIterator[str]:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                entities = await asyncio.to_thread(load, self.path)
            except BadFile as problem:
                log.error("%s\nthe configuration that runs stays", problem)
                continue
            if rows := differences(self._entities, entities, self._version + 1):
                self._lift(lifts(self._entities, entities))
                self._entities, self._rows, self._version = entities, rows, self._version + 1
                log.info("read %s again: %d entities differ", self.path, len(rows))
                yield "config"
            else:
                log.info("read %s again: nothing differs", self.path)


def differences(before: Entities, after: Entities, version: int) -> list[ChangeRow]:
    """What leads from one to the other. What goes, goes first, so that a name can move from one entity to another."""
    rows: list[ChangeRow] = []
    changed: list[ChangeRow] = []
    for kind in before.keys() | after.keys():
        old = {values["id"]: values for values in before.get(kind, ())}
        new = {values["id"]: values for values in after.get(kind, ())}
        rows += [ChangeRow(version, kind, entity_id, None) for entity_id in old.keys() - new.keys()]
        changed += [
            ChangeRow(version, kind, entity_id, values)
            for entity_id, values in new.items()
            if old.get(entity_id) != values
        ]
    return rows + changed


def lifts(before: Entities, after: Entities) -> list[HealthFact]:
    """Targets whose upstream's checks were edited begin as healthy: nobody else could bring one back that traffic took
    out when those checks let it no more."""
    old = {upstream["id"]: upstream["healthchecks"] for upstream in before.get("upstreams", ())}
    edited = {
        upstream["id"]
        for upstream in after.get("upstreams", ())
        if old.get(upstream["id"], upstream["healthchecks"]) != upstream["healthchecks"]
    }
    return [
        HealthFact(target["id"], True, "its health checks were edited", time.time())
        for target in after.get("targets", ())
        if target["upstream"]["id"] in edited
    ]


class NoReporter:
    """Nobody to report to."""

    async def report(self, report: NodeReport) -> None:
        pass

    async def flips(self, flips: list[HealthFlip]) -> None:
        pass

    async def farewell(self, node_id: str) -> None:
        pass
