"""Both ends of the WebSockets under load, with as little work as asyncio allows: the server between them has most.

``python -m benchmarks.websocket_peers echo PORT``: answers each message with one of the same size, for ever.
``python -m benchmarks.websocket_peers load PORT PATH SECONDS``: prints how many messages came back.

Messages have one size, so both ends count bytes instead of reading frames. Each connection has one message under way:
the next goes out when the last is back, and never shares a system call with another.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys

import uvloop

SIZE = 64  # bytes of payload; a chat line, a quote, a position
CONNECTIONS = 64
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _MASKED = 0x81, 0x80
FROM_CLIENT = bytes((_TEXT, _MASKED | SIZE)) + bytes(4) + b"m" * SIZE  # masked with zeros: a mask like any other
FROM_SERVER = bytes((_TEXT, SIZE)) + b"m" * SIZE


class Peer(asyncio.Protocol):
    """Handshake, then ``message`` for each ``size`` bytes that came."""

    message: bytes
    size: int

    def __init__(self) -> None:
        self.head = b""
        self.is_open = False
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            self._handshake(data)
            return
        before, self.received = self.received // self.size, self.received + len(data)
        count = self.received // self.size - before
        if count:
            self.transport.write(self.message * count)

    def _handshake(self, data: bytes) -> None:
        self.head += data
        if b"\r\n\r\n" in self.head:
            self.is_open = True
            self.transport.write(self.opening())

    def opening(self) -> bytes:
        """What this side sends first, once it has the other's head."""
        raise NotImplementedError


class Echo(Peer):
    message, size = FROM_SERVER, len(FROM_CLIENT)

    def opening(self) -> bytes:
        key = next(line for line in self.head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key.partition(b":")[2].strip() + _MAGIC).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        return head + b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept


class Loader(Peer):
    message, size = FROM_CLIENT, len(FROM_SERVER)

    def __init__(self, port: int, path: str) -> None:
        super().__init__()
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        transport.write(self.request)

    def opening(self) -> bytes:
        if not self.head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no WebSocket: {self.head[:80]!r}")
        return self.message


async def echo(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def load(port: int, path: str, seconds: float) -> int:
    """Messages that came back. Raises RuntimeError when a connection was refused or lost."""
    loop = asyncio.get_running_loop()
    peers = []
    for _ in range(CONNECTIONS):
        _, peer = await loop.create_connection(lambda: Loader(port, path), "127.0.0.1", port)
        peers.append(peer)
    await asyncio.sleep(seconds)
    silent = sum(peer.received < peer.size or peer.transport.is_closing() for peer in peers)
    if silent:
        raise RuntimeError(f"{silent} of {CONNECTIONS} connections had no echo")
    return sum(peer.received // peer.size for peer in peers)


def main() -> None:
    role, port, *rest = sys.argv[1:]
    if role == "echo":
        uvloop.run(echo(int(port)))
    else:
        print(uvloop.run(load(int(port), rest[0], float(rest[1]))))


if __name__ == "__main__":
    main()
