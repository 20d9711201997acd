"""WebSocket handshakes as requests: what is forwarded, what may answer, and what the bytes behind them are worth."""

from __future__ import annotations

import asyncio

import pytest

from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import a_response, answering, resetting
from tests.proxy_engine.support.waiting import until
from tests.proxy_engine.support.websocket import (
    HANDSHAKE_FIELDS,
    SWITCHED,
    a_handshake,
    exactly,
    listening,
    opened,
    repeating,
    switching,
    without_id,
)

UPGRADE = b"Upgrade: websocket"
CONNECTION = b"Connection: Upgrade"
SMUGGLED = a_request("/admin")


class TestTheHandshake:
    async def test_every_byte_of_it(self, gateway, target):
        origin = await target(switching(listening))
        gateway.serve(origin)
        await opened(await gateway.connect())

        assert without_id(origin.requests[0].head) == (
            b"GET /chat HTTP/1.1\r\n"
            b"Host: %b\r\n"
            b"Connection: Upgrade\r\n"
            b"Upgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"X-Forwarded-For: 127.0.0.1\r\n"
            b"X-Forwarded-Proto: http\r\n"
            b"X-Forwarded-Port: %d\r\n"
            b"X-Real-IP: 127.0.0.1\r\n"
            b"Via: 1.1 gatehouse\r\n"
            b"X-Forwarded-Host: gateway.test\r\n"
            b"X-Forwarded-Path: /chat\r\n"
            b"\r\n"
        ) % (origin.address.encode(), gateway.port)

    @pytest.mark.parametrize(
        "fields",
        [
            (UPGRADE, CONNECTION),
            (b"upgrade: WEBSOCKET", b"connection: upgrade"),
            (b"Connection: keep-alive", b"Connection: x, Upgrade", UPGRADE),
            (CONNECTION, UPGRADE, b"Content-Length: 0"),
        ],
    )
    async def test_it_may_be_written_like_this(self, gateway, target, fields):
        gateway.serve(await target(switching(repeating)))
        client = await opened(await gateway.connect(), a_handshake("/", *fields))
        client.send(b"hello")
        assert await exactly(client, 5) == b"hello"

    @pytest.mark.parametrize(
        ("method", "version", "fields"),
        [
            ("GET", "1.1", (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ")),
            ("GET", "1.1", (CONNECTION, b"Upgrade: TLS/1.0")),
            ("GET", "1.1", (CONNECTION, b"Upgrade: websocket, h2c")),
            ("GET", "1.1", (CONNECTION, UPGRADE, b"Upgrade: h2c")),
            ("GET", "1.1", (CONNECTION, b"Upgrade: h2c", UPGRADE)),
            ("GET", "1.1", (UPGRADE,)),
            ("GET", "1.1", (CONNECTION,)),
            ("GET", "1.0", (CONNECTION, UPGRADE)),
            ("POST", "1.1", (CONNECTION, UPGRADE)),
            ("GET", "1.1", (CONNECTION, UPGRADE, b"Content-Length: 1")),
            ("GET", "1.1", (CONNECTION, UPGRADE, b"Transfer-Encoding: chunked")),
        ],
    )
    async def test_anything_else_is_dropped_and_stays_http(self, gateway, target, method, version, fields):
        origin = await target(answering(a_response(b"ok")))
        gateway.serve(origin)
        client = await gateway.connect()
        body = b"0\r\n\r\n" if b"Transfer-Encoding: chunked" in fields else b"x" * (b"Content-Length: 1" in fields)

        response = await client.ask(a_request("/", *fields, method=method, version=version) + body)

        assert response.body == b"ok"
        assert b"upgrade" not in origin.requests[0].head.lower()
        assert b"http2-settings" not in origin.requests[0].head.lower()

    async def test_an_h2c_client_keeps_its_connection(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"ok"))))
        client = await gateway.connect()
        for _ in range(2):
            response = await client.ask(a_request("/", CONNECTION, b"Upgrade: h2c"))
            assert (response.body, response.field(b"connection")) == (b"ok", None)


