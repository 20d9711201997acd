"""Trailer fields: read strictly in both directions; a response's go to clients that take them, a request's nowhere."""

from __future__ import annotations

import pytest

from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering
from tests.proxy_engine.support.waiting import until

CHUNKED = b"Transfer-Encoding: chunked"
TE = b"TE: trailers"
FIELDS = b"X-Sum: 1a2b\r\ngrpc-status: 0\r\n"
PROHIBITED = (
    b"Content-Length: 5\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nSet-Cookie: a=b\r\nSet_Cookie: a=b\r\n"
    b"Authorization: x\r\nWWW-Authenticate: x\r\nConnection: close\r\nX-Forwarded-For: 1.2.3.4\r\nCache-Control: no\r\n"
    b"X-Kong-Request-Id: 1\r\nContent-Type: text/html\r\nTrailer: X\r\nProxy-Authenticate: x\r\nIf-Match: x\r\n"
    b"Access-Control-Allow-Origin: *\r\nLocation: /\r\nUpgrade: x\r\nKeep-Alive: x\r\nSET-COOKIE: c=d\r\n"
)


def with_trailers(fields: bytes, payload: bytes = b"5\r\nhello\r\n") -> bytes:
    return CHUNKED_HEAD + payload + b"0\r\n" + fields + b"\r\n"


async def raw_body(client) -> bytes:
    """Of a response in chunks, up to where its last chunk begins, and all behind it until the connection closes."""
    await client.reader.readuntil(b"\r\n\r\n")
    return await client.rest()


async def body_of(gateway, target, raw: bytes, *fields: bytes, **options) -> bytes:
    gateway.serve(await target(answering(raw)))
    client = await gateway.connect()
    client.send(a_request("/", b"Connection: close", *fields, **options))
    return await raw_body(client)


class TestOfAResponse:
    async def test_they_go_to_a_client_that_takes_them(self, gateway, target):
        assert await body_of(gateway, target, with_trailers(FIELDS), TE) == b"5\r\nhello\r\n0\r\n" + FIELDS + b"\r\n"

    @pytest.mark.parametrize("line", [b"te: Trailers", b"TE: gzip;q=0.5, trailers", b"TE: gzip\r\nTE: trailers"])
    async def test_however_it_says_so(self, gateway, target, line):
        assert FIELDS in await body_of(gateway, target, with_trailers(FIELDS), line)

    @pytest.mark.parametrize("line", [b"X-A: b", b"TE: gzip", b"TE:", b"X-TE: trailers", b"TE: trailers;q=0.5x"])
    async def test_and_to_no_other(self, gateway, target, line):
        assert await body_of(gateway, target, with_trailers(FIELDS), line) == b"5\r\nhello\r\n0\r\n\r\n"

    async def test_also_behind_no_payload_at_all(self, gateway, target):
        raw = with_trailers(FIELDS, b"")
        assert await body_of(gateway, target, raw, TE) == b"0\r\n" + FIELDS + b"\r\n"

    async def test_not_to_an_http_1_0_client(self, gateway, target):
        assert await body_of(gateway, target, with_trailers(FIELDS), TE, version="1.0") == b"hello"

    async def test_what_must_not_stand_there_is_left_out(self, gateway, target):
        raw = with_trailers(PROHIBITED + FIELDS)
        assert await body_of(gateway, target, raw, TE) == b"5\r\nhello\r\n0\r\n" + FIELDS + b"\r\n"

    async def test_with_nothing_else_there_are_none(self, gateway, target):
        assert await body_of(gateway, target, with_trailers(PROHIBITED), TE) == b"5\r\nhello\r\n0\r\n\r\n"

    async def test_in_whatever_pieces_they_come(self, gateway, target):
        raw = with_trailers(FIELDS)
        for at in range(len(CHUNKED_HEAD) + 1, len(raw)):

            async def in_two(visit, at=at):
                await visit.request()
                await visit.send(raw[:at], raw[at:])

            gateway.serve(await target(in_two))
            client = await gateway.connect()
            client.send(a_request("/", b"Connection: close", TE))
            assert (await raw_body(client)).endswith(b"0\r\n" + FIELDS + b"\r\n")

    async def test_the_connection_goes_on_behind_them(self, gateway, target):
        origin = await target(answering(with_trailers(FIELDS)))
        gateway.serve(origin)
        client = await gateway.connect()
        for _ in range(3):
            client.send(a_request("/", TE))
            await client.reader.readuntil(b"0\r\n" + FIELDS + b"\r\n")
        assert len(origin.visits) == 1

    async def test_a_response_with_a_length_has_none(self, gateway, target):
        gateway.serve(await target(answering(with_trailers(FIELDS), a_response(b"plain"))))
        client = await gateway.connect()
        client.send(a_request("/", TE))
        await client.reader.readuntil(FIELDS + b"\r\n")

        assert (await client.ask(a_request("/", TE))).body == b"plain"

    @pytest.mark.parametrize(
        "fields", [b"X-A : b\r\n", b"X-A: \x00\r\n", b" folded\r\n", b"X: a\n", b"X: y\r\n" * 33, b"X: " + b"y" * 9000]
    )
    async def test_malformed_or_too_many_cut_the_response(self, gateway, target, fields):
        async def in_two(visit):
            await visit.request()
            await visit.send(CHUNKED_HEAD + b"5\r\nhello\r\n", b"0\r\n" + fields + b"\r\n")

        gateway.serve(await target(in_two))
        client = await gateway.connect()
        client.send(a_request("/", TE))
        with pytest.raises(Cut):
            await raw_body(client)


