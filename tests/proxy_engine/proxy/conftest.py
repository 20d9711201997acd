"""Peers that are no scripts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def mute() -> Iterator[str]:
    """An address that neither accepts nor refuses: its queue of connections is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    address = listener.getsockname()
    waiting = []
    for _ in range(4):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(address)
    yield f"127.0.0.1:{address[1]}"
    for each in (*waiting, listener):
        each.close()