class TestTargets:
    async def test_a_refused_one_is_followed_by_another(self, gateway, target):
        first, second = await target(resetting), await target(switching(repeating))
        scene = gateway.serve(first, second)
        first.refuse()

        for _ in range(2):
            client = await opened(await gateway.connect())
            client.send(b"hello")
            assert await exactly(client, 5) == b"hello"

        assert scene.state(0).failures > 0
        assert scene.state(0).active == 0
        assert (scene.state(1).failures, scene.state(1).active) == (0, 2)

    async def test_early_bytes_go_to_the_one_that_accepts_and_only_once(self, gateway, target):
        first, second = await target(resetting), await target(switching(repeating))
        gateway.serve(first, second)

        for _ in range(2):
            client = await opened(await gateway.connect(), a_handshake() + b"early")
            assert await exactly(client, 5) == b"early"

    async def test_a_pooled_connection_serves_and_does_not_come_back(self, gateway, target):
        async def first_http(visit):
            await visit.request()
            await visit.send(a_response(b"ok"))
            await switching(repeating)(visit)

        origin = await target(first_http)
        gateway.serve(origin)
        assert (await gateway.ask()).body == b"ok"

        await opened(await gateway.connect())
        assert len(origin.visits) == 1
        assert (await gateway.ask()).body == b"ok"
        assert len(origin.visits) == 2

    @pytest.mark.parametrize(
        "answer",
        [
            SWITCHED.replace(b"Upgrade: websocket\r\n", b""),
            SWITCHED.replace(b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n"),
            SWITCHED.replace(b"Upgrade: websocket\r\n", b"Upgrade: websocket, h2c\r\n"),
            SWITCHED.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ],
    )
    async def test_a_switch_to_something_else_is_a_bad_response(self, gateway, target, answer):
        scene = gateway.serve(await target(switching(listening, answer)), retries=0)
        client = await gateway.connect()
        assert (await client.ask(a_handshake())).status == 502
        assert (scene.state().failures, scene.state().active) == (1, 0)

    @pytest.mark.parametrize("fields", [(), (UPGRADE,), (CONNECTION, b"Upgrade: h2c")])
    async def test_so_is_one_that_was_not_asked_for(self, gateway, target, fields):
        scene = gateway.serve(await target(switching(listening)), retries=0)
        client = await gateway.connect()
        assert (await client.ask(a_request("/", *fields))).status == 502
        assert (scene.state().failures, scene.state().active) == (1, 0)


class TestAnotherAnswer:
    @pytest.mark.parametrize("status", [b"200 OK", b"403 Forbidden", b"426 Upgrade Required", b"503 Busy"])
    async def test_it_is_an_ordinary_response(self, gateway, target, status):
        scene = gateway.serve(await target(answering(a_response(b"no", b"X-Why: so", status=status))))
        client = await gateway.connect()

        response = await client.ask(a_handshake())

        assert (response.status, response.body) == (int(status[:3]), b"no")
        assert (response.field(b"x-why"), response.field(b"connection")) == (b"so", b"close")
        assert await client.rest() == b""
        assert (scene.state().failures, scene.state().active) == (0, 0)

    @pytest.mark.parametrize("place", ["with the handshake", "before the answer", "after the answer's head"])
    async def test_what_the_client_sent_behind_the_handshake_is_no_request(self, gateway, target, place):
        go_on = asyncio.Event()

        async def refusing(visit):
            await visit.request()
            if place == "before the answer":
                await go_on.wait()
            await visit.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nn")
            if place == "after the answer's head":
                await go_on.wait()
            await visit.send(b"o")
            await visit.request()

        origin = await target(refusing)
        gateway.serve(origin)
        client = await gateway.connect()
        if place == "with the handshake":
            client.send(a_handshake() + SMUGGLED)
        else:
            client.send(a_handshake())
            await until(lambda: origin.requests)
            if place == "after the answer's head":
                await until(lambda: gateway.upstream_in_use().known_head)
            client.send(SMUGGLED)
            await until(lambda: gateway.connections()[0].held)
            go_on.set()

        response = await client.response()
        assert (response.status, response.body) == (403, b"no")
        client.finish()
        assert await client.rest() == b""
        assert len(origin.requests) == 1

    async def test_nor_behind_an_answer_of_the_gateways_own(self, gateway, target):
        origin = await target(answering(a_response(b"secret")))
        scene = gateway.serve(origin)
        gateway.apply(("routes", scene.route | {"paths": ["/admin"]}))
        client = await gateway.connect()
        client.send(a_handshake() + SMUGGLED)

        assert (await client.response()).status == 404
        client.finish()
        assert await client.rest() == b""
        assert origin.requests == []

    async def test_nor_when_the_memory_of_a_head_is_fresh(self, gateway, target):
        """The same block of fields again, by a request that is no handshake, and by one that is."""
        gateway.serve(await target(answering(a_response(b"ok"))))
        client = await gateway.connect()
        client.send(a_request("/") + a_handshake() + a_handshake())

        assert (await client.response()).field(b"connection") is None
        assert (await client.response()).field(b"connection") == b"close"
        with pytest.raises(Cut):
            await client.response()

    async def test_a_cookie_for_hashing_is_issued_with_the_switch(self, gateway, target):
        scene = gateway.serve(await target(switching(repeating)))
        hashing = {"algorithm": "consistent-hashing", "hash_on": "cookie", "hash_on_cookie": "stay"}
        gateway.apply(("upstreams", scene.upstream | hashing))
        client = await gateway.connect()
        client.send(a_handshake("/", *HANDSHAKE_FIELDS))

        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"\r\nSet-Cookie: stay=" in head
