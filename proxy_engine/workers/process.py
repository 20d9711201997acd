"""One worker as the supervisor sees it: the process, its listening sockets, the link, and what it last said.

The listening sockets belong to the supervisor and are lent: when a worker dies, the connections that wait in its
backlog wait on for its successor instead of being reset.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from . import link

BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 30.0  # a worker that lived this long starts the back-off anew

log = logging.getLogger("gatehouse.engine")


class WorkerProcess:
    def __init__(
        self, number: int, sockets: list[socket.socket], offset: float, on_frame: Callable[[WorkerProcess, dict], None]
    ) -> None:
        self.number = number
        self.offset = offset
        self.sockets = sockets
        self.on_frame = on_frame
        self.starts = 0
        # one life of the process
        self.process: asyncio.subprocess.Process | None = None
        self.link: link.Link | None = None
        self.is_serving = False
        self.version = -1
        self.facts: dict[str, Any] = {}
        self.problems: list[str] = []

    def __repr__(self) -> str:
        return f"<WorkerProcess {self.number} pid={self.pid} version={self.version}>"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    async def keep_running(self, first_frame: Callable[[], bytes], stopping: asyncio.Event) -> None:
        """Start the worker, and again with back-off whenever it ends before its time."""
        quick_ends = 0
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            started = loop.time()
            end = await self._live(first_frame, stopping)
            if stopping.is_set():
                return
            quick_ends = 0 if loop.time() - started > STEADY_S else quick_ends + 1
            pause = BACK_OFF_S[min(quick_ends, len(BACK_OFF_S)) - 1] if quick_ends else BACK_OFF_S[0]
            log.error("worker %s %s; starting it again in %g s", self.number, end, pause)
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                continue

    async def _live(self, first_frame: Callable[[], bytes], stopping: asyncio.Event) -> str:
        """One life of the process. Returns how it ended, in words."""
        self.process, self.link = None, None
        self.version, self.is_serving, self.facts = -1, False, {}
        try:
            await self._start()
        except OSError as error:  # no process or no descriptor to be had; it may be better in a moment
            return f"could not be started: {error}"
        # Made only now: what changed while the process came up is in it, and what comes next finds the link in place.
        self.send(first_frame())
        if stopping.is_set():
            self.drain()
        code = await self.process.wait()
        self.is_serving = False
        return f"(pid {self.pid}) ended with {code}"

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        fds = [sock.fileno() for sock in self.sockets]
        try:
            with theirs:
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "proxy_engine.workers.worker",
                    json.dumps({"link": theirs.fileno(), "listeners": fds, "offset": self.offset}),
                    pass_fds=[theirs.fileno(), *fds],
                    stdin=subprocess.DEVNULL,
                )
        except OSError:
            ours.close()
            raise
        self.starts += 1
        to_worker = link.Link(self._frame, lambda: None)
        await asyncio.get_running_loop().create_connection(lambda: to_worker, sock=ours)
        self.link = to_worker

    def send(self, frame: bytes) -> None:
        if self.link is not None:
            self.link.send(frame)

    def drain(self) -> None:
        self.send(link.encode({"t": "drain"}))

    def _frame(self, frame: dict[str, Any]) -> None:
        if "version" in frame:
            self.version = frame["version"]
        if "entities" in frame:
            self.problems = frame["entities"]
        if frame["t"] == "ready":
            self.is_serving = True
        elif frame["t"] == "report":
            self.facts = frame
        self.on_frame(self, frame)
