"""What must hold before anything starts. A ``Refusal`` is one line: what is wrong and what to do about it."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from proxy_engine.net import listen

SOCKET_PATH_BYTES = 107  # sun_path of unix(7), without its closing zero


class Refusal(Exception):
    """Gatehouse cannot start."""


def writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise Refusal(
            f"cannot write to the data directory {folder} ({error.strerror}); make it writable or set GATEWAY_DATA_DIR"
        ) from None


def only_one(folder: Path) -> TextIO:
    """The lock that keeps a second supervisor off; held until the file is closed or the process ends."""
    lock = open(folder / "up.lock", "a+")  # noqa: SIM115 - held for as long as the supervisor runs
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise Refusal(
            f"the data directory {folder} is in use by another `manage.py up` (PID {holder}); "
            "stop that one or set GATEWAY_DATA_DIR"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def short_enough(socket_path: Path) -> None:
    length = len(os.fsencode(socket_path))
    if length > SOCKET_PATH_BYTES:
        raise Refusal(
            f"the path {socket_path} is too long for a unix socket ({length} bytes, "
            f"at most {SOCKET_PATH_BYTES}); set GATEWAY_DATA_DIR to a shorter one, or REDIS_URL"
        )


def free(addresses: Sequence[listen.Listen], setting: str) -> None:
    for address in addresses:
        try:
            listen.bind(address, share=False).close()  # SO_REUSEPORT would let it in beside another process
        except OSError as error:
            raise Refusal(_why(address, error, setting)) from None


def _why(address: listen.Listen, error: OSError, setting: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {address} is taken{_holder(address.port)}; stop it or set {setting}"
        case errno.EACCES:
            return f"port {address} needs privileges this user lacks; set {setting} to ports from 1024 on"
        case errno.EADDRNOTAVAIL:
            return f"{address}: this machine has no such address; correct {setting}"
        case _:
            return f"{error.strerror or error}; correct {setting}"


def _holder(port: int) -> str:
    """Who listens there, as far as this user may see it: `` (by PID 123 nginx)`` or nothing."""
    import psutil

    try:
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid:
                return f" (by PID {found.pid} {psutil.Process(found.pid).name()})"
    except psutil.Error:
        pass
    return ""
