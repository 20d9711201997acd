"""Free ports on loopback."""

from __future__ import annotations

import socket


def free_ports(count: int) -> list[int]:
    """Different ones: all are held until the last is known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [holder.getsockname()[1] for holder in held]
    finally:
        for holder in held:
            holder.close()


def free_port() -> int:
    return free_ports(1)[0]
