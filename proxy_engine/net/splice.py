"""Bytes from one socket to another without passing through us: splice(2), by way of a pipe.

What a process reads is copied out of the kernel, and what it writes is copied back. splice moves references to pages
instead. It goes from a socket to a pipe and from a pipe to a socket, so it takes two calls, for as many bytes as the
pipe holds; both are worth it for many bytes at once.

The pipe is empty before and after ``move``: what the far socket does not take at once is read out again, for the
transport that owns that socket to write like anything else. So one pipe is enough for all connections of a worker, and
pausing, limits of time and the end of a connection stay what transports make of them.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import termios
from contextlib import suppress

PIPE_BYTES = 256 * 1024  # as much as one read of uvloop; with 1 MiB no gain, with 64 KiB a loss

_IS_POSSIBLE = hasattr(os, "splice")  # Linux
_INT = struct.Struct("i")


class Splice:
    __slots__ = ("_read_end", "_write_end")

    def __init__(self) -> None:
        self._read_end = self._write_end = -1  # opened by the first who needs it

    def __repr__(self) -> str:
        return f"<Splice {'closed' if self._read_end < 0 else 'open'}>"

    def move(self, source: asyncio.Transport, to: asyncio.Transport, most: int) -> tuple[int, bytes]:
        """How many bytes, at most ``most`` of them, came out of ``source``'s socket; and the last ones of them, if
        ``to``'s socket took fewer, to be written to ``to``. None came where there are none, or at their end, or where
        this cannot be done (TLS, another system, no files left): a read by the transport tells which.

        Nothing may wait in ``to``: these bytes would overtake it.
        """
        near, far = _plain_socket(source), _plain_socket(to)
        if near < 0 or far < 0:
            return 0, b""
        flags = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
        try:
            if self._read_end < 0:
                self._open()
            count = left = os.splice(near, self._write_end, most, flags=flags)
        except OSError:
            return 0, b""
        with suppress(OSError):  # it is full, or gone, which its transport will see when it writes the rest
            while left:
                left -= os.splice(self._read_end, far, left, flags=flags)
        return count, os.read(self._read_end, left) if left else b""

    def _open(self) -> None:
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with suppress(OSError):  # the user's share of pipe buffers is used up: it stays as small as it is
            fcntl.fcntl(self._write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def close(self) -> None:
        if self._read_end >= 0:
            os.close(self._read_end)
            os.close(self._write_end)
            self._read_end = self._write_end = -1


def _plain_socket(transport: asyncio.Transport) -> int:
    """Its descriptor; -1 where its bytes are not the socket's, or where it is closed: the number may be another's."""
    if not _IS_POSSIBLE or transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
        return -1
    sock = transport.get_extra_info("socket")
    return sock.fileno() if sock is not None else -1


def has_unread(transport: asyncio.Transport) -> bool:
    """Whether more bytes are in the socket of a transport from which ``move`` has taken some."""
    unread = fcntl.ioctl(_plain_socket(transport), termios.FIONREAD, _INT.pack(0))
    return _INT.unpack(unread)[0] > 0
