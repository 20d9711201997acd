"""Latency at 10,000 requests a second, a load that each of the servers carries with ease: server ÷ nginx."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from benchmarks import servers
from benchmarks.bench import Bench
from benchmarks.configurations import MEASURED
from benchmarks.processes import output_of
from benchmarks.report import SERVERS, Asked, Row, times
from benchmarks.rounds import Figures, alternate

RATE = 10_000
SECONDS = 2  # per unit of --seconds: of 20,000 requests, 200 are slower than p99
NAME = f"GET small at {RATE:,} requests/s"


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    with servers.all_three(bench.directory, bench.origins) as candidates:

        def measure(name: str) -> Figures:
            server = candidates[name]
            seconds = SECONDS * bench.seconds
            command = [sys.executable, "-m", "benchmarks.open_loop", str(server.port), f"{MEASURED}/small"]
            output = output_of([*command, str(RATE), str(seconds)], seconds=seconds)
            server.cut_logs()
            return json.loads(output)

        rounds = alternate(NAME, SERVERS, measure, bench.rounds)
    bench.note(rounds)
    yield times(NAME, "p50 µs", rounds, "p50_us")
    yield times(NAME, "p99 µs", rounds, "p99_us", Asked(at_most=1.3))
