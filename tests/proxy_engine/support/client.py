"""A client that writes bytes and takes responses apart, independently of the engine's own parsers."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Self

from .targets import RESET_ON_CLOSE, WAIT_S, let_others_run, read_chunks

Fields = list[tuple[bytes, bytes]]


class Cut(Exception):
    """The connection ended before a response was complete, or before there was one. ``args[0]``: what had come."""


@dataclass(frozen=True)
class Response:
    status: int
    fields: Fields
    body: bytes
    interim: list[int] = field(default_factory=list)  # statuses of 1xx responses before it

    def field(self, name: bytes) -> bytes | None:
        values = [value for known, value in self.fields if known == name.lower()]
        return b", ".join(values) if values else None


def a_request(
    target: str = "/", *fields: bytes, method: str = "GET", body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """With a Host; with a Content-Length when there is a body."""
    lines = [f"{method} {target} HTTP/{version}".encode(), b"Host: gateway.test", *fields]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body or b""))


def chunked(*pieces: bytes, ended: bool = True) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + b"0\r\n\r\n" if ended else chunks


class RawClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, *, buffer_bytes: int = 2**20, kernel_bytes: int | None = None) -> Self:
        """``buffer_bytes``: what may wait unread here, roughly; ``kernel_bytes``: what may wait in the kernel."""
        sock = socket.socket()
        sock.setblocking(False)
        if kernel_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kernel_bytes)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=sock, limit=buffer_bytes))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def send_in_pieces(self, *pieces: bytes) -> None:
        """Each piece arrives in a read of its own, as far as that can be arranged: other sides run in between."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await let_others_run()

    def finish(self) -> None:
        """Close our side only."""
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        if self.writer.is_closing():
            return
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.writer.transport.abort()

    async def ask(self, request: bytes, method: str = "GET") -> Response:
        self.send(request)
        return await self.response(method)

    async def response(self, method: str = "GET") -> Response:
        """The next response. Raises Cut when the connection ends before it is whole."""
        interim: list[int] = []
        async with asyncio.timeout(WAIT_S):
            while True:
                status, fields = await self._head()
                if status >= 200:
                    return Response(status, fields, await self._body(method, status, dict(fields)), interim)
                interim.append(status)

    async def _head(self) -> tuple[int, Fields]:
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise Cut(error.partial) from error
        except ConnectionError as error:
            raise Cut(b"") from error
        line, *lines = head[:-4].split(b"\r\n")
        assert line.startswith(b"HTTP/1.1 "), line
        fields = [(name.lower(), value.strip()) for name, _, value in (text.partition(b":") for text in lines)]
        return int(line[9:12]), fields

    async def _body(self, method: str, status: int, fields: dict[bytes, bytes]) -> bytes:
        if method == "HEAD" or status in (204, 304):
            return b""
        try:
            if fields.get(b"transfer-encoding") == b"chunked":
                return await read_chunks(self.reader)
            if b"content-length" in fields:
                return await self.reader.readexactly(int(fields[b"content-length"]))
            return await self.reader.read()
        except asyncio.IncompleteReadError as error:
            raise Cut(error.partial) from error
        except ConnectionError as error:
            raise Cut(b"") from error

    async def rest(self) -> bytes:
        """Everything until the gateway's orderly close. Raises Cut on a reset."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.reader.read()
        except ConnectionError as error:
            raise Cut(b"") from error
