"""How a target's response reaches the client: framed for the client, whole or visibly cut."""

from __future__ import annotations

import asyncio

import pytest

from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering, echoing
from tests.proxy_engine.support.waiting import until

UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def sending(*pieces: bytes, then_close: bool = False, then_reset: bool = False):
    """Answers each request with these pieces, each a write of its own."""

    async def script(visit):
        while True:
            await visit.request()
            await visit.send(*pieces)
            if then_close:
                visit.close()
                return
            if then_reset:
                visit.reset()
                return

    return script


def split(data: bytes, at: int) -> tuple[bytes, bytes]:
    return data[:at], data[at:]


RESPONSES = {
    "counted": (a_response(b"hello world"), b"hello world"),
    "empty": (a_response(b""), b""),
    "chunked": (CHUNKED_HEAD + b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n", b"hello world"),
    "empty in chunks": (CHUNKED_HEAD + b"0\r\n\r\n", b""),
    "after interim ones": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + a_response(b"hello world"),
        b"hello world",
    ),
}


class TestInAnyPieces:
    @pytest.mark.parametrize("name", RESPONSES)
    async def test_split_at_any_byte(self, gateway, target, name):
        raw, body = RESPONSES[name]
        origin = await target(None)
        gateway.serve(origin)
        client = await gateway.connect()

        for at in range(1, len(raw)):
            origin.script = sending(*split(raw, at), then_close=True)
            response = await client.ask(a_request())
            assert (response.status, response.body) == (200, body), at
            await until(lambda: not any(pool.connections for pool in gateway.engine.pools))

    @pytest.mark.parametrize("name", RESPONSES)
    async def test_byte_by_byte_and_kept_alive(self, gateway, target, name):
        raw, body = RESPONSES[name]
        origin = await target(sending(*(raw[n : n + 1] for n in range(len(raw)))))
        gateway.serve(origin)
        client = await gateway.connect()

        for _ in range(3):
            assert (await client.ask(a_request())).body == body
        assert len(origin.visits) == 1

    @pytest.mark.parametrize("method", ["HEAD", "GET"])
    async def test_one_that_ends_with_the_connection_becomes_chunked(self, gateway, target, method):
        raw = UNTIL_CLOSE + (b"" if method == "HEAD" else b"hello world")
        origin = await target(None)
        gateway.serve(origin)
        client = await gateway.connect()

        for at in range(len(raw) - 11, len(raw)):
            origin.script = sending(*split(raw, at), then_close=True)
            response = await client.ask(a_request(method=method), method)
            assert response.body == (b"" if method == "HEAD" else b"hello world")
            assert response.field(b"connection") is None
            await until(lambda: not any(pool.connections for pool in gateway.engine.pools))

    async def test_a_thousand_interim_responses_at_once(self, gateway, target):
        gateway.serve(await target(answering(b"HTTP/1.1 102 Processing\r\n\r\n" * 8000 + a_response(b"done"))))

        assert (await gateway.ask()).body == b"done"

    async def test_megabytes_pass_unchanged(self, gateway, target):
        body = bytes(range(256)) * 4096 * 4
        gateway.serve(await target(answering(a_response(body))))

        assert (await gateway.ask()).body == body


class TestWithoutBody:
    @pytest.mark.parametrize(
        ("method", "raw", "status", "length"),
        [
            ("HEAD", a_response(b"", length=1234), 200, b"1234"),
            ("HEAD", CHUNKED_HEAD, 200, None),
            ("HEAD", UNTIL_CLOSE, 200, None),
            ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, None),
            ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, None),
            ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 304, None),
            ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304, b"77"),
            ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, None),
        ],
    )
    async def test_both_connections_go_on(self, gateway, target, method, raw, status, length):
        origin = await target(answering(raw))
        gateway.serve(origin)
        client = await gateway.connect()

        for _ in range(3):
            response = await client.ask(a_request(method=method), method)
            assert (response.status, response.field(b"content-length")) == (status, length)
        assert len(origin.visits) == 1

    @pytest.mark.parametrize(
        ("method", "raw"),
        [
            ("HEAD", a_response(b"not asked for")),
            ("GET", b"HTTP/1.1 204 No Content\r\n\r\nnot allowed"),
            ("GET", a_response(b"right") + b"surplus"),
            ("GET", CHUNKED_HEAD + b"5\r\nright\r\n0\r\n\r\nsurplus"),
            ("GET", a_response(b"right") + a_response(b"for the next client")),
        ],
    )
    async def test_surplus_bytes_reach_nobody(self, gateway, target, method, raw):
        origin = await target(sending(raw))
        gateway.serve(origin)
        client = await gateway.connect()

        for _ in range(3):
            response = await client.ask(a_request(method=method), method)
            assert response.body in (b"", b"right")
        assert len(origin.visits) == 3

    async def test_bytes_while_idle_end_the_target_connection(self, gateway, target):
        origin = await target(answering(a_response(b"right")))
        gateway.serve(origin)
        client = await gateway.connect()
        await client.ask(a_request())

        await origin.visits[0].send(a_response(b"unasked"))
        await until(lambda: origin.visits[0].is_over)

        assert (await client.ask(a_request())).body == b"right"
        assert len(origin.visits) == 2


