"""From the 2xx of a write until every worker serves it, measured from outside.

The whole stack runs as ``make run`` starts it. Each edit changes a service's path; client connections to all workers
ask without pause and the echo target tells which path arrived. An edit is live when each connection has seen it.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp

from benchmarks.bench import Bench
from benchmarks.report import Asked, Row
from tests.support.echo_target import EchoTarget
from tests.support.scene import Scene
from tests.support.stack import Stack

CONNECTIONS = 16  # with two workers, one of them is missed once in 32,768 runs
LIVE_S = 10.0
EDITS = 200
NAME = "edit to effect"


class Watcher:
    """One kept-alive connection that asks without pause and remembers what it saw last of the target: its ``told``."""

    def __init__(self, url: str, told: str = "path") -> None:
        self.told = told
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self.seen = ""
        self.changed = asyncio.Event()
        self.failures = 0

    async def watch(self) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        while True:
            writer.write(self.request)
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(size)
            if not head.startswith(b"HTTP/1.1 200"):
                self.failures += 1
                continue
            seen = json.loads(body)[self.told]
            if seen != self.seen:
                self.seen = seen
                self.changed.set()

    async def until(self, wanted: str) -> float:
        while self.seen != wanted:
            self.changed.clear()
            await self.changed.wait()
        return time.perf_counter()


async def measure(stack: Stack, scene: Scene, edits: int) -> tuple[list[float], list[float], int]:
    """Milliseconds per edit: from the write's answer to its effect, and the write itself; failed requests."""
    watchers = [Watcher(scene.url) for _ in range(CONNECTIONS)]
    headers = {"Authorization": f"Bearer {stack.token}"}
    url = f"{stack.admin}/api/services/{scene.service['id']}"
    effects, writes = [], []
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession(headers=headers) as session:
        tasks = [group.create_task(watcher.watch()) for watcher in watchers]
        for number in range(edits):
            path = f"/edit-{number}"
            before = time.perf_counter()
            async with session.patch(url, json={"path": path}) as answer:
                answer.raise_for_status()
                await answer.read()
            written = time.perf_counter()
            async with asyncio.timeout(LIVE_S):
                seen = await asyncio.gather(*(watcher.until(path) for watcher in watchers))
            effects.append(max(0.0, max(seen) - written) * 1000)
            writes.append((written - before) * 1000)
        for task in tasks:
            task.cancel()
    return effects, writes, sum(watcher.failures for watcher in watchers)


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    with EchoTarget("a") as a, EchoTarget("b") as b:
        stack = Stack(bench.directory / "stack", workers=2)
        try:
            stack.start()
            effects, writes, failures = asyncio.run(measure(stack, Scene(stack, [a, b]), EDITS))
        finally:
            stack.destroy()
    for what, samples in (("2xx of the write → every worker serves it", effects), ("the write itself", writes)):
        cuts = statistics.quantiles(samples, n=100)
        yield Row(f"{NAME}, {what}", "ms p50", {"gatehouse": statistics.median(samples)})
        yield Row(f"{NAME}, {what}", "ms p99", {"gatehouse": cuts[98]})
    yield Row(f"{NAME}, requests failed meanwhile", "requests", {"gatehouse": failures}, asked=Asked(at_most=0))
