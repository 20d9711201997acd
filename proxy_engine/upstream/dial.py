"""Opening one TCP connection to a target as its upstream's ``connections`` say.

On fast open: what lies in a SYN may reach the target twice when the network doubles it (RFC 7413 §2.1), whatever the
method; that is why it is off unless asked for. Without a cookie of the target's from before, the first request of all
goes the ordinary way.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from proxy_engine.spec import ConnectionRules

if TYPE_CHECKING:
    from .connection import UpstreamConnection

# Linux' number; Python's socket module does not name it.
TCP_FASTOPEN_CONNECT = 30 if sys.platform == "linux" else None
TCP_KEEPIDLE = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)


class Address(NamedTuple):
    """Where a connection leads, and as whom the far side must identify itself. ``server_name`` "" = plain TCP."""

    host: str
    port: int
    server_name: str = ""
    verify: bool = False

    def __str__(self) -> str:
        where = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"https://{where}" if self.server_name else where


class PoolRules(NamedTuple):
    """The part of ``ConnectionRules`` that connections carry with them: where it differs, they cannot be shared."""

    pool_size: int
    idle_timeout: float
    max_requests: int
    keepalive_idle: int
    keepalive_interval: int
    keepalive_count: int
    receive_buffer: int
    fast_open: bool

    @classmethod
    def of(cls, rules: ConnectionRules) -> PoolRules:
        """What does nothing makes no difference: the pace of probes that are off."""
        return cls(
            pool_size=rules.pool_size,
            idle_timeout=rules.idle_timeout,
            max_requests=rules.max_requests,
            keepalive_idle=rules.tcp_keepalive_idle,
            keepalive_interval=rules.tcp_keepalive_interval if rules.tcp_keepalive_idle else 0,
            keepalive_count=rules.tcp_keepalive_count if rules.tcp_keepalive_idle else 0,
            receive_buffer=rules.receive_buffer,
            fast_open=rules.tcp_fast_open,
        )


def tls_context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(
    loop: asyncio.AbstractEventLoop,
    make: Callable[[], UpstreamConnection],
    address: Address,
    rules: PoolRules,
    context: ssl.SSLContext | None,
) -> UpstreamConnection:
    """Raises OSError, ``ssl.CertificateError`` or UnicodeError; ``describe`` puts them in words."""
    server_name = address.server_name or None
    if rules.receive_buffer or (rules.fast_open and has_fast_open()):
        sock = await _connected_socket(loop, address, rules)
        try:
            _, connection = await loop.create_connection(make, sock=sock, ssl=context, server_hostname=server_name)
        except BaseException:
            sock.close()
            raise
    else:  # the loop's own way is cheaper
        _, connection = await loop.create_connection(
            make, address.host, address.port, ssl=context, server_hostname=server_name
        )
    if rules.keepalive_idle:
        keep_alive(connection.transport.get_extra_info("socket"), rules)
    return connection


async def _connected_socket(loop: asyncio.AbstractEventLoop, address: Address, rules: PoolRules) -> socket.socket:
    """With what has to be set before the SYN: the window scale goes by the receive buffer."""
    sock = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if rules.receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rules.receive_buffer)
        if rules.fast_open and has_fast_open():
            sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        await loop.sock_connect(sock, (address.host, address.port))
    except BaseException:
        sock.close()
        raise
    return sock


def keep_alive(sock: socket.socket | None, rules: PoolRules) -> None:
    if sock is None:
        return  # closed meanwhile
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if TCP_KEEPIDLE is not None:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_KEEPIDLE, rules.keepalive_idle)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, rules.keepalive_interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, rules.keepalive_count)
    except OSError:
        pass  # reset by the target meanwhile: its first use will tell


@functools.cache
def has_fast_open() -> bool:
    """Whether the system can put the first request into the SYN. Where it cannot, that is said once."""
    if TCP_FASTOPEN_CONNECT is not None:
        with socket.socket() as sock, suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
            return True
    print("this system has no TCP fast open; upstreams that ask for it get ordinary connections", flush=True)
    return False


def describe(error: Exception) -> str:
    """In an operator's words: mostly the system's, by which ``health.passive`` knows our own want of files or ports."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
