"""Handshakes as bytes, and targets that accept them."""

from __future__ import annotations

import asyncio
import re

from .client import RawClient, a_request
from .targets import WAIT_S, Script, Visit

HANDSHAKE_FIELDS = (
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: WebSocket",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
)
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
SWITCHED_FOR_CLIENT = (
    b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"Via: 1.1 gatehouse\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)
ID_LINE_BYTES = len(b"X-Kong-Request-Id: ") + 32 + 2


def a_handshake(target: str = "/chat", *fields: bytes) -> bytes:
    return a_request(target, *(fields or HANDSHAKE_FIELDS))


def switching(then: Script, head: bytes = SWITCHED) -> Script:
    """Accepts the handshake, then does as ``then`` says."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(head)
        await then(visit)

    return script


async def repeating(visit: Visit) -> None:
    """Sends back what comes, until the other side ends."""
    while data := await visit.reader.read(65_536):
        await visit.send(data)


async def listening(visit: Visit) -> None:
    """Keeps what comes in ``visit.heard``."""
    visit.heard = b""
    while data := await visit.reader.read(65_536):
        visit.heard += data


async def opened(client: RawClient, request: bytes | None = None) -> RawClient:
    """The client, once its tunnel is open."""
    client.send(request or a_handshake())
    assert await switched(client, b"") == SWITCHED_FOR_CLIENT
    return client


async def switched(client: RawClient, then: bytes) -> bytes:
    """The head of the 101 and as many bytes as ``then`` has. The request's id is left out."""
    return without_id(await exactly(client, len(SWITCHED_FOR_CLIENT) + ID_LINE_BYTES + len(then)))


def without_id(raw: bytes) -> bytes:
    return re.sub(rb"X-Kong-Request-Id: [0-9a-f]{32}\r\n", b"", raw, count=1)


async def exactly(client: RawClient, count: int) -> bytes:
    async with asyncio.timeout(WAIT_S):
        return await client.reader.readexactly(count)