class TestWhatTheTargetIsTold:
    async def test_that_the_client_takes_them(self, gateway, target):
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)

        await gateway.ask("/", TE, b"Connection: TE")

        head = origin.requests[0].head
        assert (head.count(b"TE: trailers"), head.count(b"Connection: TE")) == (1, 1)

    async def test_nothing_when_it_does_not(self, gateway, target):
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)

        await gateway.ask("/", b"TE: gzip")

        assert b"\r\nte:" not in origin.requests[0].head.lower()

    async def test_request_by_request(self, gateway, target):
        """Of one connection, whose requests have a form in common."""
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)
        client = await gateway.connect()
        for fields in ([TE], [], [TE], [TE], []):
            await client.ask(a_request("/", b"X-A: b", *fields, b"X-C: d"))

        assert [request.field(b"TE") for request in origin.requests] == [
            b"trailers",
            None,
            b"trailers",
            b"trailers",
            None,
        ]


class TestOfARequest:
    BODY = b"5\r\nhello\r\n0\r\n"

    @pytest.mark.parametrize("pieces", [1, 2])
    async def test_they_end_here(self, gateway, target, pieces):
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)
        client = await gateway.connect()
        head = a_request("/", CHUNKED, b"Trailer: X-Sum", method="POST")
        body = self.BODY + b"X-Sum: 1\r\nContent-Length: 3\r\nHost: evil\r\n\r\n"
        await client.send_in_pieces(*([head + body] if pieces == 1 else [head, body]))

        assert (await client.response()).body == b"ok"
        received = origin.requests[0]
        assert (received.body, received.field(b"Trailer"), received.field(b"X-Sum")) == (b"hello", None, None)

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            (b"X-A : b\r\n", 400),
            (b"GET / HTTP/1.1\r\n", 400),
            (b"X: y\r\n" * 33, 431),
            (b"X: " + b"y" * 8190 + b"\r\n", 431),
        ],
    )
    async def test_malformed_or_too_many_are_refused(self, gateway, target, fields, status):
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)
        client = await gateway.connect()
        await client.send_in_pieces(a_request("/", CHUNKED, method="POST"), self.BODY + fields + b"\r\n")

        assert (await client.response()).status == status
        assert not origin.requests

    async def test_the_bounds_are_settings(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_LIMIT_TRAILERS": "1"})
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)
        for fields, status in ((b"A: b\r\n", 200), (b"A: b\r\n" * 2, 431)):
            client = await gateway.connect()
            client.send(a_request("/", CHUNKED, method="POST") + self.BODY + fields + b"\r\n")
            assert (await client.response()).status == status
        await until(lambda: len(origin.requests) == 1)
