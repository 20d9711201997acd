"""Clients that drip: bodies that come, and responses that are taken, more slowly than the minimum rate."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.engine import REST_EVERY
from tests.proxy_engine.support.client import Cut, a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering, deaf, silent
from tests.proxy_engine.support.waiting import until

LITTLE = 16_384  # bytes in the kernel
BODY = b"x" * 4_000_000
CHUNKED = b"Transfer-Encoding: chunked"


def pass_seconds(gateway, count: int) -> None:
    """One after the other, each with its look around."""
    for _ in range(count * REST_EVERY):
        gateway.pass_time(1 / REST_EVERY)


class TestABody:
    HEAD = a_request("/", b"Content-Length: 1000000", method="POST")

    @pytest.fixture
    async def gateway(self, make_gateway):
        return await make_gateway(body_bytes_per_s=100, rate_grace_s=5, body_idle_s=30)

    @pytest.fixture
    async def origin(self, gateway, target):
        origin = await target(silent)
        self.scene = gateway.serve(origin, read_timeout=1000)
        return origin

    async def dripping(self, gateway, head: bytes, drop: bytes):
        """A client, and a function that lets it send ``drop`` in each of so many seconds."""
        client = await gateway.connect()
        client.send(head)
        connection = await until(lambda: gateway.upstream_in_use() and gateway.connections()[0])

        async def drip(seconds: int) -> None:
            for _ in range(seconds):
                if connection.body is None:
                    return  # given up
                expected = connection.body.payload_bytes + len(drop)
                client.send(chunked(drop, ended=False) if CHUNKED in head else drop)
                await until(lambda expected=expected: not connection.body or connection.body.payload_bytes >= expected)
                pass_seconds(gateway, 1)

        return client, connection, drip

    @pytest.mark.parametrize("head", [HEAD, a_request("/", CHUNKED, method="POST")])
    async def test_one_that_drips_is_408_after_the_grace_time(self, gateway, origin, head):
        client, connection, drip = await self.dripping(gateway, head, b"x")
        await drip(4)
        assert connection.is_busy

        await drip(3)

        response = await client.response()
        assert (response.status, response.field(b"connection")) == (408, b"close")
        assert (self.scene.state().active, self.scene.state().failures) == (0, 0)

    @pytest.mark.parametrize("head", [HEAD, a_request("/", CHUNKED, method="POST")])
    async def test_one_that_keeps_the_rate_is_not_given_up(self, gateway, origin, head):
        _, connection, drip = await self.dripping(gateway, head, b"x" * 100)

        await drip(60)

        assert connection.is_busy

    async def test_a_good_beginning_pays_for_no_more_than_the_idle_time(self, gateway, origin):
        client, connection, drip = await self.dripping(gateway, self.HEAD + b"x" * 500_000, b"x")
        pass_seconds(gateway, 1)
        await drip(25)
        assert connection.is_busy

        await drip(8)

        assert (await client.response()).status == 408

    async def test_one_that_stops_altogether_is_given_up_by_the_same_rule(self, gateway, origin):
        client, _, _ = await self.dripping(gateway, self.HEAD + b"x" * 100, b"")

        pass_seconds(gateway, 8)

        assert (await client.response()).status == 408

    async def test_its_time_does_not_count_while_the_target_is_the_slow_one(self, gateway, target):
        gateway.serve(await target(deaf, kernel_bytes=LITTLE), write_timeout=500_000)
        client = await gateway.connect()
        client.send(a_request(method="POST", body=BODY + BODY))
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])
        upstream = await until(gateway.upstream_in_use)
        await until(lambda: upstream.is_clogged and connection.is_reading_paused)

        pass_seconds(gateway, 100)

        assert connection.is_busy
        gateway.pass_time(1000)  # a client that is paused is not seen to leave

    async def test_each_body_begins_anew(self, gateway, target):
        gateway.serve(await target(answering(a_response(b"ok"))), read_timeout=1000)
        client = await gateway.connect()
        for _ in range(4):
            client.send(a_request("/", b"Content-Length: 2", method="POST") + b"1")
            connection = await until(lambda: gateway.upstream_in_use() and gateway.connections()[0])
            pass_seconds(gateway, 3)
            assert connection.is_busy
            client.send(b"2")
            assert (await client.response()).body == b"ok"

    async def test_a_rate_of_nothing_is_kept_by_everyone(self, make_gateway, target):
        gateway = await make_gateway(body_bytes_per_s=0, rate_grace_s=0, body_idle_s=30)
        gateway.serve(await target(silent), read_timeout=1000)
        client = await gateway.connect()
        client.send(self.HEAD)
        connection = await until(lambda: gateway.upstream_in_use() and gateway.connections()[0])

        pass_seconds(gateway, 29)
        assert connection.is_busy

        pass_seconds(gateway, 2)
        assert (await client.response()).status == 408  # the idle time holds all the same

    async def test_a_body_whose_answer_has_begun_is_the_targets_affair(self, gateway, target):
        async def early(visit):
            await visit.head()
            await visit.send(CHUNKED_HEAD + chunked(b"early", ended=False))
            await visit.gone()

        gateway.serve(await target(early), read_timeout=500_000)
        client = await gateway.connect()
        client.send(self.HEAD + b"x")
        await client.reader.readuntil(b"early\r\n")

        pass_seconds(gateway, 60)

        assert gateway.connections()[0].is_busy

    async def test_a_worker_that_was_held_up_does_not_blame_the_client(self, gateway, origin):
        _, connection, _ = await self.dripping(gateway, self.HEAD + b"x" * 600, b"")
        pass_seconds(gateway, 1)

        connection.deadline += 60
        gateway.pass_time(20)  # at once
        pass_seconds(gateway, 1)

        assert connection.is_busy


class TestAResponse:
    @pytest.fixture
    async def slow(self, make_gateway, target):
        """A gateway with a client that has asked for much and reads nothing."""
        gateway = await make_gateway(kernel_bytes=LITTLE, send_bytes_per_s=1000, rate_grace_s=5, send_idle_s=30)
        self.scene = gateway.serve(await target(answering(a_response(BODY))))
        client = await gateway.connect(buffer_bytes=1000, kernel_bytes=LITTLE)
        client.send(a_request())
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])
        await until(lambda: connection.is_writing_paused)
        await asyncio.sleep(0.05)  # until the client's own buffer is full as well
        return gateway, client, connection

    async def test_nobody_who_takes_nothing_keeps_it_for_longer_than_the_grace_time(self, slow):
        gateway, client, connection = slow
        pass_seconds(gateway, 5)
        assert connection.is_busy

        pass_seconds(gateway, 3)

        with pytest.raises(Cut):
            await client.response()
        assert (self.scene.state().active, self.scene.state().failures) == (0, 0)

    async def test_one_that_takes_enough_gets_everything(self, slow):
        gateway, client, connection = slow
        await client.reader.readuntil(b"\r\n\r\n")
        left = len(BODY)
        for _ in range(20):
            left -= len(await client.reader.readexactly(60_000))
            await asyncio.sleep(0.01)
            pass_seconds(gateway, 2)
            assert connection.is_busy

        assert len(await client.reader.readexactly(left)) == left

    async def test_one_that_takes_enough_while_even_more_comes(self, make_gateway, target):
        """What waits for it only grows, second by second."""
        permits = asyncio.Semaphore(0)

        async def faster_than_the_client(visit):
            await visit.request()
            await visit.send(a_response(BODY[:100_000], length=10**9))
            while True:
                await permits.acquire()
                await visit.send(BODY[:7000])

        gateway = await make_gateway(kernel_bytes=LITTLE, send_bytes_per_s=4000, rate_grace_s=5)
        gateway.serve(await target(faster_than_the_client))
        client = await gateway.connect(buffer_bytes=1000, kernel_bytes=LITTLE)
        client.send(a_request())
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])
        await until(lambda: connection.exchange and connection.exchange.sent_bytes == 100_000)
        for _ in range(30):
            sent = connection.exchange.sent_bytes
            await client.reader.readexactly(5000)
            permits.release()
            await until(lambda sent=sent: connection.exchange.sent_bytes == sent + 7000)
            pass_seconds(gateway, 1)

            assert connection.is_busy

    async def test_what_waits_behind_the_end_of_the_response_counts(self, make_gateway, target):
        """All of it fits below the high-water mark: the exchange is over, the memory is not free."""
        gateway = await make_gateway(kernel_bytes=LITTLE, send_bytes_per_s=1000, rate_grace_s=5)
        gateway.serve(await target(answering(a_response(BODY[:200_000]))))
        for fields in ((), (b"Connection: close",)):
            client = await gateway.connect(buffer_bytes=1000, kernel_bytes=LITTLE)
            client.send(a_request("/", *fields))
            connection = await until(lambda: gateway.connections() and gateway.connections()[0])
            await until(lambda connection=connection: connection.served and not connection.is_busy)
            await asyncio.sleep(0.05)

            pass_seconds(gateway, 5)
            assert gateway.connections()
            pass_seconds(gateway, 3)

            with pytest.raises(Cut):
                await client.response()
            await until(lambda: not gateway.connections())

    async def test_an_idle_connection_that_has_taken_all_is_at_rest(self, make_gateway, target):
        gateway = await make_gateway(send_bytes_per_s=1000, rate_grace_s=0)
        gateway.serve(await target(answering(a_response(b"ok"))))
        client = await gateway.connect()
        await client.ask(a_request())

        pass_seconds(gateway, 60)

        assert gateway.connections()[0].pace is None
        assert (await client.ask(a_request())).body == b"ok"

    async def test_a_rate_of_nothing_is_kept_by_everyone(self, make_gateway, target):
        gateway = await make_gateway(kernel_bytes=LITTLE, send_bytes_per_s=0, rate_grace_s=0, send_idle_s=500)
        gateway.serve(await target(answering(a_response(BODY))))
        client = await gateway.connect(buffer_bytes=1000, kernel_bytes=LITTLE)
        client.send(a_request())
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])
        await until(lambda: connection.is_writing_paused)

        pass_seconds(gateway, 100)

        assert connection.is_busy