class TestHttp10:
    """A client of HTTP/1.0 knows neither chunks nor, unless it asks, kept connections."""

    async def test_a_counted_response_ends_with_the_connection(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"hello"))))
        client = await gateway.connect()

        client.send(a_request(version="1.0"))

        raw = await client.rest()
        assert raw.endswith(b"\r\n\r\nhello")
        assert b"\r\nConnection: close\r\n" in raw

    async def test_keep_alive_is_granted_where_the_length_is_known(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"hello"))))
        client = await gateway.connect()

        for _ in range(3):
            response = await client.ask(a_request("/", b"Connection: keep-alive", version="1.0"))
            assert (response.body, response.field(b"connection")) == (b"hello", b"keep-alive")

    @pytest.mark.parametrize("raw", [CHUNKED_HEAD + b"5\r\nhello\r\n0\r\n\r\n", UNTIL_CLOSE + b"hello"])
    async def test_an_unknown_length_ends_with_the_connection_all_the_same(self, gateway, target, raw):
        gateway.serve(await target(sending(raw, then_close=True)))
        client = await gateway.connect()

        client.send(a_request("/", b"Connection: keep-alive", version="1.0"))

        answer = await client.rest()
        assert answer.endswith(b"\r\n\r\nhello")
        assert b"chunked" not in answer
        assert b"\r\nConnection: close\r\n" in answer

    async def test_no_host_is_needed(self, gateway, target):
        origin = await target(answering(a_response(b"hello")))
        gateway.serve(origin)
        client = await gateway.connect()

        client.send(b"GET / HTTP/1.0\r\n\r\n")

        assert (await client.rest()).endswith(b"hello")
        assert origin.requests[0].field(b"Host") == origin.address.encode()

    async def test_a_body_is_forwarded(self, gateway, target):
        gateway.serve(await target(echoing))
        client = await gateway.connect()

        client.send(a_request(method="POST", version="1.0", body=b"data"))

        assert (await client.rest()).endswith(b"\r\n\r\ndata")

    async def test_a_target_that_speaks_it_is_not_kept(self, gateway, target):
        origin = await target(answering(a_response(b"hello").replace(b"HTTP/1.1", b"HTTP/1.0")))
        gateway.serve(origin)
        client = await gateway.connect()

        for _ in range(2):
            assert (await client.ask(a_request())).body == b"hello"
        assert len(origin.visits) == 2

    async def test_a_target_that_speaks_it_may_ask_to_be_kept(self, gateway, target):
        raw = a_response(b"hello", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
        origin = await target(answering(raw))
        gateway.serve(origin)
        client = await gateway.connect()

        for _ in range(2):
            assert (await client.ask(a_request())).body == b"hello"
        assert len(origin.visits) == 1


class TestCut:
    """However a target breaks off, the client must not take what it has for everything."""

    BROKEN = (
        (a_response(b"hello", length=50), "counted, closed"),
        (CHUNKED_HEAD + b"5\r\nhello\r\n", "chunked, closed between chunks"),
        (CHUNKED_HEAD + b"50\r\nhello", "chunked, closed in a chunk"),
        (CHUNKED_HEAD + b"5\r\nhello\r\n0\r\n", "chunked, closed before the last line"),
    )

    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    @pytest.mark.parametrize("ending", ["closes", "resets"])
    @pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for raw, name in BROKEN])
    async def test_the_client_is_reset(self, gateway, target, raw, ending, version):
        gateway.serve(await target(sending(raw, then_close=ending == "closes", then_reset=True)))
        client = await gateway.connect()
        client.send(a_request(version=version))

        with pytest.raises(Cut):
            await client.rest()

    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    async def test_a_body_that_ends_with_the_connection_and_is_reset(self, gateway, target, version):
        gateway.serve(await target(sending(UNTIL_CLOSE + b"half of it", then_reset=True)))
        client = await gateway.connect()
        client.send(a_request(version=version))

        with pytest.raises(Cut):
            await client.rest()

    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    @pytest.mark.parametrize("garbage", [b"zz\r\n", b"5\nhello", b"5\r\nhello!", b"+5\r\nhello\r\n", b"1" * 300])
    async def test_malformed_chunks(self, gateway, target, garbage, version):
        go_on = asyncio.Event()

        async def well_at_first(visit):
            await visit.request()
            await visit.send(CHUNKED_HEAD + b"2\r\nok\r\n")
            await go_on.wait()
            await visit.send(garbage)
            await visit.request()

        origin = await target(well_at_first)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request(version=version))
        await client.reader.readuntil(b"ok")
        go_on.set()

        with pytest.raises(Cut):
            await client.rest()
        await until(lambda: origin.visits[0].is_over)

    async def test_a_target_that_falls_silent(self, gateway, target):
        gateway.serve(await target(sending(a_response(b"hello", length=50))), read_timeout=1000)
        client = await gateway.connect()
        client.send(a_request(version="1.0"))
        await client.reader.readuntil(b"\r\n\r\nhello")

        gateway.pass_time(2)

        with pytest.raises(Cut):
            await client.rest()


class TestBadHeads:
    @pytest.mark.parametrize(
        "raw",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
            b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
            CHUNKED_HEAD + b"nonsense\r\n",
        ],
    )
    async def test_nothing_of_it_reaches_the_client(self, gateway, target, raw):
        origin = await target(sending(raw))
        scene = gateway.serve(origin)
        client = await gateway.connect()

        response = await client.ask(a_request())

        assert (response.status, response.field(b"connection")) == (502, b"keep-alive")
        assert scene.state().failures == 1
        await until(lambda: origin.visits[0].is_over)


async def test_a_cookie_of_one_service_is_not_set_by_the_next(gateway, target):
    one = await target(answering(a_response(b"hello")))
    hashing = {"algorithm": "consistent-hashing", "hash_on": "cookie", "hash_on_cookie": "stay"}
    scene = gateway.serve(one)
    gateway.apply(("upstreams", scene.upstream | hashing))
    client = await gateway.connect()

    client.send(a_request("/"))
    assert (await client.response()).field(b"set-cookie").startswith(b"stay=")

    gateway.apply(("upstreams", scene.upstream))
    client.send(a_request("/"))
    assert (await client.response()).field(b"set-cookie") is None
