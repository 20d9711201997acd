"""What runs: one ``Program`` per process, with how it is started and in which order they are stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway_admin.processes import private_redis
from proxy_engine.net.listen import Listen

CELERY_THREADS = 8
ENGINE_GRACE_S = 10.0  # beyond its drain time, to cut what is left and to say farewell
PYTHON = (sys.executable, "-m")
# As root, Celery warns of pickled messages; ours are JSON and it accepts nothing else.
CELERY = (
    sys.executable,
    "-W",
    "ignore:You're running the worker",
    "-m",
    "celery",
    "--quiet",
    "--app",
    "gateway_admin.celery:app",
)


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: tuple[str, ...]
    stop_rank: int  # the lowest rank is stopped first, the next one when all of it has ended
    stop_s: float = 5.0  # from SIGTERM to SIGKILL
    orphan_signal: signal.Signals = signal.SIGKILL  # what the kernel sends it when the supervisor dies
    noise: tuple[bytes, ...] = ()  # parts of lines that would only alarm or bore the operator


def redis(server: str, socket_path: Path) -> Program:
    command = tuple(private_redis.command(server, socket_path))
    return Program("redis", command, stop_rank=5, noise=private_redis.NOISE)


def engine(manage: Path, drain_s: float) -> Program:
    # The engine drains even when orphaned: clients must not pay for the death of its parent.
    command = (sys.executable, str(manage), "run_engine")
    return Program("engine", command, stop_rank=0, stop_s=drain_s + ENGINE_GRACE_S, orphan_signal=signal.SIGTERM)


def daphne(listen: Sequence[Listen]) -> Program:
    endpoints = [part for address in listen for part in ("-e", _endpoint(address))]
    # Verbosity 0: the access log of a polled dashboard would drown the rest.
    quiet = ("--verbosity", "0", "--no-server-name")
    command = (*PYTHON, "gateway_admin.server", *quiet, *endpoints, "gateway_admin.asgi:application")
    return Program("daphne", command, stop_rank=1, noise=(b"HTTP/2 support not enabled", b"Configuring endpoint"))


def beat(schedule: Path) -> Program:
    options = ("--schedule", str(schedule), "--pidfile", "", "--loglevel", "WARNING")
    return Program("beat", (*CELERY, "beat", *options), stop_rank=2)


def worker() -> Program:
    # Threads: probes wait on sockets, and a process that is killed then leaves no orphans behind.
    pool = ("--pool", "threads", "--concurrency", str(CELERY_THREADS))
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")  # nobody talks to other workers
    return Program("worker", (*CELERY, "worker", *pool, *alone, "--loglevel", "WARNING"), stop_rank=3)


def echo(name: str, address: Listen) -> Program:
    module = "gateway_admin.processes.echo"
    command = (*PYTHON, module, "--name", name, "--host", address.host, "--port", str(address.port))
    return Program(name, command, stop_rank=4)


def _endpoint(address: Listen) -> str:
    """Twisted's notation, in which a colon inside a value is escaped."""
    family = "tcp6" if ":" in address.host else "tcp"
    interface = address.host.replace(":", r"\:")
    return f"{family}:{address.port}:interface={interface}"
