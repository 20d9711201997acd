"""One worker as the supervisor sees it: the process, its listening sockets, the link, and what it last said.

The listening sockets belong to the supervisor and are lent: when a worker dies, the connections that wait in its
backlog wait on for its successor instead of being reset. A worker that is sent SIGTERM by itself says so, and goes on
until its successor serves: else the kernel would give new clients to a socket from which nobody accepts.

A worker that lives but says nothing, not even its report of each second, hangs: nobody else would notice that a part of
all clients is never answered. It is aborted, which writes down where it hangs, and replaced.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from . import link
from .totals import Totals, counted

BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 30.0  # a worker that lived this long starts the back-off anew
WATCH_S = 1.0
MOST_SILENT = 30  # looks, each ``WATCH_S`` after the last: a pause of the whole machine is one look. gunicorn: 30 s
KILLED_AFTER = 2  # further looks

_DRAIN = link.encode({"t": "drain"})

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
        self._earlier: Totals = Counter()  # what the lives before this one counted
        # one life of the process
        self.process: asyncio.subprocess.Process | None = None
        self.link: link.Link | None = None
        self.is_serving = False
        self.version = -1
        self.facts: dict[str, Any] = {}
        self.problems: list[str] = []
        self._is_leaving = asyncio.Event()
        self._silence = 0  # looks since it last said anything
        # those before it, which finish what they have
        self._parting: list[tuple[asyncio.subprocess.Process, link.Link]] = []

    def __repr__(self) -> str:
        return f"<WorkerProcess {self.number} pid={self.pid} version={self.version}>"

    @property
    def totals(self) -> Totals:
        """Over all its lives."""
        return self._earlier + counted(self.facts)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def keep_running(self, first_frame: Callable[[], bytes], stopping: asyncio.Event) -> None:
        """Start the worker, and again with back-off whenever it ends before its time. Returns when all have ended."""
        await self._replace_for_ever(first_frame, stopping)
        for process, _ in self._parting:
            await process.wait()

    async def _replace_for_ever(self, first_frame: Callable[[], bytes], stopping: asyncio.Event) -> None:
        quick_ends = 0
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            started = loop.time()
            end = await self._live(first_frame, stopping)
            if stopping.is_set():
                return
            is_in_order = self._is_leaving.is_set() or loop.time() - started > STEADY_S
            quick_ends = 0 if is_in_order else quick_ends + 1
            pause = BACK_OFF_S[min(quick_ends, len(BACK_OFF_S)) - 1] if quick_ends else BACK_OFF_S[0]
            level = logging.INFO if self._is_leaving.is_set() else logging.ERROR
            log.log(level, "worker %s %s; starting it again in %g s", self.number, end, pause)
            try:
                await asyncio.wait_for(stopping.wait(), pause)
            except TimeoutError:
                continue

    async def _live(self, first_frame: Callable[[], bytes], stopping: asyncio.Event) -> str:
        """One life of the process. Returns how it ended, in words."""
        self.process, self.link = None, None
        self._earlier = self.totals
        self.version, self.is_serving, self.facts = -1, False, {}
        self._is_leaving.clear()
        self._silence = 0
        try:
            await self._start()
        except OSError as error:  # no process or no descriptor to be had; it may be better in a moment
            return f"could not be started: {error}"
        # Made only now: what changed while the process came up is in it, and what comes next finds the link in place.
        self.link.send(first_frame())
        if stopping.is_set():
            self.drain()
        ended, leaving = asyncio.create_task(self.process.wait()), asyncio.create_task(self._is_leaving.wait())
        try:
            await self._watch({ended, leaving}, stopping)
        finally:
            ended.cancel()
            leaving.cancel()
        self.is_serving = False
        if self.process.returncode is not None:
            return f"(pid {self.pid}) ended with {self.process.returncode}"
        self._parting = [*(one for one in self._parting if one[0].returncode is None), (self.process, self.link)]
        self.link = None
        return f"(pid {self.pid}) was told to leave"

    async def _watch(self, ends: set[asyncio.Task], stopping: asyncio.Event) -> None:
        while not (await asyncio.wait(ends, timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED))[0]:
            self._silence += not stopping.is_set()  # it says no more then, and the supervisor sees to its end
            if self._silence == MOST_SILENT:
                log.error("worker %s (pid %s) hangs; where, it says on its way out", self.number, self.pid)
                self._signal(signal.SIGABRT)
            elif self._silence == MOST_SILENT + KILLED_AFTER:
                self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill(self) -> None:
        """And those before it."""
        for process in [self.process, *(process for process, _ in self._parting)]:
            if process is not None and process.returncode is None:
                process.kill()

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
        to_worker = link.Link(partial(self._frame, self.process), lambda: None)
        await asyncio.get_running_loop().create_connection(lambda: to_worker, sock=ours)
        self.link = to_worker

    def send(self, frame: bytes) -> None:
        if self.link is not None:
            self.link.send(frame)
        for _, to_worker in self._parting:  # it still takes clients
            to_worker.send(frame)

    def drain(self) -> None:
        self.send(_DRAIN)

    def _frame(self, process: asyncio.subprocess.Process, frame: dict[str, Any]) -> None:
        if process is not self.process or frame["t"] == "leaving":
            self._parting_frame(process, frame)
            return
        self._silence = 0
        if "version" in frame:
            self.version = frame["version"]
        if "entities" in frame:
            self.problems = frame["entities"]
        if frame["t"] == "ready":
            self.is_serving = True
            for _, to_worker in self._parting:
                to_worker.send(_DRAIN)
        elif frame["t"] == "report":
            self.facts = frame
        self.on_frame(self, frame)

    def _parting_frame(self, process: asyncio.subprocess.Process, frame: dict[str, Any]) -> None:
        """What it says of itself counts no longer; what its requests show of targets does."""
        if process is self.process:
            self._is_leaving.set()
        elif frame["t"] == "flip":
            self.on_frame(self, frame)
