"""A target that answers before it has the whole request."""

from __future__ import annotations

import asyncio

from tests.proxy_engine.support.client import a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering
from tests.proxy_engine.support.waiting import until

CHUNKED = b"Transfer-Encoding: chunked"


async def refusing_the_body(visit):
    """Answers on sight of the head, then reads on."""
    await visit.head()
    await visit.send(a_response(b"too large", status=b"413 Payload Too Large"))
    await visit.gone()


async def test_the_client_gets_it_and_the_connection_closes(gateway, target):
    origin = await target(refusing_the_body)
    gateway.serve(origin)
    client = await gateway.connect()

    response = await client.ask(a_request("/", b"Content-Length: 1000000", method="POST") + b"x" * 1000)

    assert (response.status, response.body, response.field(b"connection")) == (413, b"too large", b"close")
    client.send(b"x" * 999_000)  # a client that does not look sends on; that must not destroy the answer
    client.finish()
    assert await client.rest() == b""


async def test_the_target_connection_is_not_used_again(gateway, target):
    origin = await target(refusing_the_body)
    gateway.serve(origin)
    client = await gateway.connect()
    await client.ask(a_request("/", b"Content-Length: 10", method="POST") + b"12345")
    await until(lambda: not any(pool.connections for pool in gateway.engine.pools))
    origin.script = answering(a_response(b"ok"))

    assert (await gateway.ask()).body == b"ok"
    assert len(origin.visits) == 2


async def test_nor_is_it_when_the_rest_comes_before_the_response_ends(gateway, target):
    rest_is_here = asyncio.Event()

    async def answering_early_and_long(visit):
        await visit.head()
        await visit.send(a_response(b"12345", length=10))
        await rest_is_here.wait()
        await visit.send(b"67890")
        await visit.gone()

    origin = await target(answering_early_and_long)
    gateway.serve(origin)
    client = await gateway.connect()
    client.send(a_request("/", b"Content-Length: 4", method="POST"))
    await client.reader.readuntil(b"12345")
    client.send(b"body")
    await until(lambda: not gateway.connections()[0].body)
    rest_is_here.set()

    assert await client.rest() == b"67890"
    assert await origin.visits[0].reader.read() == b""


async def test_request_and_response_may_stream_at_once(gateway, target):
    async def echoing_as_it_comes(visit):
        await visit.head()
        await visit.send(CHUNKED_HEAD)
        while (size := int(await visit.reader.readuntil(b"\r\n"), 16)) > 0:
            piece = await visit.reader.readexactly(size + 2)
            await visit.send(b"%x\r\n" % size + piece)
        await visit.send(b"0\r\n\r\n")

    gateway.serve(await target(echoing_as_it_comes), read_timeout=1000)
    client = await gateway.connect()
    client.send(a_request("/", CHUNKED, method="POST"))
    await client.reader.readuntil(b"\r\n\r\n")

    for word in (b"one", b"two", b"three"):
        client.send(chunked(word, ended=False))
        assert await client.reader.readexactly(len(chunked(word, ended=False))) == chunked(word, ended=False)
        gateway.pass_time(0.8)  # each piece is progress
    client.send(chunked())
    assert await client.rest() == chunked()


async def test_a_client_that_goes_on_sending_is_progress(gateway, target):
    """The target has begun its answer and waits for the rest of the request: its read timeout must not strike."""
    is_whole = asyncio.Event()

    async def answering_early(visit):
        await visit.head()
        await visit.send(a_response(b"", length=4))
        await visit.reader.readexactly(3)
        is_whole.set()
        await visit.send(b"done")

    gateway.serve(await target(answering_early), read_timeout=1000)
    client = await gateway.connect()
    client.send(a_request("/", b"Content-Length: 3", method="POST"))
    await client.reader.readuntil(b"\r\n\r\n")

    connection = gateway.connections()[0]
    for left in (2, 1, 0):
        gateway.pass_time(0.8)
        client.send(b"x")
        await until(lambda left=left: (connection.body.left if connection.body else 0) == left)

    assert await client.reader.readexactly(4) == b"done"


async def test_a_bad_chunk_from_the_client_after_it_cuts_both(gateway, target):
    async def answering_early(visit):
        await visit.head()
        await visit.send(a_response(b"half", length=8))
        visit.target.seen = await visit.gone()

    origin = await target(answering_early)
    gateway.serve(origin)
    client = await gateway.connect()
    client.send(a_request("/", CHUNKED, method="POST"))
    await client.reader.readuntil(b"half")

    client.send(b"no chunk\r\n")

    assert await until(client.reader.exception) is not None
    await until(lambda: hasattr(origin, "seen"))
