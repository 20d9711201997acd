"""Constant load over kept-alive connections, and a record of everything that went wrong.

``with Load(url, connections=16) as load: …`` sends until the block ends; then ``load.failures`` says what failed and
why. A failure is a response other than the wanted one, or a connection that broke. One exception, as every client
makes it (RFC 9112, section 9.3.1): a request on a *reused* connection that was closed before a single byte of the
answer is sent once more on a fresh one; ``load.resent`` counts these, as a server that closes idle connections in
passing is right to do so.
"""

from __future__ import annotations

import asyncio
import collections
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from tests.support.eventually import eventually
from tests.support.loop_thread import LoopThread

ANSWER_S = 15.0


@dataclass(frozen=True)
class Failure:
    at: float  # monotonic seconds
    reason: str


@dataclass
class Record:
    answers: collections.Counter[str] = field(default_factory=collections.Counter)  # by X-Echo-Name
    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    failures: list[Failure] = field(default_factory=list)
    resent: int = 0
    slowest_s: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


class Cut(Exception):
    """The connection ended; ``started`` tells whether part of an answer had come."""

    def __init__(self, why: str, *, started: bool):
        super().__init__(why)
        self.started = started


class Load:
    """``per_second`` bounds all connections together, so that the gateway under test keeps a core of its own."""

    def __init__(self, url: str, *, connections: int = 8, per_second: float = 400.0, headers: str = ""):
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.head = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}\r\n".encode()
        self.record = Record()
        self._pause_s = connections / per_second
        self._connections = connections
        self._stopping = asyncio.Event()
        self._thread = LoopThread("load")
        self._senders: list[asyncio.Task] = []

    @property
    def failures(self) -> list[Failure]:
        return self.record.failures

    def __enter__(self) -> Self:
        self._thread.run(self._start())
        self.wait_for(self._connections)
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.run(self._stop(), within=ANSWER_S + 5)
        self._thread.close()

    def wait_for(self, more: int, *, within: float = 20.0) -> None:
        """Until that many further requests have been answered, well or badly."""
        goal = self._done() + more
        eventually(lambda: self._done() >= goal, within=within, what=f"{more} more answers")

    def _done(self) -> int:
        return self.record.total + len(self.record.failures)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._senders = [loop.create_task(self._send_for_ever(n)) for n in range(self._connections)]

    async def _stop(self) -> None:
        self._stopping.set()
        await asyncio.gather(*self._senders)

    async def _send_for_ever(self, number: int) -> None:
        connection = _Connection(self)
        await self._pause(self._pause_s * number / self._connections)  # spread out, not in step
        while not self._stopping.is_set():
            started_at = time.monotonic()
            await self._send(connection)
            took_s = time.monotonic() - started_at
            self.record.slowest_s = max(self.record.slowest_s, took_s)
            await self._pause(self._pause_s - took_s)
        connection.close()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _send(self, connection: _Connection) -> None:
        try:
            try:
                await connection.exchange(self.record)
            except Cut as cut:
                if cut.started or not connection.was_reused:
                    raise
                self.record.resent += 1
                await connection.exchange(self.record)
        except (Cut, OSError, ValueError) as error:
            connection.close()
            reason = f"{type(error).__name__}: {error}"
            self.record.failures.append(Failure(time.monotonic(), reason))


class _Connection:
    def __init__(self, load: Load):
        self._load = load
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.was_reused = False

    async def exchange(self, record: Record) -> None:
        async with asyncio.timeout(ANSWER_S):
            await self._open()
            status, headers, body = await self._ask()
        record.statuses[status] += 1
        if status != 200:
            raise ValueError(f"status {status}: {body[:200]!r}")
        record.answers[headers.get("x-echo-name", "?")] += 1
        if headers.get("connection") == "close":
            self.close()

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None

    async def _open(self) -> None:
        self.was_reused = self._writer is not None
        if not self.was_reused:
            self._reader, self._writer = await asyncio.open_connection(self._load.host, self._load.port)

    async def _ask(self) -> tuple[int, dict[str, str], bytes]:
        started = False
        try:
            self._writer.write(self._load.head)
            first = await self._reader.readline()
            if not first.endswith(b"\n"):
                raise Cut(f"closed after {len(first)} bytes", started=bool(first))
            started = True
            headers = parse_fields(await self._reader.readuntil(b"\r\n\r\n"))
            body = await self._reader.readexactly(int(headers["content-length"]))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Cut(f"{type(error).__name__} {error}", started=started) from error
        except Cut:
            self.close()
            raise
        return int(first.split()[1]), headers, body


def parse_fields(block: bytes) -> dict[str, str]:
    lines = block.decode("latin-1").splitlines()
    return {name.lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
