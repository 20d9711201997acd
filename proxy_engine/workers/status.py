"""The engine's status listener: is it alive, is it ready, what does it run. Off the data path, on aiohttp."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy_engine.telemetry import exposition
from proxy_engine.telemetry.counters import LATENCY_BOUNDS_MS, merged, quantile_ms

from . import link, metrics
from .totals import Totals

if TYPE_CHECKING:
    from .supervisor import Supervisor

INSPECT_S = 2.0


class StatusListener:
    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._runner: web.AppRunner | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, Inquiry] = {}
        self._scrapes = asyncio.Lock()

    async def start(self) -> None:
        """Raises OSError when an address is taken."""
        app = web.Application()
        app.router.add_get("/status", self._status)
        app.router.add_get("/status/ready", self._ready)
        app.router.add_get("/config", self._config)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        for address in self.supervisor.settings.status_listen:
            try:
                await web.TCPSite(self._runner, address.host, address.port).start()
            except OSError as error:
                raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _status(self, request: web.Request) -> web.Response:
        supervisor = self.supervisor
        report = supervisor.report()
        return web.json_response(
            {
                "nodeId": report.node_id,
                "name": report.name,
                "pid": report.pid,
                "version": report.version,
                "ready": supervisor.is_ready,
                "startedAt": report.started_at,
                "source": {
                    "connected": supervisor.follower.is_connected,
                    "version": supervisor.mirror.version,
                },
                "workers": [
                    {
                        "number": worker.number,
                        "pid": worker.pid,
                        "serving": worker.is_serving,
                        "starts": worker.starts,
                        "version": worker.version,
                        **{
                            name: worker.facts.get(key, 0)
                            for name, key in (
                                ("requests", "requests"),
                                ("active", "active"),
                                ("connections", "connections"),
                                ("failedAttempts", "failed_attempts"),
                                ("budgetRefusals", "budget_refusals"),
                                ("cutResponses", "cut_responses"),
                                ("panics", "panics"),
                                ("panicPicks", "panic_picks"),
                            )
                        },
                        "retries": worker.facts.get("retries", {}),
                        "ownAnswers": worker.facts.get("own_answers", {}),
                        "statuses": worker.facts.get("statuses", {}),
                        "accessLog": worker.facts.get("log"),
                        "upstreamConnections": worker.facts.get("upstream", {}),
                    }
                    for worker in supervisor.workers
                ],
                "latencyMs": _latency([worker.facts for worker in supervisor.workers]),
                "problems": report.problems,
            }
        )

    async def _ready(self, request: web.Request) -> web.Response:
        """200 once every worker serves a configuration; 503 before, and while the engine drains."""
        is_ready = self.supervisor.is_ready
        return web.json_response(
            {"ready": is_ready, "version": self.supervisor.version}, status=200 if is_ready else 503
        )

    async def _config(self, request: web.Request) -> web.Response:
        """Versions, entity counts, and every target as each worker sees it."""
        supervisor = self.supervisor
        answers = await self._inspect()
        return web.json_response(
            {
                "version": supervisor.version,
                "entities": supervisor.mirror.counts(),
                "workers": [
                    {
                        "number": worker.number,
                        "version": worker.version,
                        "targets": answers.get(worker.number, {}),
                    }
                    for worker in supervisor.workers
                ],
            }
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        """In Prometheus's format. One scrape at a time, and made in a thread: 10,000 targets take a while."""
        async with self._scrapes:
            answers = await self._inspect()
            entities = self.supervisor.mirror.entities
            upstreams, targets = (dict(entities.get(kind, {})) for kind in ("upstreams", "targets"))
            body = await asyncio.to_thread(_scraped, self._node(), upstreams, targets, list(answers.values()))
        return web.Response(body=body, headers={"Content-Type": exposition.CONTENT_TYPE})

    def _node(self) -> metrics.Node:
        supervisor, workers = self.supervisor, self.supervisor.workers
        report = supervisor.report()
        open_now = [worker.facts.get("upstream", {}) for worker in workers]
        totals: Totals = Counter()
        for worker in workers:
            totals.update(worker.totals)
        return metrics.Node(
            started_at=report.started_at,
            is_ready=supervisor.is_ready,
            version=report.version,
            source_version=supervisor.mirror.version,
            is_connected=supervisor.follower.is_connected,
            workers=len(workers),
            serving=sum(worker.is_serving for worker in workers),
            restarts=sum(max(0, worker.starts - 1) for worker in workers),
            problems=len(report.problems),
            has_log=supervisor.settings.access_log is not None,
            active=sum(worker.active for worker in report.workers),
            connections=sum(worker.connections for worker in report.workers),
            idle=sum(counts.get("idle", 0) for counts in open_now),
            in_use=sum(counts.get("inUse", 0) for counts in open_now),
            totals=totals,
            processes={"supervisor": os.getpid()}
            | {f"worker-{worker.number}": worker.pid for worker in workers if worker.is_alive},
        )

    async def _inspect(self) -> dict[int, dict[str, Any]]:
        """By worker number; a worker that does not answer in time is missing."""
        serving = [worker for worker in self.supervisor.workers if worker.is_serving]
        inquiry = Inquiry({worker.number for worker in serving})
        number = next(self._numbers)
        self._asked[number] = inquiry
        for worker in serving:
            worker.send(link.encode({"t": "inspect", "id": number}))
        try:
            async with asyncio.timeout(INSPECT_S):
                await inquiry.complete.wait()
        except TimeoutError:
            pass
        finally:
            del self._asked[number]
        return inquiry.answers

    def inspected(self, worker_number: int, frame: dict[str, Any]) -> None:
        if (inquiry := self._asked.get(frame["id"])) is not None:
            inquiry.take(worker_number, frame["targets"], is_last=frame["is_last"])


def _scraped(*of_engine: Any) -> bytes:
    return exposition.render(metrics.families(*of_engine))


def _latency(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the responses that went through, on this node: how many took how long, from the whole head to their end."""
    reports = [fact for fact in facts if "latency" in fact]
    counts = merged([fact["latency"] for fact in reports])
    total = sum(counts)
    return {
        "bounds": LATENCY_BOUNDS_MS,
        "counts": counts,
        "mean": 1000 * sum(fact["latency_s"] for fact in reports) / total if total else None,
        **{f"p{percent}": quantile_ms(counts, percent / 100) for percent in (50, 90, 99)},
    }


class Inquiry:
    """A question to several workers."""

    def __init__(self, awaited: set[int]) -> None:
        self.answers: dict[int, dict[str, Any]] = {}
        self.complete = asyncio.Event()
        self._awaited = awaited
        self._parts: dict[int, dict[str, Any]] = {}  # of answers that are not complete yet
        if not awaited:
            self.complete.set()

    def take(self, number: int, part: dict[str, Any], *, is_last: bool) -> None:
        self._parts.setdefault(number, {}).update(part)
        if is_last:
            self.answers[number] = self._parts.pop(number)
        if self._awaited <= self.answers.keys():
            self.complete.set()
