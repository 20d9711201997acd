"""Kept-alive connections to one target under one TLS identity.

Last in, first out: the connection used last is the least likely to have been closed by the target meanwhile, and the
surplus ages out. Opening is the only thing here that needs a task; taking and giving back are a list's pop and append.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import NamedTuple

from proxy_engine.errors import FailureKind

from .connection import ResponseSink, UpstreamConnection

MAX_IDLE = 512  # connections per target; Kong: 512
IDLE_TIMEOUT_S = 60.0  # Kong: 60 s
CLOSE_TIMEOUT_S = 5.0  # for a target to take the rest of a request that it has answered already


class Address(NamedTuple):
    """Where a connection leads, and as whom the far side must identify itself. ``server_name`` "" = plain TCP."""

    host: str
    port: int
    server_name: str = ""
    verify: bool = False

    def __str__(self) -> str:
        where = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"https://{where}" if self.server_name else where


def tls_context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class Opening:
    """A connection under way for a sink that may lose interest."""

    __slots__ = ("sink", "task")

    def __init__(self, sink: ConnectionSink) -> None:
        self.sink: ConnectionSink | None = sink
        self.task: asyncio.Task | None = None

    def cancel(self) -> None:
        self.sink = None
        self.task.cancel()


class ConnectionSink(ResponseSink):
    def connected(self, connection: UpstreamConnection) -> None: ...


class Pool:
    __slots__ = (
        "address",
        "connections",
        "context",
        "idle",
        "is_retired",
        "loop",
        "opened",
        "openings",
        "reused",
    )

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext | None) -> None:
        self.address = address
        self.loop = loop
        self.context = context
        self.idle: list[UpstreamConnection] = []
        self.connections: set[UpstreamConnection] = set()
        self.openings: set[Opening] = set()
        self.is_retired = False
        self.opened = 0
        self.reused = 0

    def __repr__(self) -> str:
        return f"<Pool {self.address} open={len(self.connections)} idle={len(self.idle)}>"

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
        if self.is_retired or len(self.idle) >= MAX_IDLE or connection.transport.is_closing():
            self.dismiss(connection)
            return
        connection.idle_since = self.loop.time()
        self.idle.append(connection)

    def dismiss(self, connection: UpstreamConnection) -> None:
        """Close it once the target has taken what waits for it."""
        connection.idle_since = self.loop.time()
        connection.transport.close()

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone. ``take`` skips it if it still stands in the list of idle ones."""
        self.connections.discard(connection)

    def open(self, sink: ConnectionSink) -> Opening:
        """Ends in ``sink.connected`` or ``sink.attempt_failed``, unless the opening is cancelled."""
        opening = Opening(sink)
        self.openings.add(opening)
        opening.task = self.loop.create_task(self._connect(opening))
        # Not at the coroutine's end: one that is cancelled before its first step never comes there.
        opening.task.add_done_callback(lambda _: self.openings.discard(opening))
        return opening

    async def _connect(self, opening: Opening) -> None:
        address = self.address
        try:
            _, connection = await self.loop.create_connection(
                lambda: UpstreamConnection(self),
                address.host,
                address.port,
                ssl=self.context,
                server_hostname=address.server_name or None,
            )
        except (OSError, ssl.CertificateError, UnicodeError) as error:
            if opening.sink is not None:
                opening.sink.attempt_failed(FailureKind.CONNECT, describe(error))
            return
        if connection.transport.is_closing():  # as overloaded targets do
            if opening.sink is not None:
                opening.sink.attempt_failed(FailureKind.CONNECT, "closed as soon as it was open")
            return
        self.connections.add(connection)
        self.opened += 1
        if opening.sink is None:
            self.give_back(connection)
        else:
            opening.sink.connected(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle too long, drop closed ones from the list, and end what does not close by itself."""
        for connection in list(self.connections):
            if connection.is_leaving and connection.idle_since < now - CLOSE_TIMEOUT_S:
                connection.transport.abort()
        oldest_kept = now - IDLE_TIMEOUT_S
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
        """No new work; connections in use close when their response ends."""
        self.is_retired = True
        for connection in self.idle:
            connection.transport.close()
        self.idle.clear()


def describe(error: Exception) -> str:
    """In an operator's words."""
    if isinstance(error, socket.gaierror):
        return "name resolution failed"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
