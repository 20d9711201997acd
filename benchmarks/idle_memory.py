"""Memory that an idle client connection keeps: 5,000 connections, one request each, then some seconds of silence.

What the process has grown by since before the first of them, as PSS, by connection; the kernel's socket buffers are not
in it. Each server is started anew for each round, so that no free heap of an earlier load hides the growth. Requests
come one after the other, so the connections to the targets are few. The clients have many addresses: limits per client
stay out of it.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

from benchmarks import configurations, servers
from benchmarks.bench import Bench
from benchmarks.configurations import MEASURED
from benchmarks.report import SERVERS, Asked, Row
from benchmarks.rounds import Figures, median, one_round, progress

CONNECTIONS = 5_000
PER_ADDRESS = 50
ROUNDS = 3
SETTLED_S = 5.0  # the engine lets go of what only speeds up a next request after 2 s
NAME = "idle client connection, one of 5,000"
_REQUEST = f"GET {MEASURED}/small HTTP/1.1\r\nHost: localhost\r\nUser-Agent: idle/1\r\nAccept: */*\r\n\r\n".encode()


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    rounds = []
    for number in range(min(ROUNDS, bench.rounds)):  # memory does not mind a busy machine: none is repeated
        rounds.append(one_round(SERVERS, lambda name: _measure(bench, name)))
        progress(NAME, rounds[-1], number + 1)
    values = {server: median(rounds, server, "kib") for server in SERVERS}
    yield Row(NAME, "memory KiB", values, asked=Asked(at_most=3, unit="KiB"))


def _measure(bench: Bench, name: str) -> Figures:
    directory, origins = bench.directory, bench.origins
    starts = {
        "nginx": lambda: servers.nginx(directory, origins),
        "haproxy": lambda: servers.haproxy(directory, origins),
        "gatehouse": lambda: servers.engine(directory, configurations.engine(origins, servers.ROUTES)),
    }
    with starts[name]() as server, contextlib.ExitStack() as stack:
        for number in range(PER_ADDRESS):
            _ask(server.port, number).close()
        time.sleep(1)
        before = server.memory_kib
        for number in range(CONNECTIONS):
            stack.enter_context(_ask(server.port, number))
        time.sleep(SETTLED_S)
        return {"kib": (server.memory_kib - before) / CONNECTIONS}


def _ask(port: int, number: int) -> socket.socket:
    """A connection that had its answer. Raises RuntimeError when that was not 200."""
    source = (f"127.0.1.{number // PER_ADDRESS + 1}", 0)
    connection = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=source)
    connection.sendall(_REQUEST)
    answer = b""
    while configurations.SMALL.encode() not in answer:
        data = connection.recv(4096)
        answer += data
        if not data or not answer.startswith(b"HTTP/1.1 200"[: len(answer)]):
            raise RuntimeError(f"connection {number}: {answer[:80]!r}")
    return connection
