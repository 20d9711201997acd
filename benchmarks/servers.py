"""The programs that are compared, started on what ``configurations`` says: each a context that ends with its server."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import configurations
from benchmarks.accounts import cpu_seconds, proportional_kib
from benchmarks.configurations import Origins
from benchmarks.processes import OTHER_CORE, PROXY_CORE, Program, free_port, running

ROUTES = 1_000


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    process: subprocess.Popen
    logs: tuple[Path, ...]

    @property
    def cpu_s(self) -> float:
        return cpu_seconds(self.process.pid)

    @property
    def memory_kib(self) -> float:
        return proportional_kib(self.process.pid)

    def cut_logs(self) -> None:
        """An access line per request fills a disk in minutes."""
        for log in self.logs:
            if log.exists():
                log.open("r+").truncate(0)


@contextlib.contextmanager
def origin(directory: Path) -> Iterator[Origins]:
    """The one for HTTP runs; that for messages belongs to its own benchmark, which starts it on the port given here."""
    files = directory / "files"
    files.mkdir()
    (files / "10k").write_bytes(b"k" * 10_240)
    (files / "1m").write_bytes(b"m" * 1_048_576)
    origins = Origins((free_port(), free_port()), free_port())
    configuration = directory / "origin.conf"
    configuration.write_text(configurations.origin(directory, origins.http))
    with running(_nginx(configuration, origins.http[0], OTHER_CORE)):
        yield origins


@contextlib.contextmanager
def nginx(directory: Path, origins: Origins, *, routes: int = ROUTES, buffers: str = "") -> Iterator[Server]:
    port = free_port()
    name = f"nginx-{port}"
    configuration = directory / f"{name}.conf"
    configuration.write_text(configurations.nginx(directory, name, port, origins, routes=routes, buffers=buffers))
    with running(_nginx(configuration, port, PROXY_CORE)) as process:
        yield Server("nginx", port, process, (directory / f"{name}.access",))


def _nginx(configuration: Path, port: int, core: int) -> Program:
    errors = configuration.with_suffix(".err")
    command = ["nginx", "-c", str(configuration), "-e", str(errors)]
    return Program(command, core, port, configuration.with_suffix(".log"))


@contextlib.contextmanager
def haproxy(directory: Path, origins: Origins, *, routes: int = ROUTES) -> Iterator[Server]:
    port = free_port()
    configuration, log = directory / f"haproxy-{port}.cfg", directory / f"haproxy-{port}.log"
    configuration.write_text(configurations.haproxy(directory, port, origins))
    (directory / "haproxy.map").write_text(configurations.haproxy_map(routes))
    with running(Program(["haproxy", "-db", "-f", str(configuration)], PROXY_CORE, port, log)) as process:
        yield Server("haproxy", port, process, (log,))


@contextlib.contextmanager
def engine(directory: Path, entities: dict[str, list[dict]], name: str = "gatehouse") -> Iterator[Server]:
    """One supervisor and one worker, as in production but for the source: a file instead of a database."""
    port, status = free_port(), free_port()
    home = directory / f"engine-{port}"
    home.mkdir()
    snapshot, access = home / "configuration.json", home / "access.log"
    snapshot.write_text(json.dumps(entities))
    env = {
        "GATEWAY_PROXY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_STATUS_LISTEN": f"127.0.0.1:{status}",
        "GATEWAY_DATA_DIR": str(home),
        "GATEWAY_WORKERS": "1",
        "GATEWAY_DRAIN_SECONDS": "1",
    }
    command = [sys.executable, "-m", "benchmarks.static_engine", str(snapshot)]
    program = Program(command, PROXY_CORE, port, home / "engine.log", env)
    with running(program) as process:
        yield Server(name, port, process, (access,))


@contextlib.contextmanager
def all_three(directory: Path, origins: Origins, *, buffers: str = "") -> Iterator[dict[str, Server]]:
    """By name. ``buffers``: further directives for nginx."""
    with contextlib.ExitStack() as stack:
        servers = (
            stack.enter_context(nginx(directory, origins, buffers=buffers)),
            stack.enter_context(haproxy(directory, origins)),
            stack.enter_context(engine(directory, configurations.engine(origins, ROUTES))),
        )
        yield {server.name: server for server in servers}
