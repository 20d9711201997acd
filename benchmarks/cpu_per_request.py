"""CPU per request, side by side: nginx ÷ server, above 1 the server is cheaper. Below 0.08, a difference is noise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import servers, wrk
from benchmarks.bench import Bench
from benchmarks.configurations import MEASURED, NGINX_BIG_BUFFERS
from benchmarks.report import SERVERS, Asked, Row, costs
from benchmarks.rounds import Figures, alternate
from benchmarks.wrk import Load

WARM_UP_S = 1


@dataclass(frozen=True)
class Workload:
    name: str
    load: Load
    at_least: float | None = None
    nginx_buffers: str = ""


WORKLOADS = (
    Workload("GET small, 1 header", Load(f"{MEASURED}/small")),
    Workload("GET small, 9 headers", Load(f"{MEASURED}/small", wrk.NINE_HEADERS), 0.80),
    Workload(
        "GET small, 9 headers, one and the path new each time",
        Load(f"{MEASURED}/small", wrk.DIFFERENT_EACH_TIME),
        0.70,
    ),
    Workload("POST 4 KB", Load(f"{MEASURED}/post", wrk.POST_4K), 0.80),
    Workload("GET 10 KB", Load(f"{MEASURED}/10k"), 1.0),
    Workload("chunked both ways, 4 KB each", Load(f"{MEASURED}/chunked", wrk.CHUNKED)),
    Workload("GET small, new connection each time", Load(f"{MEASURED}/small", wrk.NEW_CONNECTION)),
    Workload("GET 1 MiB (nginx: 64 KiB buffers)", Load(f"{MEASURED}/1m", connections=32), 1.0, NGINX_BIG_BUFFERS),
)


def run(bench: Bench) -> Iterator[Row]:
    wanted = [workload for workload in WORKLOADS if bench.wants(workload.name)]
    for buffers, workloads in itertools.groupby(wanted, key=lambda workload: workload.nginx_buffers):
        with servers.all_three(bench.directory, bench.origins, buffers=buffers) as candidates:
            for workload in workloads:
                yield _row(bench, workload, candidates)


def _row(bench: Bench, workload: Workload, candidates: dict[str, servers.Server]) -> Row:
    for server in candidates.values():
        wrk.run(workload.load, server.port, WARM_UP_S, bench.directory)
    rounds = alternate(workload.name, SERVERS, per_request(bench, workload.load, candidates), bench.rounds)
    bench.note(rounds)
    asked = Asked(at_least=workload.at_least) if workload.at_least else None
    return costs(workload.name, "CPU µs/request", rounds, "cpu_us", asked)


def per_request(bench: Bench, load: Load, candidates: dict[str, servers.Server]) -> Callable[[str], Figures]:
    """The measurement of one server, by name."""

    def measure(name: str) -> Figures:
        server = candidates[name]
        before = server.cpu_s
        count = wrk.run(load, server.port, bench.seconds, bench.directory)
        used = server.cpu_s - before
        server.cut_logs()
        return {"cpu_us": used / count * 1e6}

    return measure
