"""Kept-alive connections to one address under one TLS identity and one set of rules.

Last in, first out: the connection used last is the least likely to have been closed by the target meanwhile, and the
surplus ages out. Opening is the only thing here that needs a task; taking and giving back are a list's pop and append.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import TYPE_CHECKING, NamedTuple

from proxy_engine.errors import FailureKind

from .connection import ResponseSink, UpstreamConnection
from .dial import Address, PoolRules, describe, dial

if TYPE_CHECKING:
    from proxy_engine.health import TargetState

CLOSE_TIMEOUT_S = 5.0  # for a target to take the rest of a request that it has answered already
SLOW_S = 1.0  # an address that has not connected after this, when it was given up, is no good one


class Counts(NamedTuple):
    """``idle`` and ``in_use`` are now, the others since the start."""

    opened: int = 0
    reused: int = 0  # requests that found a connection
    failed: int = 0  # connections that could not be opened
    idle: int = 0
    in_use: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*map(int.__add__, self, other))


class ConnectionSink(ResponseSink):
    def connected(self, connection: UpstreamConnection) -> None: ...


class Opening:
    """A connection under way for a sink that may lose interest."""

    __slots__ = ("pool", "since", "sink", "task")

    def __init__(self, pool: Pool, sink: ConnectionSink) -> None:
        self.pool = pool
        self.sink: ConnectionSink | None = sink
        self.since = pool.loop.time()
        self.task: asyncio.Task | None = None

    @property
    def is_slow(self) -> bool:
        return self.pool.loop.time() - self.since >= SLOW_S

    def cancel(self) -> None:
        self.sink = None
        self.task.cancel()
        if self.is_slow:  # else it is more likely the client who gave up
            self.pool.failed += 1


class Pool:
    __slots__ = (
        "address",
        "connections",
        "context",
        "failed",
        "idle",
        "is_retired",
        "label",
        "loop",
        "max_requests",
        "now",
        "opened",
        "openings",
        "reused",
        "rules",
        "size",
    )

    def __init__(
        self, address: Address, rules: PoolRules, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None
    ) -> None:
        self.address = address
        self.label = str(address).encode()  # for the access log
        self.rules = rules
        self.loop = loop
        self.context = context
        self.size = rules.pool_size  # idle connections; 0 once retired
        self.is_retired = False
        self.now = loop.time()  # of the last sweep, which is all that idle times are compared with
        self.max_requests = rules.max_requests or sys.maxsize
        self.idle: list[UpstreamConnection] = []
        self.connections: set[UpstreamConnection] = set()
        self.openings: set[Opening] = set()
        self.opened = 0
        self.reused = 0
        self.failed = 0

    def __repr__(self) -> str:
        return f"<Pool {self.address} open={len(self.connections)} idle={len(self.idle)}>"

    # -- for an exchange --------------------------------------------------------

    def take(self) -> UpstreamConnection | None:
        """An idle connection that is not known to be closed, or None."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                self.reused += 1
                return connection
        return None

    def give_back(self, connection: UpstreamConnection) -> None:
        if len(self.idle) >= self.size or connection.requests >= self.max_requests or connection.transport.is_closing():
            self.dismiss(connection)
            return
        connection.idle_since = self.now
        self.idle.append(connection)

    def dismiss(self, connection: UpstreamConnection) -> None:
        """Close it once the target has taken what waits for it."""
        connection.idle_since = self.loop.time()  # the last sweep may be as long ago as it has time to close
        connection.transport.close()

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone. ``take`` skips it if it still stands in the list of idle ones."""
        self.connections.discard(connection)

    def open(self, sink: ConnectionSink) -> Opening:
        """Ends in ``sink.connected`` or ``sink.attempt_failed``, later, unless the opening is cancelled."""
        opening = Opening(self, sink)
        self.openings.add(opening)
        opening.task = self.loop.create_task(self._connect(opening))
        # Not at the coroutine's end: one that is cancelled before its first step never comes there.
        opening.task.add_done_callback(lambda _: self.openings.discard(opening))
        return opening

    async def _connect(self, opening: Opening) -> None:
        try:
            connection = await dial(self.loop, lambda: UpstreamConnection(self), self.address, self.rules, self.context)
        except (OSError, ssl.CertificateError, UnicodeError) as error:
            self._failed(opening, describe(error))
            return
        if connection.transport.is_closing():  # as overloaded targets do
            self._failed(opening, "closed as soon as it was open")
            return
        self.connections.add(connection)
        self.opened += 1
        if opening.sink is None:
            self.give_back(connection)
        else:
            opening.sink.connected(connection)

    def _failed(self, opening: Opening, detail: str) -> None:
        self.failed += 1
        if opening.sink is not None:
            opening.sink.attempt_failed(FailureKind.CONNECT, detail)

    # -- for its book -----------------------------------------------------------

    def attach(self, state: TargetState) -> None:
        """The target behind ``state`` is reached through this pool, at its one address."""
        state.addresses = 1

    def detach(self, state: TargetState) -> None:
        """It no longer is."""

    def sweep(self, now: float) -> None:
        """Close what has been idle too long, drop closed ones from the list, and end what does not close by itself."""
        self.now = now
        if not self.connections:
            self.idle.clear()
            return
        for connection in list(self.connections):
            if connection.is_leaving and connection.idle_since < now - CLOSE_TIMEOUT_S:
                connection.transport.abort()
        oldest_kept = now - self.rules.idle_timeout
        kept = []
        for connection in self.idle:
            if connection.transport.is_closing():
                continue
            if connection.idle_since < oldest_kept:
                connection.transport.close()
            else:
                kept.append(connection)
        self.idle = kept

    def retire(self) -> None:
        """Keeps nothing any more. Connections in use, and those that come of openings under way, serve one response."""
        self.is_retired = True
        self.size = 0
        for connection in self.idle:
            connection.transport.close()
        self.idle.clear()

    @property
    def is_empty(self) -> bool:
        return not self.connections and not self.openings

    @property
    def counts(self) -> Counts:
        idle = len(self.idle)
        return Counts(self.opened, self.reused, self.failed, idle, max(len(self.connections) - idle, 0))
