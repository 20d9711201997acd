"""A load generator at a fixed rate: ``python -m benchmarks.open_loop PORT PATH RATE SECONDS`` prints p50 and p99 in µs.

Requests are due at times fixed beforehand (a Poisson process, the same one for each server), whether or not earlier
ones were answered, and the clock of each runs from when it was *due*. A closed-loop generator, which sends the next
request when the last was answered, stops asking just when the server stalls: one stall of 100 ms is then one slow
request instead of the thousand that users would have met ("coordinated omission"). Counting from the due time shows
them all; a request that finds no idle connection waits for one, and its waiting counts as well.

One thread and ``select``, whose timeout has microseconds where that of epoll has milliseconds. The generator's own
delay is in every figure, below 0.1 ms: it pulls ratios towards 1, never past it.
"""

from __future__ import annotations

import gc
import json
import random
import select
import socket
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterator

from benchmarks.configurations import SMALL

CONNECTIONS = 64
WARM_UP_S = 0.3
GIVE_UP_S = 5.0
END = SMALL.encode()


class Connection:
    __slots__ = ("due", "received", "sock")

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.due = 0.0
        self.received = b""

    def fileno(self) -> int:
        return self.sock.fileno()

    def is_answered(self) -> bool:
        self.received += self.sock.recv(4096)
        if not self.received.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"not answered but: {self.received[:80]!r}")
        return self.received.endswith(END)


class OpenLoop:
    def __init__(self, port: int, path: str, rate: float) -> None:
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: open-loop/1\r\nAccept: */*\r\n"
            "Accept-Encoding: gzip\r\nCookie: session=0123456789abcdef\r\n\r\n"
        ).encode()
        self.rate = rate
        self.idle = [Connection(port) for _ in range(CONNECTIONS)]
        self.busy: set[Connection] = set()
        self.waiting: deque[float] = deque()  # due times of requests that found no idle connection
        self.latencies: list[float] = []

    def run(self, seconds: float) -> list[float]:
        """Latencies in seconds, of requests that were due after the warm-up."""
        begin = time.perf_counter()
        end = begin + WARM_UP_S + seconds
        due_times = arrivals(begin, self.rate)
        due = next(due_times)
        while due < end or self.busy or self.waiting:
            now = time.perf_counter()
            if now > end + GIVE_UP_S:
                raise RuntimeError(f"{len(self.busy) + len(self.waiting)} requests had no answer")
            while due <= now and due < end:
                self.waiting.append(due)
                due = next(due_times)
            self._send()
            self._receive(max(0.0, due - time.perf_counter()) if due < end else 0.1, begin + WARM_UP_S)
        return self.latencies

    def _send(self) -> None:
        while self.waiting and self.idle:
            connection = self.idle.pop()
            connection.due = self.waiting.popleft()
            connection.received = b""
            connection.sock.send(self.request)
            self.busy.add(connection)

    def _receive(self, timeout: float, counts_from: float) -> None:
        ready, _, _ = select.select(self.busy, (), (), timeout)
        for connection in ready:
            if connection.is_answered():
                self.busy.remove(connection)
                self.idle.append(connection)
                if connection.due >= counts_from:
                    self.latencies.append(time.perf_counter() - connection.due)


def arrivals(begin: float, rate: float) -> Iterator[float]:
    chance = random.Random(4)  # the same times for each server
    at = begin
    while True:
        at += chance.expovariate(rate)
        yield at


def summary(latencies: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(latencies, n=100)
    return {"p50_us": cuts[49] * 1e6, "p99_us": cuts[98] * 1e6, "max_us": max(latencies) * 1e6, "count": len(latencies)}


def main() -> None:
    port, path, rate, seconds = sys.argv[1:]
    gc.disable()
    print(json.dumps(summary(OpenLoop(int(port), path, float(rate)).run(float(seconds)))))


if __name__ == "__main__":
    main()
