"""Requests that are not understood, too long or too slow: one answer in time, then the end."""

from __future__ import annotations

import pytest

from tests.proxy_engine.support.client import RawClient, a_request, chunked
from tests.proxy_engine.support.targets import a_response, answering, silent
from tests.proxy_engine.support.waiting import until

CHUNKED = b"Transfer-Encoding: chunked"


async def refused(client: RawClient, method: str = "GET") -> int:
    """The status; nothing may follow."""
    response = await client.response(method)
    assert response.field(b"connection") == b"close"
    client.finish()
    assert await client.rest() == b""
    return response.status


@pytest.fixture
async def origin(gateway, target):
    origin = await target(answering(a_response(b"ok")))
    gateway.serve(origin)
    return origin


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"a" * 40_000, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: yyyyyyyyyyyyyy\r\n" * 2000, 431),
        (a_request("/", b"Content-Length: 5", CHUNKED, method="POST") + b"0\r\n\r\n", 400),
        (a_request("/", b"Transfer-Encoding: gzip", method="POST"), 501),
        (a_request("/", b"Expect: miracles", method="POST", body=b"x"), 417),
        (a_request("/", CHUNKED, method="POST") + b"5 \r\nhello\r\n", 400),
        (a_request("/", CHUNKED, method="POST") + b"5\nhello\n", 400),
    ],
)
async def test_a_request_without_a_sure_reading_reaches_no_target(gateway, origin, raw, status):
    client = await gateway.connect()
    client.send(raw + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")

    assert await refused(client) == status
    assert not origin.requests


async def test_a_head_that_is_too_long_is_refused_in_whatever_pieces_it_comes(gateway, origin):
    raw = b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    for at in (10, 8192, 8193, 8300, len(raw) - 1, len(raw)):
        client = await gateway.connect()
        await client.send_in_pieces(raw[:at], raw[at:])
        assert await refused(client) == 414


async def test_the_answer_is_not_destroyed_by_what_the_client_sends_on(gateway, origin):
    client = await gateway.connect()
    client.send(b"NONSENSE\r\n\r\n" + b"x" * 3_000_000)

    assert await refused(client) == 400


async def test_a_client_that_never_stops_sending_is_reset_after_a_while(gateway, origin):
    client = await gateway.connect()
    client.send(b"NONSENSE\r\n\r\n")
    assert (await client.response()).status == 400
    connection = gateway.connections()[0]

    gateway.pass_time(3)

    assert connection.transport.is_closing()


async def test_the_answer_to_nonsense_has_a_body_whatever_the_request_before_was(gateway, origin):
    for nonsense, status in ((b"NONSENSE\r\n\r\n", 400), (b"GET /" + b"x" * 9000, 414), (b"\r\n\r\n", 400)):
        client = await gateway.connect()
        await client.ask(a_request(method="HEAD"), "HEAD")
        client.send(nonsense)

        response = await client.response()
        assert (response.status, bool(response.body)) == (status, True)


async def test_no_route_is_404_and_the_connection_goes_on(gateway):
    gateway.load()
    client = await gateway.connect()

    for _ in range(3):
        response = await client.ask(a_request())
        assert (response.status, response.field(b"connection")) == (404, b"keep-alive")


async def test_after_a_refused_head_the_body_is_not_taken_for_a_request(gateway, origin):
    gateway.load()
    client = await gateway.connect()
    client.send(a_request("/", b"Content-Length: 60", method="POST"))
    assert (await client.response()).status == 404
    client.send(a_request("/smuggled"))
    client.finish()

    assert await client.rest() == b""


async def test_the_answer_to_head_has_no_body(gateway):
    gateway.load()
    client = await gateway.connect()

    for _ in range(2):
        response = await client.ask(a_request(method="HEAD"), "HEAD")
        assert (response.status, response.body) == (404, b"")
        assert int(response.field(b"content-length")) > 0


async def test_a_malformed_chunk_in_the_middle_of_a_body_ends_everything(gateway, target):
    origin = await target(silent)
    scene = gateway.serve(origin)
    client = await gateway.connect()
    client.send(a_request("/", CHUNKED, method="POST") + chunked(b"fine", ended=False))
    await until(lambda: origin.visits)

    client.send(b"-1\r\n")

    assert await refused(client) == 400
    assert (scene.state().active, scene.state().failures) == (0, 0)


class TestSlowHeads:
    async def test_one_that_does_not_end_in_time_is_408(self, gateway, origin):
        client = await gateway.connect()
        client.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: gateway.connections() and gateway.connections()[0].held)
        gateway.pass_time(14)
        assert len(gateway.connections()) == 1

        gateway.pass_time(2)

        assert await refused(client) == 408

    async def test_further_bytes_do_not_prolong_it(self, gateway, origin):
        client = await gateway.connect()
        for n in range(15):
            client.send(b"GET / HTTP/1.1\r\nX: " if n == 0 else b"x")
            await until(lambda n=n: gateway.connections() and len(gateway.connections()[0].held) == 19 + n)
            gateway.pass_time(1)

        gateway.pass_time(1)

        assert await refused(client) == 408

    async def test_a_client_that_sends_nothing_at_all_is_closed_without_a_word(self, gateway, origin):
        client = await gateway.connect()
        await until(gateway.connections)
        gateway.pass_time(29)
        assert gateway.connections()

        gateway.pass_time(2)

        assert await client.rest() == b""

    async def test_so_is_one_that_sends_nothing_more(self, gateway, origin):
        client = await gateway.connect()
        await client.ask(a_request())

        gateway.pass_time(76)

        assert await client.rest() == b""
