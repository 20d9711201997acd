"""Targets that do as they are told: a script per connection says which bytes go out, and when it ends how.

A script is a coroutine function over a ``Visit``. Most are nested in the test they belong to; the ones here are those
that several tests need.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self

WAIT_S = 5.0  # for anything a scripted peer waits for; a bound for broken tests
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close() sends RST


async def let_others_run() -> None:
    """What was written arrives in a read of its own, as far as that can be arranged on one event loop."""
    for _ in range(3):
        await asyncio.sleep(0)


def a_listener(kernel_bytes: int | None, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Port 0: a free one. ``kernel_bytes``: how little the kernel may keep in each direction of each connection."""
    listener = socket.socket()
    if kernel_bytes is not None:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            listener.setsockopt(socket.SOL_SOCKET, option, kernel_bytes)
    listener.bind((host, port))
    return listener


class Gone(Exception):
    """The gateway closed the connection where a request was expected."""


class Received(NamedTuple):
    """A request as the target got it."""

    head: bytes  # request line and fields, with the empty line
    body: bytes  # decoded

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    def field(self, name: bytes) -> bytes | None:
        found = re.search(rb"(?im)^" + re.escape(name) + rb":[ \t]*(.*?)\r$", self.head)
        return found[1] if found else None


class Visit:
    """One connection, from the target's side."""

    def __init__(self, target: ScriptedTarget, number: int, reader: asyncio.StreamReader, writer) -> None:
        self.target = target
        self.number = number  # 0 is the target's first connection
        self.reader = reader
        self.writer: asyncio.StreamWriter = writer
        self.is_over = False  # its script has ended; most do when the gateway closes

    async def head(self) -> bytes:
        """Raises Gone when the connection ends instead."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Gone from error

    async def request(self) -> Received:
        head = await self.head()
        received = Received(head, await self.body(head))
        self.target.requests.append(received)
        return received

    async def body(self, head: bytes) -> bytes:
        """What follows ``head``, decoded."""
        lower = head.lower()
        length = re.search(rb"content-length: (\d+)", lower)
        try:
            async with asyncio.timeout(WAIT_S):
                if b"transfer-encoding: chunked" in lower:
                    return await read_chunks(self.reader)
                return await self.reader.readexactly(int(length[1])) if length else b""
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Gone from error

    async def send(self, *data: bytes) -> None:
        """Each piece is a write of its own; the gateway gets its turn after each."""
        for piece in data:
            if self.writer.is_closing():
                raise Gone
            self.writer.write(piece)
            await self.writer.drain()
            await let_others_run()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        if self.writer.is_closing():
            return
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.writer.transport.abort()

    async def gone(self) -> bytes:
        """What else the gateway sends until it closes."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.reader.read()
        except ConnectionError:
            return b""


Script = Callable[[Visit], Awaitable[None]]


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append(await reader.readexactly(size))
        assert await reader.readexactly(2) == b"\r\n"
    assert await reader.readexactly(2) == b"\r\n"
    return b"".join(pieces)


def a_response(body: bytes = b"", *fields: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    """With a Content-Length: the body's, or the one given."""
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % (len(body) if length is None else length), *fields)
    return b"\r\n".join((*lines, b"", body))


CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def answering(*responses: bytes) -> Script:
    """The responses in turn, on each connection from the first; then the last one for ever."""

    async def script(visit: Visit) -> None:
        waiting = list(responses)
        while True:
            await visit.request()
            await visit.send(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return script


async def echoing(visit: Visit) -> None:
    """Gives each body back."""
    while True:
        received = await visit.request()
        await visit.send(a_response(received.body))


async def silent(visit: Visit) -> None:
    """Reads, never answers."""
    while True:
        await visit.request()


async def deaf(visit: Visit) -> None:
    """Never reads a byte."""
    visit.writer.transport.pause_reading()
    await asyncio.Event().wait()


async def resetting(visit: Visit) -> None:
    """Takes a request and resets the connection."""
    await visit.request()
    visit.reset()


class ScriptedTarget:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Received] = []
        self.visits: list[Visit] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task] = set()
        self._failures: list[BaseException] = []

    def __repr__(self) -> str:
        return f"<ScriptedTarget {self.address} connections={len(self.visits)} requests={len(self.requests)}>"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self, kernel_bytes: int | None = None, host: str = "127.0.0.1", port: int = 0) -> Self:
        listener = a_listener(kernel_bytes, host, port)
        self._server = await asyncio.start_server(self._visited, sock=listener, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        visit = Visit(self, len(self.visits), reader, writer)
        self.visits.append(visit)
        try:
            await self.script(visit)
        except (Gone, ConnectionError, asyncio.CancelledError):
            pass
        except Exception as failure:  # noqa: BLE001 - an assertion in a script is the test's failure: `stop` raises it
            self._failures.append(failure)
        finally:
            self._tasks.discard(task)
            visit.is_over = True
            writer.close()

    def refuse(self) -> None:
        """No new connections; those that are open go on."""
        self._server.close()

    def die(self) -> None:
        """As after kill -9: nobody listens, and every connection is reset."""
        self.refuse()
        for visit in self.visits:
            if not visit.writer.is_closing():
                visit.reset()

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=WAIT_S)
        for visit in self.visits:
            visit.writer.transport.abort()
        for failure in self._failures:
            raise failure
