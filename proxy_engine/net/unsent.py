"""How much of what was written a peer has not taken yet: in our own buffer, and in the kernel's."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios

_INT = struct.Struct("i")


def unsent_bytes(transport: asyncio.Transport) -> int:
    """0 when nothing waits in our own buffer: the rest is the kernel's to deliver.

    Otherwise with what waits in the kernel: it tells us only when a third of its buffer is free again, which can be a
    megabyte, so a slow reader would look like a dead one for minutes.
    """
    waiting = transport.get_write_buffer_size()
    return waiting + _in_kernel(transport) if waiting else 0


def _in_kernel(transport: asyncio.Transport) -> int:
    sock = transport.get_extra_info("socket")
    try:
        return _INT.unpack(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, _INT.pack(0)))[0]
    except (OSError, ValueError, TypeError, AttributeError):  # no socket, or one that is being closed
        return 0
