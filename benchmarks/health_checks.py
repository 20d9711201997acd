"""What active health checks cost and how punctual they are, by the number of targets; the whole stack, from outside.

The stack runs as ``make run`` starts it: a Celery worker, beat, a private Redis, the dashboard and one engine worker.
All targets are loopback addresses of one light process, checked every 5 s. What counts is a minute that begins when
the targets, which one import made at the same moment, have spread over their interval.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator

from benchmarks.accounts import cpu_seconds, proportional_kib
from benchmarks.bench import Bench
from benchmarks.checked_targets import address
from benchmarks.processes import OTHER_CORE, Program, free_port, running
from benchmarks.report import Asked, Row
from tests.support.client import request
from tests.support.stack import Stack

SIZES = ((1_000, 100), (5_000, 500), (10_000, 1_000))  # targets, upstreams
INTERVAL_S = 5
SPREAD_S = 15.0  # a first check at once, and two intervals to walk to a place of one's own
MINUTE_S = 62.0  # the window of the product's own figures, and the ten seconds that are not complete
PARTS = ("worker", "beat", "redis")


def run(bench: Bench) -> Iterator[Row]:
    for targets, upstreams in SIZES:
        name = f"health checks, {targets:,} targets in {upstreams:,} upstreams"
        if bench.wants(name):
            yield from measure(bench, name, targets, upstreams)


def measure(bench: Bench, name: str, targets: int, upstreams: int) -> Iterator[Row]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.checked_targets", str(port)]
    stack = Stack(bench.directory / f"checks-{targets}", workers=1)
    with running(Program(command, OTHER_CORE, port, bench.directory / "checked-targets.log")):
        try:
            stack.start()
            first_s = _import(bench, stack, targets, upstreams, port)
            time.sleep(SPREAD_S)
            figures = _minute(stack, port)
        finally:
            stack.destroy()
    figures["first check of all"] = first_s
    yield from _rows(name, targets, figures)


def _import(bench: Bench, stack: Stack, targets: int, upstreams: int, port: int) -> float:
    """Seconds from the end of the import until each target had been checked once."""
    path = bench.directory / "checked.json"
    path.write_text(json.dumps(_configuration(targets, upstreams, port)))
    done = stack.run("config", "import", "--yes", str(path), timeout=120)
    if done.returncode:
        raise RuntimeError(f"the import failed:\n{done.stderr}")
    begin = time.monotonic()
    while _count(port) < targets:
        if time.monotonic() - begin > 60:
            raise RuntimeError(f"only {_count(port)} of {targets} targets were checked within a minute")
        time.sleep(0.05)
    return time.monotonic() - begin


def _configuration(targets: int, upstreams: int, port: int) -> dict:
    active = {
        "healthy": {"interval": INTERVAL_S, "successes": 2},
        "unhealthy": {"interval": INTERVAL_S, "http_failures": 3, "tcp_failures": 3, "timeouts": 3},
    }
    each = targets // upstreams
    return {
        "_format_version": "3.0",
        "upstreams": [
            {
                "name": f"pool-{number}",
                "healthchecks": {"active": active},
                "targets": [{"target": address(number * each + place, port)} for place in range(each)],
            }
            for number in range(upstreams)
        ],
    }


def _count(port: int) -> int:
    return int(request("GET", f"http://127.0.0.1:{port}/count").body)


def _minute(stack: Stack, port: int) -> dict[str, float]:
    pids = {part: stack.pid(part) for part in PARTS}
    cpu, count, begin = {part: cpu_seconds(pid) for part, pid in pids.items()}, _count(port), time.monotonic()
    time.sleep(MINUTE_S)
    took_s = time.monotonic() - begin
    figures = {"checks/s": (_count(port) - count) / took_s}
    for part, pid in pids.items():
        figures[f"CPU of {part}"] = (cpu_seconds(pid) - cpu[part]) / took_s * 100
        with contextlib.suppress(StopIteration):
            figures[f"memory of {part}"] = proportional_kib(pid) / 1024
    told = stack.api.call("GET", "health-checks").json["data"]
    figures |= {
        "late p50": told["lagMs"]["p50"],
        "late p99": told["lagMs"]["p99"],
        "late at most": told["lagMs"]["max"],
    }
    return figures | {"lost": told["lost"], "without a result": told["uncounted"]}


UNITS = {
    "checks/s": "",
    "CPU": "% of a core",
    "memory": "MiB",
    "late": "ms",
    "lost": "checks",
    "without": "checks",
    "first": "s",
}
ASKED = {"late p99": Asked(at_most=1000, unit="ms"), "lost": Asked(at_most=0), "without a result": Asked(at_most=0)}


def _rows(name: str, targets: int, figures: dict[str, float]) -> Iterator[Row]:
    for figure, value in figures.items():
        unit = next((unit for start, unit in UNITS.items() if figure.startswith(start)), "")
        asked = ASKED.get(figure)
        if figure == "checks/s":
            asked = Asked(at_least=round(targets / INTERVAL_S * 0.99))
        yield Row(name, f"{figure} {unit}".strip(), {"gatehouse": value}, asked=asked)
