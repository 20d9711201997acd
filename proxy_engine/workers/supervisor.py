"""The engine's first process: follows the configuration, feeds the workers, reports, answers on the status listener.

It alone talks to the source and the reporter; the workers see neither. It carries no client traffic, so whatever it
waits for, requests go on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
import uuid

from proxy_engine.net import listen
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import (
    ChangeRow,
    ConfigSource,
    Draining,
    Ejection,
    HealthFact,
    HealthFlip,
    NodeReport,
    Ramping,
    Reporter,
    Snapshot,
    Unresolved,
    WorkerReport,
)

from . import link, mirror, orphans
from .flips import FlipReports
from .follower import Follower
from .process import WorkerProcess
from .status import StatusListener

REPORT_S = 2.0
REPORT_TIMEOUT_S = 10.0
SAVE_S = 1.0  # the snapshot on disk is at most this much older than what runs
KILL_AFTER_S = 5.0  # grace beyond the drain time

log = logging.getLogger("gatehouse.engine")


class Supervisor:
    def __init__(self, settings: EngineSettings, source: ConfigSource, reporter: Reporter) -> None:
        self.settings = settings
        self.reporter = reporter
        self.node_id = node_id(settings)
        self.started_at = time.time()
        self.stopping = asyncio.Event()
        self.mirror = mirror.Mirror()
        self.flips = FlipReports(reporter)
        self.follower = Follower(
            source,
            self.mirror,
            self.flips,
            on_snapshot=self._on_snapshot,
            on_changes=self._on_changes,
            on_health=self._on_health,
        )
        self.workers: list[WorkerProcess] = []
        self.status = StatusListener(self)
        self._report_due = asyncio.Event()
        self._save_due = asyncio.Event()
        self._ready_changed = asyncio.Event()
        self._predecessors = orphans.left_behind(settings.data_dir)
        self._last_error = ""

    @property
    def version(self) -> int:
        """The lowest version that a serving worker runs: what this node is sure to answer by.

        -1: none serves, or workers of a supervisor before this one still do.
        """
        if self._predecessors:
            return -1
        return min((worker.version for worker in self.workers if worker.is_serving), default=-1)

    @property
    def is_ready(self) -> bool:
        return bool(self.workers) and all(worker.is_serving for worker in self.workers) and not self.stopping.is_set()

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises OSError when an address cannot be had."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGUSR1, self._send_all, link.encode({"t": "reopen"}))
        sockets = self._bind()
        await self.status.start()
        saved = await asyncio.to_thread(mirror.read, self.settings.data_dir)
        first_load = asyncio.create_task(self.follower.first_load(saved))
        if await self._stopped_before(first_load):
            return
        self.workers = [
            WorkerProcess(n + 1, socks, n / len(sockets), self._on_frame) for n, socks in enumerate(sockets)
        ]
        keepers = [
            asyncio.create_task(worker.keep_running(self._first_frame, self.stopping)) for worker in self.workers
        ]
        others = [
            asyncio.create_task(job())
            for job in (
                self.follower.listen,
                self.follower.follow,
                self.flips.deliver_for_ever,
                self._report_for_ever,
                self._save_for_ever,
                self._succeed,
            )
        ]
        crashed = await self._wait_until_stopping(keepers + others)
        await self._stop(keepers, others, sockets)
        if crashed is not None:
            raise crashed

    async def _succeed(self) -> None:
        """Once all workers serve, end those of a supervisor that died; later, keep the file for our own successor."""
        while True:
            await self._ready_changed.wait()
            self._ready_changed.clear()
            if not self.is_ready:
                continue
            if self._predecessors:
                log.warning("ending %d workers that a supervisor before this one left", len(self._predecessors))
                await orphans.end(self._predecessors)
                self._predecessors = []
                self._report_due.set()
            try:
                orphans.remember(self.settings.data_dir, [worker.pid for worker in self.workers])
            except OSError as error:
                log.warning("cannot note the workers for a successor: %s", error)

    async def _stopped_before(self, first_load: asyncio.Task) -> bool:
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait((first_load, stop), return_when=asyncio.FIRST_COMPLETED)
        if first_load.done():
            stop.cancel()
            await first_load
            return False
        first_load.cancel()
        await asyncio.wait([first_load])
        await self.status.stop()
        return True

    async def _wait_until_stopping(self, tasks: list[asyncio.Task]) -> BaseException | None:
        """None in the ordinary case; a task of ours that ended by itself is a defect, and its exception comes back."""
        stop = asyncio.create_task(self.stopping.wait())
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if stop in done:
            return None
        stop.cancel()
        self.stopping.set()
        return next(iter(done)).exception()

    async def _stop(self, keepers: list[asyncio.Task], others: list[asyncio.Task], sockets: list[list]) -> None:
        log.info("stopping: workers finish what is under way (at most %g s)", self.settings.drain_s)
        for worker in self.workers:
            worker.drain()
        for sock in (sock for socks in sockets for sock in socks):
            sock.close()
        for task in others:
            task.cancel()
        _, late = await asyncio.wait(keepers, timeout=self.settings.drain_s + KILL_AFTER_S)
        for worker in self.workers if late else ():
            worker.kill()
        await asyncio.gather(*keepers, *others, return_exceptions=True)
        if self._save_due.is_set():
            await self._save()
        await self._farewell()
        await self.status.stop()

    async def _farewell(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self.flips.deliver()
                await self.reporter.farewell(self.node_id)
        except Exception as error:  # noqa: BLE001 - the database is away; the row ages out by itself
            log.debug("could not say farewell: %s", error)

    def _bind(self) -> list[list[socket.socket]]:
        """A set of listening sockets for each worker."""
        addresses = self.settings.proxy_listen
        return [[listen.bind(address, share=True) for address in addresses] for _ in range(self.settings.workers)]

    # -- configuration and health out to the workers -----------------------------

    def _first_frame(self) -> bytes:
        return link.snapshot_frame(self.mirror.snapshot())

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self._send_all(link.snapshot_frame(snapshot))
        self._save_due.set()

    def _on_changes(self, rows: list[ChangeRow]) -> None:
        self._send_all(link.changes_frame(rows[-1].version, rows))
        self._save_due.set()

    def _on_health(self, facts: list[HealthFact]) -> None:
        if facts:
            self._send_all(link.health_frame(facts))
            self._save_due.set()

    def _on_flip(self, seen_by: WorkerProcess, flip: HealthFlip) -> None:
        """What one worker's traffic showed holds for all of them at once; the control plane hears of it."""
        if not self.mirror.take_flip(flip):
            return
        frame = link.health_frame([flip.fact])
        for worker in self.workers:
            if worker is not seen_by:
                worker.send(frame)
        self.flips.add(flip)
        self._save_due.set()

    def _send_all(self, frame: bytes) -> None:
        for worker in self.workers:
            worker.send(frame)

    # -- reports in from the workers ---------------------------------------------

    def _on_frame(self, worker: WorkerProcess, frame: dict) -> None:
        if frame["t"] in ("applied", "ready"):
            self._report_due.set()
            self._ready_changed.set()
        elif frame["t"] == "report":
            for line in frame["targets"] + frame["notices"]:
                log.warning("worker %s: %s", worker.number, line)
        elif frame["t"] == "flip":
            self._on_flip(worker, link.flip_from_json(frame))
        elif frame["t"] == "inspected":
            self.status.inspected(worker.number, frame)

    def report(self) -> NodeReport:
        return NodeReport(
            node_id=self.node_id,
            name=self.settings.node_name,
            pid=os.getpid(),
            version=self.version,
            workers=[
                WorkerReport(
                    pid=worker.pid or 0,
                    version=worker.version,
                    requests=worker.facts.get("requests", 0),
                    active=worker.facts.get("active", 0),
                    connections=worker.facts.get("connections", 0),
                    ejected=[Ejection(**fact) for fact in worker.facts.get("ejected", ())],
                    draining=[Draining(**fact) for fact in worker.facts.get("draining", ())],
                    ramping=[Ramping(**fact) for fact in worker.facts.get("ramping", ())],
                    unresolved=[Unresolved(**fact) for fact in worker.facts.get("unresolved", ())],
                )
                for worker in self.workers
            ],
            started_at=self.started_at,
            problems=sorted({problem for worker in self.workers for problem in worker.problems}),
        )

    async def _report_for_ever(self) -> None:
        """After every change of version, and every ``REPORT_S`` as a sign of life."""
        while True:
            try:
                async with asyncio.timeout(REPORT_S):
                    await self._report_due.wait()
            except TimeoutError:
                pass
            self._report_due.clear()
            try:
                async with asyncio.timeout(REPORT_TIMEOUT_S):
                    await self.reporter.report(self.report())
                self._last_error = ""
            except Exception as error:  # noqa: BLE001 - the control plane is away: traffic goes on, the next report tells it all
                if str(error) != self._last_error:
                    self._last_error = str(error)
                    log.warning("cannot report to the control plane: %s", error)

    async def _save_for_ever(self) -> None:
        while True:
            await self._save_due.wait()
            await self._save()
            await asyncio.sleep(SAVE_S)

    async def _save(self) -> None:
        self._save_due.clear()
        try:
            await asyncio.to_thread(mirror.write, self.mirror.snapshot(), self.settings.data_dir)
        except OSError as error:
            log.warning("cannot keep the snapshot on disk: %s", error)


def node_id(settings: EngineSettings) -> str:
    """This node's identity, kept in the data directory so that a restarted engine is the same node."""
    path = settings.data_dir / "engine-node-id"
    try:
        return str(uuid.UUID(path.read_text().strip()))
    except (OSError, ValueError):
        fresh = str(uuid.uuid4())
    try:
        path.write_text(fresh)
    except OSError as error:
        log.warning("cannot keep the node's identity: %s", error)
    return fresh


async def serve(settings: EngineSettings, source: ConfigSource, reporter: Reporter) -> int:
    """Run the engine until it is told to stop. Returns the process's exit code."""
    try:
        await Supervisor(settings, source, reporter).run()
    except OSError as error:
        log.error("%s", error.strerror or error)
        return 1
    return 0
