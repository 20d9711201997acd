"""The engine's own Python per exchange, without sockets: ``python -m benchmarks.micro_exchange [--profile CASE]
[--access-log FORM]``.

A fake client transport and a fake target exchange bytes with the real protocol classes. What remains beside the
kernel's and uvloop's share of a request is printed in µs: the best of many short stretches, since a neighbour on the
machine can only make one slower.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import pstats
import sys
import tempfile
import time

from benchmarks.static_engine import configuration
from proxy_engine.engine import Engine
from proxy_engine.server.client import ClientConnection
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import Snapshot
from proxy_engine.telemetry.access_log import FORMATS
from proxy_engine.upstream.connection import UpstreamConnection
from proxy_engine.workers.worker import new_event_loop

HEADERS = (
    b"Host: 127.0.0.1:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) "
    b"Chrome/140 Safari/537.36\r\nAccept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\nAuthorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nX-Request-ID: 5f2b7c1e-8d0a-4c3b-%012d\r\n"
    b"Cache-Control: no-cache\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 56\r\nConnection: keep-alive\r\n\r\n" + b"x" * 56
)
POST = b"POST /small HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 4096\r\n\r\n" + b"p" * 4096
STRETCH, STRETCHES = 500, 30
SAME, SAME_PATH = b"GET /small HTTP/1.1\r\n" + HEADERS % 1, b"GET /small HTTP/1.1\r\n"

CASES = {
    "the same each time": lambda n: SAME,
    "path new": lambda n: b"GET /small/%d HTTP/1.1\r\n" % n + HEADERS % 1,
    "one header new": lambda n: SAME_PATH + HEADERS % n,
    "one header and path new": lambda n: b"GET /small/%d HTTP/1.1\r\n" % n + HEADERS % n,
    "POST 4 KB, the same each time": lambda n: POST,
    "POST 4 KB, path new": lambda n: POST.replace(b"/small", b"/small/%d" % n, 1),
}


class FakeTransport:
    def __init__(self, on_write=None) -> None:
        self.on_write = on_write

    def write(self, data: bytes) -> None:
        if self.on_write:
            self.on_write(data)

    def get_extra_info(self, name: str):
        return ("127.0.0.1", 8000)

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class NoWriter:
    """In a log writer's place: its thread is no part of the exchange."""

    def put(self, lines: bytes, count: int) -> None: ...


class Stand:
    """An engine with one pooled connection to each of its targets, and some clients."""

    def __init__(self, loop: asyncio.AbstractEventLoop, routes: int, clients: int, access_log: str | None) -> None:
        env = {"GATEWAY_DATA_DIR": tempfile.gettempdir()}
        engine = Engine(EngineSettings.from_env(env), loop)
        engine.load(Snapshot(1, configuration([9001, 9002], routes)))
        if access_log is not None:
            engine.access_log = FORMATS[access_log](NoWriter(), with_query=True)
        self.upstreams = []
        for pool in engine.pools:
            pool.max_requests = sys.maxsize  # nobody here could open another connection
            connection = UpstreamConnection(pool)
            connection.connection_made(FakeTransport())
            pool.give_back(connection)
            self.upstreams.append(connection)
        self.clients = [ClientConnection(engine, "http") for _ in range(clients)]
        for client in self.clients:
            client.connection_made(FakeTransport())

    def drive(self, requests: list[bytes]) -> None:
        upstreams = self.upstreams
        for client, request in zip(itertools.cycle(self.clients), requests):
            client.data_received(request)
            for upstream in upstreams:
                if upstream.sink is not None:
                    upstream.data_received(ANSWER)

    def best_us(self, make) -> float:
        self.drive([make(number) for number in range(STRETCH)])
        best = float("inf")
        for stretch in range(1, STRETCHES + 1):
            requests = [make(number) for number in range(stretch * STRETCH, (stretch + 1) * STRETCH)]
            start = time.perf_counter()
            self.drive(requests)
            best = min(best, time.perf_counter() - start)
        return best / STRETCH * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro_exchange", description=__doc__)
    parser.add_argument("--profile", metavar="CASE", choices=CASES, help="profile this case instead")
    parser.add_argument("--access-log", metavar="FORM", choices=FORMATS, help="write one, as far as its last thread")
    options = parser.parse_args()
    chosen, log = options.profile, options.access_log
    loop = new_event_loop()
    if chosen:
        stand, requests = Stand(loop, 10, 1, log), [CASES[chosen](number) for number in range(20_000)]
        profile = cProfile.Profile()
        profile.runcall(stand.drive, requests)
        pstats.Stats(profile).sort_stats("tottime").print_stats(22)
        return
    for routes, clients in ((10, 1), (10, 64), (10_000, 1)):
        stand = Stand(loop, routes, clients, log)
        for name, make in CASES.items():
            print(
                f"{routes:>6} routes, {clients:>2} clients in turn, {name:<30} {stand.best_us(make):6.2f} µs",
                flush=True,
            )


if __name__ == "__main__":
    main()
