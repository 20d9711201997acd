"""Servers under measurement: on free loopback ports, pinned to a core, accounted by the kernel, always stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

START_S = 15.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for candidate in found:
        for task in _tasks(candidate):
            with contextlib.suppress(OSError):
                found += [int(child) for child in Path(f"/proc/{candidate}/task/{task}/children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process tree so far, all threads, from the scheduler's own nanosecond account."""
    total = 0
    for member in descendants(pid):
        for task in _tasks(member):
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{member}/task/{task}/schedstat").read_text().split()[0])
    return total / 1e9


def resident_kib(pid: int) -> int:
    """Resident memory of a process tree, shared pages counted once per process."""
    total = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/status").read_text().splitlines()
            total += next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
    return total


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


@contextlib.contextmanager
def running(command: list[str], *, core: int, port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    """Yields the pid once ``port`` accepts connections."""
    log = open(f"/tmp/gatehouse-bench-{port}.log", "wb")  # noqa: SIM115 - closed with the process
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    )
    try:
        _wait_for(port, process, log.name)
        yield process.pid
    finally:
        _stop(process)
        log.close()


def _wait_for(port: int, process: subprocess.Popen, log: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} did not start:\n{Path(log).read_text()[-2000:]}")


def _stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
