"""CPU per WebSocket message: from the client to the target, and its echo back; two passages through the server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from benchmarks import servers
from benchmarks.bench import Bench
from benchmarks.configurations import MESSAGES
from benchmarks.processes import OTHER_CORE, Program, output_of, running
from benchmarks.report import SERVERS, Row, costs
from benchmarks.rounds import Figures, alternate

NAME = "WebSocket message of 64 bytes and its echo"
PEERS = (sys.executable, "-m", "benchmarks.websocket_peers")


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    port = bench.origins.messages
    peer = Program([*PEERS, "echo", str(port)], OTHER_CORE, port, bench.directory / "echo.log")
    with running(peer), servers.all_three(bench.directory, bench.origins) as candidates:
        for server in candidates.values():
            _messages(server, 1)
        rounds = alternate(NAME, SERVERS, _per_message(bench, candidates), bench.rounds)
    bench.note(rounds)
    yield costs(NAME, "CPU µs/message", rounds, "cpu_us")


def _per_message(bench: Bench, candidates: dict[str, servers.Server]) -> Callable[[str], Figures]:
    def measure(name: str) -> Figures:
        server = candidates[name]
        before = server.cpu_s
        count = _messages(server, bench.seconds)
        return {"cpu_us": (server.cpu_s - before) / count * 1e6}

    return measure


def _messages(server: servers.Server, seconds: float) -> int:
    return int(output_of([*PEERS, "load", str(server.port), MESSAGES, str(seconds)], seconds=seconds))
