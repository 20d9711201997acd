"""What can go wrong with an exchange, as values with facts. Foreign exceptions become these in one place each."""

from __future__ import annotations

from enum import Enum


class BadMessage(Exception):
    """A message that cannot be parsed without doubt. ``status`` is the answer a client gets; the connection closes."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class FailureKind(Enum):
    """How an attempt failed, before any byte of its response was passed on."""

    CONNECT = "connect"  # refused, unreachable, no address, TLS handshake: nothing was sent
    CONNECT_TIMEOUT = "connect timeout"  # likewise nothing was sent
    STALE = "stale connection"  # a pooled connection was closed by the target while it was idle
    RESET = "connection lost"  # closed or reset after the request went out
    BAD_RESPONSE = "bad response"  # no HTTP/1.x answer
    TIMEOUT = "timeout"  # no byte within read_timeout, or none taken within write_timeout
