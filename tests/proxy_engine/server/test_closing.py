"""How connections end: by the client's wish, half, by drain, and by death."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.proxy_engine.support.client import a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, RESET_ON_CLOSE, a_response, answering, deaf, silent
from tests.proxy_engine.support.waiting import until

OK = answering(a_response(b"ok"))


async def after_a_word(visit):
    """Answers when the test says so."""
    while True:
        await visit.request()
        await visit.target.word.wait()
        await visit.send(a_response(b"ok"))


@pytest.fixture
async def waiting(gateway, target):
    """A target that answers on ``origin.word``."""
    origin = await target(after_a_word)
    origin.word = asyncio.Event()
    gateway.serve(origin)
    return origin


class TestByTheClientsWish:
    async def test_the_connection_closes_after_the_answer(self, gateway, target):
        gateway.serve(await target(OK))
        client = await gateway.connect()

        response = await client.ask(a_request("/", b"Connection: close"))

        assert (response.body, response.field(b"connection")) == (b"ok", b"close")
        assert await client.rest() == b""

    async def test_what_it_sends_after_that_does_not_destroy_the_answer(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"x" * 1_000_000))))
        client = await gateway.connect()
        client.send(a_request("/", b"Connection: close") + a_request("/more") * 20_000)

        assert (await client.response()).body == b"x" * 1_000_000
        client.finish()
        assert await client.rest() == b""

    async def test_after_its_last_permitted_request(self, make_gateway, target):
        gateway = await make_gateway(requests_per_connection=3)
        gateway.serve(await target(OK))
        client = await gateway.connect()

        connections = [(await client.ask(a_request())).field(b"connection") for _ in range(3)]

        assert connections == [None, None, b"close"]
        assert await client.rest() == b""


class TestHalfClosed:
    async def test_a_whole_request_is_answered(self, gateway, waiting):
        client = await gateway.connect()
        client.send(a_request())
        client.finish()
        await until(lambda: waiting.requests and gateway.connections()[0].has_ended)
        waiting.word.set()

        response = await client.response()
        assert (response.body, response.field(b"connection")) == (b"ok", b"close")
        assert await client.rest() == b""

    @pytest.mark.parametrize("count", [2, 3, 200])
    async def test_so_are_all_that_were_pipelined(self, gateway, waiting, count):
        client = await gateway.connect()
        client.send(b"".join(a_request(f"/{n}") for n in range(count)))
        client.finish()
        await until(lambda: waiting.requests)
        waiting.word.set()

        for _ in range(count):
            assert (await client.response()).body == b"ok"
        assert await client.rest() == b""
        assert len(waiting.requests) == count

    async def test_also_where_the_last_one_has_a_body(self, gateway, waiting):
        client = await gateway.connect()
        client.send(a_request() + a_request(method="POST", body=b"data"))
        client.finish()
        await until(lambda: waiting.requests)
        waiting.word.set()

        assert [(await client.response()).body for _ in range(2)] == [b"ok", b"ok"]
        assert await client.rest() == b""

    @pytest.mark.parametrize("half", [b"GET /half HT", a_request("/", b"Content-Length: 9", method="POST") + b"half"])
    async def test_half_a_request_behind_it_is_dropped(self, gateway, waiting, half):
        client = await gateway.connect()
        client.send(a_request() + half)
        client.finish()
        await until(lambda: waiting.requests)
        waiting.word.set()

        assert (await client.response()).body == b"ok"
        assert await client.rest() == b""
        assert len(waiting.requests) == 1

    async def test_nonsense_behind_it_is_refused(self, gateway, waiting):
        client = await gateway.connect()
        client.send(a_request() + b"NONSENSE\r\n\r\n")
        client.finish()
        await until(lambda: waiting.requests)
        waiting.word.set()

        assert [(await client.response()).status for _ in range(2)] == [200, 400]
        assert await client.rest() == b""

    @pytest.mark.parametrize("half", [b"GET /half HT", a_request("/", b"Content-Length: 9", method="POST") + b"half"])
    async def test_half_a_request_is_no_request(self, gateway, target, half):
        scene = gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(half)
        client.finish()

        assert await client.rest() == b""
        assert scene.state().active == 0

    async def test_an_idle_connection_closes(self, gateway, target):
        gateway.serve(await target(OK))
        client = await gateway.connect()
        await client.ask(a_request())
        client.finish()

        assert await client.rest() == b""


class TestAClientThatLeaves:
    async def test_before_the_answer(self, gateway, target):
        origin = await target(silent)
        scene = gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: origin.requests)

        client.reset()

        await until(gateway.is_at_rest)
        await until(lambda: origin.visits[0].is_over)
        assert scene.state().failures == 0

    @pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells of a reset behind a FIN")
    async def test_for_good_after_it_had_closed_its_side(self, gateway, target):
        origin = await target(silent)
        scene = gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: origin.requests)
        client.finish()
        await until(lambda: gateway.engine.half_closed)
        for _ in range(20):  # sweeps: as long as it may be waiting for its answer, it is waited for
            gateway.pass_time(0)
        assert scene.state().active == 1

        client.reset()

        await until(lambda: gateway.pass_time(0) or gateway.is_at_rest())
        await until(lambda: origin.visits[0].is_over)
        assert scene.state().failures == 0
        assert not gateway.engine.half_closed

    @pytest.mark.parametrize(
        ("field", "body"),
        [
            (b"Content-Length: 200000", b"x" * 200_000),
            (b"Transfer-Encoding: chunked", chunked(*[b"x" * 100] * 2000)),
        ],
        ids=["counted", "more chunks than are read at once"],
    )
    async def test_after_a_long_body_that_came_before_there_was_a_connection(self, gateway, target, field, body):
        """It had to wait, but once it is here nobody but its client has anything to say on that connection."""
        origin = await target(silent)
        gateway.serve(origin)
        client = await gateway.connect()
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])
        connection.data_received(a_request("/", field, method="POST"))
        connection.data_received(body)
        await until(lambda: origin.requests)

        client.reset()

        await until(gateway.is_at_rest)
        await until(lambda: origin.visits[0].is_over)

    async def test_while_its_target_takes_nothing(self, gateway, target):
        gateway.serve(await target(deaf, kernel_bytes=16_384))
        client = await gateway.connect()
        body = b"x" * 8_000_000
        client.send(a_request("/", b"Content-Length: %d" % len(body), method="POST"))
        await until(gateway.upstream_in_use)
        connection = gateway.connections()[0]
        connection.data_received(body)
        await until(lambda: gateway.upstream_in_use().is_clogged)

        client.reset()

        await until(gateway.is_at_rest)

    async def test_in_the_middle_of_its_request(self, gateway, target):
        origin = await target(silent)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request("/", b"Content-Length: 100", method="POST") + b"half")
        await until(lambda: origin.visits)

        client.close()

        await until(gateway.is_at_rest)
        await until(lambda: origin.visits[0].is_over)

    async def test_in_the_middle_of_the_answer(self, gateway, target):
        async def half(visit):
            await visit.request()
            await visit.send(CHUNKED_HEAD + b"4\r\nhalf\r\n")
            await visit.request()

        origin = await target(half)
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request())
        await client.reader.readuntil(b"half\r\n")

        client.reset()

        await until(gateway.is_at_rest)
        await until(lambda: origin.visits[0].is_over)

    async def test_before_it_was_accepted(self, gateway, target):
        gateway.serve(await target(OK))
        for _ in range(20):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            sock.connect(("127.0.0.1", gateway.port))
            sock.close()

        assert (await gateway.ask()).body == b"ok"
        assert not gateway.defects


class TestDrain:
    async def test_idle_connections_close_at_once(self, gateway, target):
        gateway.serve(await target(OK))
        client = await gateway.connect()
        await client.ask(a_request())

        assert await gateway.engine.drain() == 0
        assert await client.rest() == b""

    async def test_nobody_there_is_no_reason_to_wait(self, gateway):
        async with asyncio.timeout(1):
            assert await gateway.engine.drain() == 0

    async def test_answers_under_way_are_finished_and_then_the_connection_closes(self, gateway, waiting):
        clients = [await gateway.connect() for _ in range(3)]
        for client in clients:
            client.send(a_request())
        await until(lambda: len(waiting.requests) == 3)
        drain = asyncio.create_task(gateway.engine.drain())
        await asyncio.sleep(0)
        waiting.word.set()

        for client in clients:
            response = await client.response()
            assert (response.body, response.field(b"connection")) == (b"ok", b"close")
            assert await client.rest() == b""
        assert await drain == 0

    async def test_a_body_under_way_is_finished(self, gateway, target):
        gateway.serve(await target(OK))
        client = await gateway.connect()
        client.send(a_request("/", b"Content-Length: 4", method="POST") + b"1")
        await until(gateway.upstream_in_use)
        drain = asyncio.create_task(gateway.engine.drain())
        await asyncio.sleep(0)
        client.send(b"234")

        assert (await client.response()).body == b"ok"
        assert await drain == 0

    async def test_a_head_under_way_is_finished(self, gateway, target):
        gateway.serve(await target(OK))
        client = await gateway.connect()
        client.send(b"GET / HT")
        await until(lambda: gateway.connections() and gateway.connections()[0].held)
        drain = asyncio.create_task(gateway.engine.drain())
        await asyncio.sleep(0)
        client.send(b"TP/1.1\r\nHost: a\r\n\r\n")

        response = await client.response()
        assert (response.body, response.field(b"connection")) == (b"ok", b"close")
        assert await drain == 0

    async def test_a_repeated_request_that_was_on_its_way_is_answered(self, gateway, target):
        """The client sends the next request in the moment the drain begins."""
        gateway.serve(await target(OK))
        client = await gateway.connect()
        await client.ask(a_request())
        connection = gateway.connections()[0]
        gateway.engine.is_draining = True

        connection.data_received(a_request())
        connection.drain()

        response = await client.response()
        assert (response.body, response.field(b"connection")) == (b"ok", b"close")
        assert await client.rest() == b""

    async def test_what_does_not_finish_in_time_is_cut(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_DRAIN_SECONDS": "0"})
        scene = gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request())
        await until(gateway.upstream_in_use)

        assert await gateway.engine.drain() == 1
        with pytest.raises(ConnectionError):
            await client.reader.read()
        assert scene.state().active == 0
