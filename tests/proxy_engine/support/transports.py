"""A transport without a socket: what was written is kept, what the protocol asked for is noted. And one with a socket,
from which nothing is read."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from .targets import WAIT_S


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unsent = 0  # what ``get_write_buffer_size`` says
        self.is_paused = False
        self.was_closed = False
        self.was_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        assert self.is_paused
        self.is_paused = False

    def close(self) -> None:
        self.was_closed = True

    def abort(self) -> None:
        self.was_aborted = True

    def is_closing(self) -> bool:
        return self.was_closed or self.was_aborted


@dataclass
class End:
    """One end of a connection with a transport that does not read; the other end is a plain socket."""

    transport: asyncio.Transport
    peer: socket.socket

    def received(self, count: int) -> bytes:
        self.peer.settimeout(WAIT_S)
        got = bytearray()
        while len(got) < count and (piece := self.peer.recv(count - len(got))):
            got += piece
        return bytes(got)

    async def close(self) -> None:
        self.peer.close()
        self.transport.abort()
        await asyncio.sleep(0)


async def an_end() -> End:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    transport.pause_reading()
    return End(transport, peer)
