"""A supervisor in the test's own event loop, with real worker processes, real sockets and a source in memory."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any, Self

from proxy_engine.settings import EngineSettings
from proxy_engine.workers.supervisor import Supervisor
from tests.support.ports import free_ports

from .client import RawClient, Response, a_request
from .sources import MemoryReporter, MemorySource
from .waiting import until

START_S = 30.0  # for processes to come up on a busy machine


def is_listening(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Node:
    """``environ`` is where its workers find their settings: os.environ, through pytest's monkeypatch."""

    def __init__(self, data_dir: Path, source: MemorySource, environ, *, workers: int = 2, drain_s: int = 10) -> None:
        self.port, self.status_port = free_ports(2)
        environ.setenv("GATEWAY_PROXY_LISTEN", f"127.0.0.1:{self.port}")
        environ.setenv("GATEWAY_STATUS_LISTEN", f"127.0.0.1:{self.status_port}")
        environ.setenv("GATEWAY_DATA_DIR", str(data_dir))
        environ.setenv("GATEWAY_WORKERS", str(workers))
        environ.setenv("GATEWAY_DRAIN_SECONDS", str(drain_s))
        self.source = source
        self.reporter = MemoryReporter()
        self.supervisor = Supervisor(EngineSettings.from_env(os.environ), source, self.reporter)
        self.running: asyncio.Task | None = None
        self._clients: list[RawClient] = []

    async def start(self) -> Self:
        """Returns once it serves."""
        self.begin()
        await self.until_ready()
        return self

    def begin(self) -> None:
        self.running = asyncio.create_task(self.supervisor.run())

    async def until_ready(self) -> None:
        await until(lambda: self.supervisor.is_ready or self.running.done(), within=START_S)
        if self.running.done():
            await self.running

    async def until_live(self, version: int) -> None:
        """All workers serve it."""
        await until(
            lambda: self.supervisor.is_ready and all(worker.version == version for worker in self.supervisor.workers),
            within=START_S,
        )

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self.supervisor.workers]

    def kill(self, number: int) -> int:
        """kill -9 of one worker; its PID."""
        pid = self.supervisor.workers[number].pid
        os.kill(pid, signal.SIGKILL)
        return pid

    async def connect(self, port: int | None = None) -> RawClient:
        client = await RawClient.connect(port or self.port)
        self._clients.append(client)
        return client

    async def ask(self, target: str = "/") -> Response:
        """One request on a connection of its own."""
        client = await self.connect()
        return await client.ask(a_request(target, b"Connection: close"))

    async def status(self, path: str) -> tuple[int, dict[str, Any]]:
        client = await self.connect(self.status_port)
        response = await client.ask(a_request(path, b"Connection: close"))
        return response.status, json.loads(response.body)

    async def stop(self) -> None:
        self.supervisor.stopping.set()
        if self.running is not None:
            await asyncio.wait_for(self.running, START_S)

    async def abandon(self) -> None:
        """However the test ended, no process may be left."""
        for client in self._clients:
            client.close()
        self.supervisor.stopping.set()
        if self.running is not None and not self.running.done():
            _, late = await asyncio.wait([self.running], timeout=START_S)
            assert not late
