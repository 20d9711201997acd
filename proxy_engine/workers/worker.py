"""A worker process: one event loop, one engine, its share of the clients. Started by the supervisor; never by hand.

It inherits its listening sockets and one end of a socket pair. Clients are accepted once the first configuration is
here. When the supervisor dies, the worker goes on serving for ``ORPHAN_S``, time enough for a new supervisor and its
workers to take over the address (SO_REUSEPORT), and then drains. Sent SIGTERM by itself, it asks the supervisor for a
successor and drains once that serves.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from proxy_engine.engine import Engine
from proxy_engine.net import files, listen
from proxy_engine.server.client import ClientConnection
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import HealthFlip
from proxy_engine.telemetry.access_log import open_log
from proxy_engine.upstream.facts import counts_in_words

from . import link

REPORT_S = 1.0
ORPHAN_S = 10.0
SUCCESSION_S = 10.0  # for a successor to serve
INSPECTED_AT_ONCE = 100  # targets, at 10 to 30 µs for each; then requests have their turn


class Worker:
    def __init__(
        self,
        settings: EngineSettings,
        sockets: list[socket.socket],
        loop: asyncio.AbstractEventLoop,
        offset: float,
    ) -> None:
        self.loop = loop
        self.engine = Engine(settings, loop, offset, self._flipped)
        self.sockets = sockets
        self.servers: list[asyncio.Server] = []
        self.link = link.Link(self._frame, self._orphaned)
        self.stopping = asyncio.Event()
        self._is_leaving = False
        self._is_orphan = False
        self.configured = asyncio.Event()

    async def run(self, link_socket: socket.socket) -> None:
        self.loop.add_signal_handler(signal.SIGUSR1, self._reopen_log)
        if self.engine.settings.access_log is not None:
            self.engine.access_log = open_log(self.engine.settings.access_log)
        await self.loop.create_connection(lambda: self.link, sock=link_socket)
        self.loop.add_signal_handler(signal.SIGTERM, self._leave)
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(self.engine.sweep_for_ever()),
                tasks.create_task(self._report_for_ever()),
                tasks.create_task(self._serve_when_configured()),
            ]
            await self.stopping.wait()
            background[1].cancel()
            background[2].cancel()
            await self._stop()
            background[0].cancel()
        if self.engine.access_log is not None:
            self.engine.access_log.close()

    async def _serve_when_configured(self) -> None:
        await self.configured.wait()
        for sock in self.sockets:
            self.servers.append(await self.loop.create_server(self._client, sock=sock, backlog=listen.BACKLOG))
        self._send({"t": "ready", "version": self.engine.runtime.version})

    def _client(self) -> ClientConnection:
        return ClientConnection(self.engine, "http")

    async def _take_waiting(self, sock: socket.socket) -> None:
        """Connections that the kernel has accepted for us already: closing the socket would reset them."""
        while True:
            try:
                connection, _ = sock.accept()
            except OSError:
                return
            await self.loop.connect_accepted_socket(self._client, connection)

    async def _stop(self) -> None:
        for sock in self.sockets if self.servers else ():
            await self._take_waiting(sock)
        for server in self.servers:
            server.close()
        cut = await self.engine.drain()
        if cut:
            print(
                f"{cut} connections were still busy after {self.engine.settings.drain_s:g} s and were cut",
                flush=True,
            )

    async def _report_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._report()

    def _report(self) -> None:
        if self.link.is_congested:
            return  # the supervisor stands still: what it does not read would pile up here
        engine = self.engine
        self._send(
            {
                "t": "report",
                "version": engine.runtime.version,
                **engine.counters.facts(),
                "active": sum(1 for client in engine.clients if client.is_busy),
                "connections": len(engine.clients),
                "upstream": counts_in_words(engine.pools.totals),
                "targets": engine.problems.take(),
                "ejected": engine.ejected(),
                "draining": engine.draining(),
                "ramping": engine.ramping(),
                "unresolved": engine.unresolved(),
                **self._log_facts(),
            }
        )

    def _log_facts(self) -> dict[str, Any]:
        log = self.engine.access_log
        if log is None:
            return {"log": None, "notices": []}
        writer = log.writer
        return {"log": {"lines": writer.lines, "lost": writer.lost}, "notices": writer.take_notices()}

    def _reopen_log(self) -> None:
        """nginx's signal, after its log was moved. The move is seen without it, with the next line."""
        if self.engine.access_log is not None:
            self.engine.access_log.writer.reopen()

    def _flipped(self, flip: HealthFlip) -> None:
        self.link.send(link.flip_frame(flip))

    def _send(self, frame: dict[str, Any]) -> None:
        self.link.send(link.encode(frame))

    # -- frames from the supervisor -----------------------------------------------

    def _frame(self, frame: dict[str, Any]) -> None:
        getattr(self, f"_on_{frame['t']}")(frame)

    def _on_snapshot(self, frame: dict[str, Any]) -> None:
        self.engine.load(link.snapshot_from_json(frame))
        self.configured.set()
        self._applied()

    def _on_changes(self, frame: dict[str, Any]) -> None:
        self.engine.apply(frame["version"], link.changes_from_json(frame))
        self._applied()

    def _on_health(self, frame: dict[str, Any]) -> None:
        self.engine.set_health(link.health_from_json(frame))

    def _on_inspect(self, frame: dict[str, Any]) -> None:
        self._inspect(frame["id"], self.engine.target_facts())

    def _inspect(self, inquiry: int, facts: Iterator[tuple[str, dict[str, Any]]]) -> None:
        """One part of the answer in each turn of the event loop."""
        part = dict(islice(facts, INSPECTED_AT_ONCE))
        is_last = len(part) < INSPECTED_AT_ONCE
        self._send({"t": "inspected", "id": inquiry, "targets": part, "is_last": is_last})
        if not is_last:
            self.loop.call_soon(self._inspect, inquiry, facts)

    def _on_reopen(self, frame: dict[str, Any]) -> None:
        self._reopen_log()

    def _on_drain(self, frame: dict[str, Any]) -> None:
        self.stopping.set()

    def _applied(self) -> None:
        self._send(
            {
                "t": "applied",
                "version": self.engine.runtime.version,
                "entities": self.engine.entity_problems(),
            }
        )

    def _leave(self) -> None:
        """Somebody wants this worker to go. When it is asked again, or nobody can take its place, it goes at once."""
        if self._is_leaving or self._is_orphan:
            self.stopping.set()
            return
        self._is_leaving = True
        self._send({"t": "leaving"})
        self.loop.call_later(SUCCESSION_S, self.stopping.set)

    def _orphaned(self) -> None:
        self._is_orphan = True
        if not self.stopping.is_set():
            self.loop.call_later(ORPHAN_S, self.stopping.set)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed; plain asyncio works too, at about 1.2 times the CPU."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def main() -> None:
    """``argv[1]``: JSON, ``{"link": 5, "listeners": [6, 7], "offset": 0.5}`` with the inherited file descriptors."""
    start = json.loads(sys.argv[1])
    faulthandler.enable()  # a crash, or the supervisor's SIGABRT when we hang, leaves a trace of where
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides the order
    files.raise_limit()
    settings = EngineSettings.from_env(os.environ)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        loop = runner.get_loop()
        sockets = [socket.socket(fileno=fd) for fd in start["listeners"]]
        worker = Worker(settings, sockets, loop, start["offset"])
        runner.run(worker.run(socket.socket(fileno=start["link"])))


if __name__ == "__main__":
    main()
