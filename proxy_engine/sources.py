"""Where the engine's configuration comes from and whom it reports to.

The engine knows these two protocols only. ``gateway_admin.catalog.source`` implements them on the database and the
Channels layer.

A notice is a hint, never the truth: it may be lost, doubled or late. The engine asks ``changes_since`` after each one,
after every reconnect and every few seconds besides, so a lost notice costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

Values = dict[str, Any]
"""One entity as a JSON object in Kong's field names, the form of ``Change.before`` and ``Change.after``."""


class SnapshotNeeded(Exception):
    """The rows between the asked version and the head are gone (pruned, or another database): load everything."""


@dataclass(frozen=True, slots=True)
class HealthFact:
    """What is known of one target's health."""

    target_id: str
    healthy: bool
    cause: str
    since: float  # unix seconds
    by_person: bool = False

    def repeats(self, known: HealthFact | None) -> bool:
        """Says what ``known`` said, for the same reason: the echo of a flip of ours, dated by another clock.

        A person means it again, each time: "healthy" ends an ejection, which no mark tells of.
        """
        if known is None or (self.by_person and self.since != known.since):
            return False
        return (known.healthy, known.cause) == (self.healthy, self.cause)


@dataclass(frozen=True, slots=True)
class HealthFlip:
    """An engine's passive checks took a target out, or let it back in."""

    target_id: str
    upstream_id: str
    address: str  # host:port
    healthy: bool
    cause: str
    at: float  # unix seconds

    @property
    def fact(self) -> HealthFact:
        return HealthFact(self.target_id, self.healthy, self.cause, self.at)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole configuration as of ``version``, and the health known at ``health_seq``; read in one transaction."""

    version: int
    entities: dict[str, list[Values]]
    health: list[HealthFact] = field(default_factory=list)
    health_seq: int = 0


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One numbered edit of one entity. ``after`` is None when the entity is gone."""

    version: int
    kind: str
    entity_id: str
    after: Values | None


@dataclass(frozen=True, slots=True)
class Ejection:
    """A target that one worker's circuit breaker keeps out."""

    target_id: str
    state: str  # "open" or "half-open"
    since: float  # unix seconds
    until: float | None  # unix seconds; None while half-open, which lasts until trials succeed or one fails
    cause: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A target whose name has no address, for one worker."""

    target_id: str
    cause: str


@dataclass(frozen=True, slots=True)
class Draining:
    """A target that drains, as one worker sees it."""

    target_id: str
    active: int  # attempts in flight, tunnels included


@dataclass(frozen=True, slots=True)
class Ramping:
    """A target that starts slowly in one worker."""

    target_id: str
    percent: int  # of its share that it has
    until: float  # unix seconds, when it has all of it


@dataclass(frozen=True, slots=True)
class WorkerReport:
    pid: int
    version: int
    requests: int
    active: int  # exchanges under way
    connections: int  # client connections open
    ejected: list[Ejection] = field(default_factory=list)  # some, when very many are
    draining: list[Draining] = field(default_factory=list)  # likewise
    ramping: list[Ramping] = field(default_factory=list)  # likewise
    unresolved: list[Unresolved] = field(default_factory=list)  # the same


@dataclass(frozen=True, slots=True)
class NodeReport:
    """How one engine is. ``version`` is the lowest that all its workers run."""

    node_id: str
    name: str
    pid: int
    version: int
    workers: list[WorkerReport]
    started_at: float  # unix seconds
    problems: list[str]


class ConfigSource(Protocol):
    async def load(self) -> Snapshot: ...

    async def changes_since(self, version: int) -> list[ChangeRow]:
        """Rows above ``version``, ascending. Raises ``SnapshotNeeded`` when they are not all there any more."""
        ...

    async def health_since(self, seq: int) -> tuple[int, list[HealthFact]]:
        """The newest sequence number and what changed above ``seq``, oldest first."""
        ...

    def notices(self) -> AsyncIterator[str]:
        """Yields hints, "config" or "health", and "connected" after each (re)connect. Never ends."""
        ...


class Reporter(Protocol):
    async def report(self, report: NodeReport) -> None: ...

    async def flips(self, flips: list[HealthFlip]) -> None:
        """Store them and let all engines know. Called again with the same ones when it may not have worked."""
        ...

    async def farewell(self, node_id: str) -> None:
        """The node stops in an orderly way and need not be waited for."""
        ...
