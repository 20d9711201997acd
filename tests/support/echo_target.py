"""A target under the test's control: it counts, and it can be slow, mute, rude or dead, and come back.

It runs in the test's own process on a loop of its own. For a death by ``kill -9`` that includes the kernel's part,
use ``EchoProcess``.
"""

from __future__ import annotations

import asyncio
import collections
import json
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Self

from tests.support.eventually import eventually
from tests.support.loop_thread import LoopThread
from tests.support.ports import free_port

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: close() sends RST, as the kernel does for the killed


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body_bytes: int


@dataclass
class Manners:
    """How it answers from now on."""

    status: int = 200
    delay_s: float = 0.0
    mute: bool = False  # reads, never answers
    reset: bool = False  # resets the connection instead of answering
    headers: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)  # by path, instead of ``status``


class EchoTarget:
    """``with EchoTarget("a") as a:``; answers JSON and ``X-Echo-Name``."""

    def __init__(self, name: str, port: int | None = None):
        self.name, self.port = name, port or free_port()
        self.manners = Manners()
        self.requests: collections.Counter[str] = collections.Counter()  # by path, health checks among them
        self.seen: collections.deque[Request] = collections.deque(maxlen=1000)
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._thread = LoopThread(f"target {name}")

    def __repr__(self) -> str:
        return f"<EchoTarget {self.name} {self.address} requests={self.count()}>"

    def __enter__(self) -> Self:
        self.revive()
        return self

    def __exit__(self, *error: object) -> None:
        self.die()
        self._thread.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, prefix: str = "/") -> int:
        return sum(times for path, times in list(self.requests.items()) if path.startswith(prefix))

    def behave(self, **manners: object) -> None:
        self.manners = Manners(**manners)

    def noticed(self, path: str) -> None:
        """Called in the target's thread with each request; for those who want to know when it came."""

    def die(self) -> None:
        """Refuse connections and reset the open ones, as a killed process does."""
        if self._server is not None:
            self._thread.run(self._die())

    def revive(self) -> None:
        """Listen again on the same port."""
        self._thread.run(self._listen())

    async def _die(self) -> None:
        self._server.close()
        self._server = None
        for connection in list(self._connections):
            connection.reset()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port)


class _Connection(asyncio.Protocol):
    def __init__(self, target: EchoTarget):
        self.target = target
        self.held = b""
        self.answering: asyncio.Task | None = None

    def connection_made(self, transport):
        self.transport = transport
        self.target._connections.add(self)

    def connection_lost(self, error):
        self.target._connections.discard(self)
        if self.answering:
            self.answering.cancel()

    def data_received(self, data):
        self.held += data
        if self.answering is None:
            self._next()

    def reset(self):
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def _next(self):
        request, self.held = take_request(self.held)
        if request is None:
            return
        self.target.requests[request.path] += 1
        self.target.seen.append(request)
        self.target.noticed(request.path)
        manners = self.target.manners
        if manners.reset:
            self.reset()
        elif manners.delay_s:
            self.answering = asyncio.get_running_loop().create_task(self._answer_later(request, manners))
        elif not manners.mute:
            self._answer(request, manners)

    async def _answer_later(self, request, manners):
        await asyncio.sleep(manners.delay_s)
        self.answering = None
        self._answer(request, manners)

    def _answer(self, request, manners):
        seen = {"name": self.target.name, **vars(request)}
        body = b"" if request.method == "HEAD" else json.dumps(seen).encode()
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **manners.headers}
        status = manners.statuses.get(request.path, manners.status)
        lines = [f"HTTP/1.1 {status} Whatever", f"X-Echo-Name: {self.target.name}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self._next()


def take_request(held: bytes) -> tuple[Request | None, bytes]:
    """The first whole request in ``held`` and what follows it. Trusts the gateway: this is no parser to copy."""
    head, end, rest = held.partition(b"\r\n\r\n")
    if not end:
        return None, held
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body, end, rest = rest.partition(b"0\r\n\r\n")
        return (Request(method, path, headers, _chunk_bytes(body)), rest) if end else (None, held)
    size = int(headers.get("content-length", 0))
    return (Request(method, path, headers, size), rest[size:]) if len(rest) >= size else (None, held)


def _chunk_bytes(chunks: bytes) -> int:
    total = 0
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        total += int(size, 16)
        chunks = rest[int(size, 16) + 2 :]
    return total


class EchoProcess:
    """The echo target of ``make demo`` as a process of its own, to be killed for real."""

    def __init__(self, name: str):
        self.name, self.port = name, free_port()
        self.process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def start(self) -> None:
        module = "gateway_admin.processes.echo"
        command = [sys.executable, "-m", module, "--name", self.name, "--port", str(self.port)]
        self.process = subprocess.Popen(command)
        eventually(self._accepts, within=15, what=f"{self.name} accepts connections")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _accepts(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
