"""Keeps the mirror equal to the source: reads everything once, then only what is above its own version.

A notice wakes it; so does the poll timer, so a lost notice costs at most ``POLL_S``. While the source is away the
engine goes on with what it has. Notices that come while a read is under way are answered by one further read: that is
how a burst of edits is coalesced.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from proxy_engine.sources import ChangeRow, ConfigSource, HealthFact, Snapshot, SnapshotNeeded

from .flips import FlipReports, undisputed
from .mirror import Mirror

POLL_S = 1.0  # one look at one row: cheap enough to make a lost notice harmless
FIRST_LOAD_S = 10.0  # for the source's first answer, before the snapshot on disk has to do
READ_S = 30.0  # for the source to answer later; a connection that nobody answers on is given up
RETRY_S = 1.0

log = logging.getLogger("gatehouse.engine")


class Follower:
    """``on_snapshot``, ``on_changes`` and ``on_health`` are told of each step, after the mirror took it."""

    def __init__(
        self,
        source: ConfigSource,
        mirror: Mirror,
        flips: FlipReports,
        *,
        on_snapshot: Callable[[Snapshot], None],
        on_changes: Callable[[list[ChangeRow]], None],
        on_health: Callable[[list[HealthFact]], None],
    ) -> None:
        self.source = source
        self.mirror = mirror
        self.flips = flips
        self.on_snapshot = on_snapshot
        self.on_changes = on_changes
        self.on_health = on_health
        self.is_connected = False
        self._wake = asyncio.Event()
        self._needs_load = True

    async def first_load(self, fallback: Snapshot | None) -> None:
        """Returns with a configuration in the mirror: the source's, or ``fallback`` when the source does not answer.

        With neither there is nothing to serve: it waits until the source answers.
        """
        try:
            await self._load_until_done(give_up_on_error=fallback is not None)
        except Exception as error:  # noqa: BLE001 - whatever a database driver raises; the fallback is there for all of it
            log.warning(
                "no configuration from the database (%r); serving version %s from disk",
                error,
                fallback.version,
            )
            self._take_snapshot(fallback)
            self._needs_load = True

    async def _load_until_done(self, *, give_up_on_error: bool) -> None:
        while True:
            try:
                async with asyncio.timeout(FIRST_LOAD_S):
                    await self._load()
                return
            except Exception as error:
                if give_up_on_error:
                    raise
                log.warning("no configuration yet: %r", error)
                await asyncio.sleep(RETRY_S)

    async def listen(self) -> None:
        while True:
            try:
                async for _ in self.source.notices():
                    self._wake.set()
            except Exception as error:  # noqa: BLE001 - without notices the poll goes on, and so does the traffic
                log.warning("no notices of changes (%r); looking every %g s", error, POLL_S)
            await asyncio.sleep(RETRY_S)

    async def follow(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self._catch_up_or_say_why()

    async def _catch_up_or_say_why(self) -> None:
        try:
            async with asyncio.timeout(READ_S):
                await self.catch_up()
        except Exception as error:  # noqa: BLE001 - the source is away; what runs goes on
            if self.is_connected:
                log.warning("lost the configuration source (%r); going on with version %s", error, self.mirror.version)
            self.is_connected = False
            self._wake.clear()
            await asyncio.sleep(RETRY_S)
            self._wake.set()
        else:
            if not self.is_connected:
                log.info("following the configuration, at version %s", self.mirror.version)
            self.is_connected = True

    async def catch_up(self) -> None:
        if self._needs_load:
            await self._load()
            return
        try:
            rows = await self.source.changes_since(self.mirror.version)
        except SnapshotNeeded:
            await self._load()
            return
        # Health is read after the edits and taken before them: a new target that has to wait for its first check is
        # stored with its mark, and no worker may see the one without the other. Deleting a target forgets its mark,
        # which therefore is taken once more: the same read may have made the target anew.
        health = await self._read_health()
        self._take_health(*health)
        if rows:
            self.mirror.apply(rows)
            self.on_changes(rows)
            if any(row.after is None for row in rows):
                self._take_health(*health)

    async def _read_health(self) -> tuple[int, list[HealthFact]]:
        """Of a target whose flip the control plane did not have when it was asked, we read again once it has."""
        disputed = set(self.flips.disputed)
        seq, facts = await self.source.health_since(self.mirror.health_seq)
        known = undisputed(facts, disputed | set(self.flips.disputed))
        return (seq if len(known) == len(facts) else self.mirror.health_seq), known

    def _take_health(self, seq: int, known: list[HealthFact]) -> None:
        if known or seq != self.mirror.health_seq:
            self.mirror.set_health(seq, known)
            self.on_health(known)

    async def _load(self) -> None:
        self._take_snapshot(await self.source.load())
        self._needs_load = False
        self.is_connected = True

    def _take_snapshot(self, snapshot: Snapshot) -> None:
        snapshot = self.flips.over(snapshot)
        self.mirror.replace(snapshot)
        self.on_snapshot(snapshot)
