"""The Admin APIs: single writes, pages of 100, and pages of 100,000 targets. daphne has one core and SQLite.

Rates are requests by the CPU time that the server took for them: what one core would answer, whoever else uses the
machine. Beside each stands plain Django (``plain_django``) in the same rounds, which reads and writes the same rows.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.accounts import cpu_seconds, own_cpu_seconds
from benchmarks.bench import Bench
from benchmarks.processes import PROXY_CORE, Program, free_port, output_of, running
from benchmarks.report import Asked, Row
from benchmarks.rounds import alternate, median, paired

SERVICES, TARGETS = 1_000, 100_000
TOKEN = "benchmark"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
OURS, FLOOR = "gatehouse", "plain Django"
READS = {"/api": "/api/services?limit=100", "Kong's dialect": "/services?size=100"}
WRITES = {"/api": "/api/services", "Kong's dialect": "/services"}
PAGES_ASKED, WRITES_ASKED = 300, 150  # a second
REPEATED = 5  # each page of a long list; the quickest counts
_numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    pid: int
    connection: HTTPConnection

    def ask(self, method: str, path: str, values: dict | None = None) -> bytes:
        body = None if values is None else json.dumps(values)
        self.connection.request(method, path, body, HEADERS)
        answer = self.connection.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content


def run(bench: Bench) -> Iterator[Row]:
    names = [f"{what} {door}" for door in READS for what in ("page of 100 by", "single write by")]
    names = [name for name in names if bench.wants(name)]
    pages = f"list of {TARGETS:,} targets"
    if not names and not bench.wants(pages):
        return
    env = seeded(bench.directory / "admin", SERVICES, TARGETS if bench.wants(pages) else 0)
    with _server("gateway_admin.server", "gateway_admin.asgi", bench, env) as ours:
        with _server("daphne", "benchmarks.plain_django", bench, env) as floor:
            for name in names:
                yield _rate(bench, name, {OURS: ours, FLOOR: floor})
        if bench.wants(pages):
            yield from _pages(pages, ours)


def seeded(data_dir: Path, services: int, targets: int) -> dict[str, str]:
    """A database with a token. Returns the environment of whoever uses it."""
    env = {"GATEWAY_DATA_DIR": str(data_dir), "REDIS_URL": "memory://", "GATEWAY_ADMIN_TOKEN": TOKEN}
    for command in (["manage.py", "migrate", "--verbosity", "0"], ["manage.py", "first_user"]):
        output_of([sys.executable, *command], seconds=60, env=env)
    if services or targets:
        command = [sys.executable, "-m", "benchmarks.admin_seed", str(services), str(targets)]
        output_of(command, seconds=180, env=env)
    return env


@contextlib.contextmanager
def _server(server: str, application: str, bench: Bench, env: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    options = ["--verbosity", "0", "--no-server-name", "--bind", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", server, *options, f"{application}:application"]
    with running(Program(command, PROXY_CORE, port, bench.directory / f"{application}.log", env)) as process:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(connection):
            yield Server(process.pid, connection)


def _rate(bench: Bench, name: str, servers: dict[str, Server]) -> Row:
    what, _, door = name.partition(" by ")
    is_read = what == "page of 100"

    def measure(server: str) -> dict[str, float]:
        path = "/services" if server == FLOOR else (READS if is_read else WRITES)[door]
        asked, before, until = 0, own_cpu_seconds(servers[server].pid), time.monotonic() + bench.seconds
        while time.monotonic() < until:
            values = {"name": f"written-{next(_numbers)}", "host": "written.example"}
            servers[server].ask("GET" if is_read else "POST", path, None if is_read else values)
            asked += 1
        return {"rate": asked / (own_cpu_seconds(servers[server].pid) - before)}

    for server in servers:  # the first request of a kind makes much that stays
        measure(server)
    rounds = alternate(name, list(servers), measure, bench.rounds)
    bench.note(rounds)
    floor, ratio = median(rounds, FLOOR, "rate"), paired(rounds, "rate", OURS, FLOOR)
    figure = f"a second of one core; plain Django {floor:.0f}, so {ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"
    asked = Asked(at_least=PAGES_ASKED if is_read else WRITES_ASKED)
    return Row(f"Admin API, {name}", figure, {OURS: median(rounds, OURS, "rate")}, asked=asked)


# --- Long lists ------------------------------------------------------------------------------------------------------


def _pages(name: str, server: Server) -> Iterator[Row]:
    last = TARGETS // 100
    for order in ("", "&orderBy=target", "&upstreamId=many"):
        listed = {"first": 1, "middle": last // 2, "last": last}
        times = {
            place: _quickest(server, f"/api/targets?limit=100&page={page}{order}") for place, page in listed.items()
        }
        yield _page_row(f"{name} by /api{f' ({order[1:]})' if order else ''}", times)
    yield _page_row(f"{name} by Kong's dialect", _walked(server))


def _page_row(name: str, times: dict[str, float]) -> Row:
    figure = f"ms of the last page of 100; first {times['first']:.1f}, middle {times['middle']:.1f}"
    return Row(f"Admin API, {name}", figure, {OURS: times["last"]})


def _quickest(server: Server, path: str) -> float:
    """Milliseconds of CPU, the least of several."""
    return min(_cpu_ms(server, path)[0] for _ in range(REPEATED))


def _cpu_ms(server: Server, path: str) -> tuple[float, bytes]:
    before = cpu_seconds(server.pid)
    content = server.ask("GET", path)
    return (cpu_seconds(server.pid) - before) * 1000, content


def _walked(server: Server) -> dict[str, float]:
    """From page to page, as a client of Kong has to; of each third of the way the median page."""
    times, path = [], "/upstreams/many/targets?size=100"
    offset = ""
    while True:
        took_ms, content = _cpu_ms(server, path + offset)
        times.append(took_ms)
        page = json.loads(content)
        if page["next"] is None:
            break
        offset = "&" + page["next"].partition("?")[2]
    third = len(times) // 3
    parts = {"first": times[:third], "middle": times[third:-third], "last": times[-third:]}
    return {place: statistics.median(part) for place, part in parts.items()}
