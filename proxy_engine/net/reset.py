"""Whether the far side has reset a connection of which nothing is read any more.

Behind the end of its bytes an event loop watches a connection no longer: a reset stays unnoticed until something is
written. The kernel knows of it. Where it cannot be asked (Linux alone can be, here), nobody is taken for gone.
"""

from __future__ import annotations

import asyncio
import socket

_TCP_INFO = getattr(socket, "TCP_INFO", None)
_TCP_CLOSE = 7  # include/net/tcp_states.h: the first byte of TCP_INFO


def is_reset(transport: asyncio.Transport) -> bool:
    sock = transport.get_extra_info("socket")
    if _TCP_INFO is None or sock is None or transport.is_closing():
        return False
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 1)[0] == _TCP_CLOSE
    except OSError:
        return False
