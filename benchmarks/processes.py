"""Programs under measurement: on free loopback ports, pinned to a core, always stopped by the pid they were given."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_S = 15.0
STOP_S = 10.0
OPEN_FILES = 13_000  # 6,000 connections through haproxy, which wants two descriptors for each
PROXY_CORE, OTHER_CORE = 0, 1


@dataclass(frozen=True)
class Program:
    """How to start one. ``port`` tells when it is up; its output goes to ``log``."""

    command: list[str]
    core: int
    port: int
    log: Path
    env: dict[str, str] | None = None


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def raise_file_limit() -> bool:
    """To what the kernel allows; the programs inherit it. Whether it is enough."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard >= OPEN_FILES or hard == resource.RLIM_INFINITY


def pinned(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command]


@contextlib.contextmanager
def running(program: Program) -> Iterator[subprocess.Popen]:
    """Yields once its port accepts connections. In a session of its own: Ctrl-C reaches us, and we stop it in order."""
    with program.log.open("ab") as log:  # "ab": a log that is cut to nothing goes on at its beginning
        process = subprocess.Popen(
            pinned(program.core, *program.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(program.env or {})},
            start_new_session=True,
        )
    try:
        _wait_for(program, process)
        yield process
    finally:
        _stop(process)


def _wait_for(program: Program, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", program.port), timeout=1):
            return
        time.sleep(0.05)
    said = program.log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{' '.join(program.command)} did not start:\n{said}")


def _stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGKILL)  # its own session, so its own group: nobody else is in it
        process.wait()


def output_of(command: list[str], *, seconds: float, core: int = OTHER_CORE, env: dict[str, str] | None = None) -> str:
    """Of a program that ends by itself after about ``seconds``. Raises RuntimeError with what it said if it fails."""
    done = subprocess.run(
        pinned(core, *command),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 30,
        env={**os.environ, **(env or {})},
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
