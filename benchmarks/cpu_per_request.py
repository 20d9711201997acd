"""CPU per request, side by side: each round loads every server once, in turn, and the ratios are taken within a round.

Reported is the median of the rounds' ratios nginx ÷ candidate: above 1, the candidate is cheaper. Differences below
0.08 are noise on a shared machine.
"""

from __future__ import annotations

import contextlib
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import cpu_seconds
from benchmarks.servers import OTHER_CORE, Server, engine, haproxy, nginx, origin

_NINE_HEADERS = """
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140"
wrk.headers["Accept"] = "application/json, text/plain, */*"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8"
wrk.headers["Authorization"] = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
wrk.headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark; consent=1"
wrk.headers["X-Request-ID"] = "5f2b7c1e-8d0a-4c3b-9e6f-1a2b3c4d5e6f"
wrk.headers["Cache-Control"] = "no-cache"
"""

_DIFFERENT_EACH_TIME = (
    _NINE_HEADERS
    + """
local n = 0
request = function()
  n = n + 1
  wrk.headers["X-Request-ID"] = string.format("5f2b7c1e-8d0a-4c3b-9e6f-%012d", n)
  return wrk.format("GET", "/small/" .. n)
end
"""
)
_POST_4K = 'wrk.method = "POST"\nwrk.body = string.rep("p", 4096)\n'


@dataclass(frozen=True)
class Workload:
    name: str
    path: str
    script: str = ""
    connections: int = 64
    reference: str = "nginx"


WORKLOADS = (
    Workload("GET small, 1 header", "/small"),
    Workload("GET small, 9 headers", "/small", _NINE_HEADERS),
    Workload("GET small, 9 headers, one and the path new each time", "/small", _DIFFERENT_EACH_TIME),
    Workload("POST 4 KB", "/post", _POST_4K),
    Workload("GET 10 KB", "/10k"),
    Workload("GET 1 MiB", "/1m", connections=32, reference="nginx 64k"),
)


@dataclass
class Sample:
    cpu_us: float
    rps: float
    p50_ms: float
    p99_ms: float


@contextlib.contextmanager
def servers(directory: Path, *, routes: int = 10) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(origin(directory))
        yield [
            stack.enter_context(nginx(directory, ports)),
            stack.enter_context(nginx(directory, ports, big_buffers=True)),
            stack.enter_context(haproxy(directory, ports)),
            stack.enter_context(engine(directory, ports, routes=routes)),
        ]


def measure(server: Server, workload: Workload, script: Path, seconds: int) -> Sample:
    script.write_text(workload.script)
    before = cpu_seconds(server.pid)
    output = subprocess.run(
        ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{workload.connections}", f"-d{seconds}s", "--latency",
         "--timeout", "10s", "-s", str(script), f"http://127.0.0.1:{server.port}{workload.path}"],
        capture_output=True, text=True, check=True, timeout=seconds + 30,
    ).stdout  # fmt: skip
    used = cpu_seconds(server.pid) - before
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{server.name}, {workload.name}: requests failed\n{output}")
    done = int(re.search(r"(\d+) requests in", output)[1])
    return Sample(used / done * 1e6, done / seconds, _latency(output, "50%"), _latency(output, "99%"))


def _latency(output: str, percentile: str) -> float:
    value, unit = re.search(rf"{percentile}\s+([0-9.]+)(us|ms|s)", output).groups()
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def run(rounds: int, seconds: int, workloads=WORKLOADS, routes: int = 10) -> dict[str, dict[str, list[Sample]]]:
    """Samples by workload and server. The order of the servers turns round every other round."""
    samples: dict[str, dict[str, list[Sample]]] = {}
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with servers(directory, routes=routes) as candidates:
            for workload in workloads:
                chosen = [s for s in candidates if s.name in (workload.reference, "haproxy", "gatehouse")]
                of_load = samples[workload.name] = {server.name: [] for server in chosen}
                for server in chosen:
                    measure(server, workload, directory / "load.lua", 1)
                for number in range(rounds):
                    for server in chosen if number % 2 else reversed(chosen):
                        of_load[server.name].append(measure(server, workload, directory / "load.lua", seconds))
    return samples


def table(samples: dict[str, dict[str, list[Sample]]], workloads=WORKLOADS) -> str:
    lines = [
        "| workload | server | CPU µs/request | requests/s | p50 ms | p99 ms | CPU ratio to nginx (min–max) |",
        "|---|---|---|---|---|---|---|",
    ]
    for workload in workloads:
        reference = samples[workload.name][workload.reference]
        for name, runs in samples[workload.name].items():
            ratios = [ref.cpu_us / mine.cpu_us for ref, mine in zip(reference, runs, strict=True)]
            lines.append(
                f"| {workload.name} | {name} | {_median(runs, 'cpu_us'):.1f} | {_median(runs, 'rps'):,.0f} "
                f"| {_median(runs, 'p50_ms'):.2f} | {_median(runs, 'p99_ms'):.2f} "
                f"| **{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f}) |"
            )
    return "\n".join(lines)


def _median(runs: list[Sample], figure: str) -> float:
    return statistics.median(getattr(run, figure) for run in runs)
