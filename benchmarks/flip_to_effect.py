"""From the probe that decides a flip until every engine worker acts on it, measured from outside.

The whole stack runs as ``make run`` starts it. A target answers its health checks with 200 or 503 as it is told, and
notes when it gave the answer that decides; its reserve takes over while it is down. Client connections to all workers
ask without pause: a flip is in effect when each of them has had an answer from the other one.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.edit_to_effect import CONNECTIONS, Watcher
from benchmarks.report import Asked, Row
from tests.support.echo_target import EchoTarget
from tests.support.scene import Scene
from tests.support.stack import Stack

FLIPS = 200
INTERVAL_S = 0.2
EFFECT_S = 10.0
NAME = "flip to effect"
CHECKS = {
    "active": {
        "httpPath": "/health",
        "healthy": {"interval": INTERVAL_S, "successes": 1},
        "unhealthy": {"interval": INTERVAL_S, "httpFailures": 1, "tcpFailures": 1, "timeouts": 1},
    }
}


class Judged(EchoTarget):
    """Notes when it first answered a check after its manners changed."""

    def __init__(self, name: str):
        super().__init__(name)
        self.decided_at = 0.0
        self._awaits = False

    def turn(self, *, up: bool) -> None:
        """Traffic is answered with 200 all the while: it is the checks that decide."""
        self.behave(statuses={"/health": 200 if up else 503})
        self._awaits = True

    def noticed(self, path: str) -> None:
        if self._awaits and path == "/health":
            self._awaits = False
            self.decided_at = time.perf_counter()


async def measure(scene: Scene, judged: Judged, flips: int) -> tuple[list[float], int]:
    """Milliseconds per flip, and how many requests failed meanwhile."""
    watchers = [Watcher(scene.url, told="name") for _ in range(CONNECTIONS)]
    effects = []
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watcher.watch()) for watcher in watchers]
        await _all_see(watchers, judged.name)
        for number in range(flips):
            is_up = bool(number % 2)
            judged.turn(up=is_up)
            seen = await _all_see(watchers, judged.name if is_up else "reserve")
            effects.append((max(seen) - judged.decided_at) * 1000)
        for task in tasks:
            task.cancel()
    return effects, sum(watcher.failures for watcher in watchers)


async def _all_see(watchers: list[Watcher], name: str) -> list[float]:
    async with asyncio.timeout(EFFECT_S):
        return await asyncio.gather(*(watcher.until(name) for watcher in watchers))


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    with Judged("first") as judged, EchoTarget("reserve") as reserve:
        stack = Stack(bench.directory / "flips", workers=2)
        try:
            stack.start()
            scene = Scene(stack, [judged, reserve], healthcheck=CHECKS)
            scene.patch_target("reserve", priority=1)
            effects, failures = asyncio.run(measure(scene, judged, FLIPS))
        finally:
            stack.destroy()
    yield Row(f"{NAME}, deciding probe → every worker acts", "ms p50", {"gatehouse": statistics.median(effects)})
    worst = statistics.quantiles(effects, n=100)[98]
    yield Row(f"{NAME}, deciding probe → every worker acts", "ms p99", {"gatehouse": worst}, asked=Asked(at_most=200))
    yield Row(f"{NAME}, requests failed meanwhile", "requests", {"gatehouse": failures}, asked=Asked(at_most=0))
