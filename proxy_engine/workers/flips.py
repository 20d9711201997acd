"""What passive checks of this node found, until the control plane has it.

Flips take effect here at once; storing them may have to wait. As long as one waits, what the control plane says of
its target is older than what we know, so it is left unread: ``over`` and ``undisputed`` see to that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from dataclasses import replace

from proxy_engine.sources import HealthFact, HealthFlip, Reporter, Snapshot

MOST_WAITING = 10_000  # targets; beyond, the flip that waits longest stays untold
RETRY_S = 1.0
DELIVERY_S = 10.0  # for a control plane that neither answers nor refuses

log = logging.getLogger("gatehouse.engine")


class FlipReports:
    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self._waiting: dict[str, HealthFlip] = {}  # by target id, oldest first
        self._due = asyncio.Event()
        self._last_error = ""

    def __repr__(self) -> str:
        return f"<FlipReports waiting={len(self._waiting)}>"

    @property
    def disputed(self) -> Collection[str]:
        """The targets of which we know more than the control plane."""
        return self._waiting.keys()

    def add(self, flip: HealthFlip) -> None:
        """The newest of a target is the one that counts."""
        self._waiting.pop(flip.target_id, None)
        self._waiting[flip.target_id] = flip
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._due.set()

    def over(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as we know better. All marks are read again later: one of them may be younger than our flip."""
        if not self._waiting:
            return snapshot
        facts = {fact.target_id: fact for fact in snapshot.health}
        facts |= {flip.target_id: flip.fact for flip in self._waiting.values()}
        return replace(snapshot, health=list(facts.values()), health_seq=0)

    async def deliver_for_ever(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            while self._waiting:
                try:
                    await self.deliver()
                    self._last_error = ""
                except Exception as error:  # noqa: BLE001 - the control plane is away: the flips hold here, and wait
                    self._say_once(str(error) or "no answer")
                    await asyncio.sleep(RETRY_S)

    def _say_once(self, problem: str) -> None:
        if problem != self._last_error:
            self._last_error = problem
            log.warning("%d flips of targets cannot be stored yet: %s", len(self._waiting), problem)

    async def deliver(self) -> None:
        """What waits now. Raises what the reporter raises; then everything waits on."""
        told = list(self._waiting.values())
        if told:
            async with asyncio.timeout(DELIVERY_S):
                await self.reporter.flips(told)
        for flip in told:
            if self._waiting.get(flip.target_id) is flip:  # and no newer one
                del self._waiting[flip.target_id]


def undisputed(facts: Iterable[HealthFact], disputed: Collection[str]) -> list[HealthFact]:
    return [fact for fact in facts if fact.target_id not in disputed]
