"""The engine's own Python per exchange, without sockets: ``python -m benchmarks.micro_exchange [--profile]``.

A fake client transport and a fake target exchange bytes with the real protocol classes. What remains beside the
kernel's and uvloop's share of a request is printed in µs.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import time
from pathlib import Path

from benchmarks.static_engine import configuration
from proxy_engine.engine import Engine
from proxy_engine.server.client import ClientConnection
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import Snapshot
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
ROUNDS = 20_000


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


def prepare(loop: asyncio.AbstractEventLoop, routes: int) -> tuple[ClientConnection, list[UpstreamConnection]]:
    env = {"GATEWAY_DATA_DIR": str(Path("/tmp"))}
    engine = Engine(EngineSettings.from_env(env), loop)
    engine.load(Snapshot(1, configuration([9001, 9002], routes)))
    upstreams = []
    for pool in engine.pools:
        connection = UpstreamConnection(pool)
        connection.connection_made(FakeTransport())
        pool.give_back(connection)
        upstreams.append(connection)
    client = ClientConnection(engine, "http")
    client.connection_made(FakeTransport())
    return client, upstreams


def drive(client: ClientConnection, upstreams: list[UpstreamConnection], requests: list[bytes]) -> None:
    for request in requests:
        client.data_received(request)
        for upstream in upstreams:
            if upstream.sink is not None:
                upstream.data_received(ANSWER)


def main() -> None:
    loop = new_event_loop()
    same = [b"GET /small HTTP/1.1\r\n" + HEADERS % 1] * ROUNDS
    different = [b"GET /small/%d HTTP/1.1\r\n" % n + HEADERS % n for n in range(ROUNDS)]
    for routes in (10, 10_000):
        client, upstreams = prepare(loop, routes)
        for name, requests in (("the same each time", same), ("one header and path new", different)):
            drive(client, upstreams, requests[:1000])
            start = time.perf_counter()
            drive(client, upstreams, requests)
            print(f"{routes:>6} routes, {name:<24} {(time.perf_counter() - start) / ROUNDS * 1e6:6.2f} µs")
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(drive, client, upstreams, same if "--same" in sys.argv else different)
        pstats.Stats(profile).sort_stats("tottime").print_stats(22)


if __name__ == "__main__":
    main()
