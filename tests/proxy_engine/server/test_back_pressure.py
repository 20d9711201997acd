"""Slow clients and slow targets: nobody's slowness fills memory, and slow is not dead."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.server import client as server
from proxy_engine.upstream import connection as upstream
from tests.proxy_engine.support.client import Cut, a_request, chunked
from tests.proxy_engine.support.targets import CHUNKED_HEAD, a_response, answering, deaf, silent
from tests.proxy_engine.support.waiting import until

LITTLE = 16_384  # bytes in the kernel
BODY = bytes(range(256)) * 4096 * 4  # 4 MiB: more than all buffers on the way together
MOST_WAITING = 1_000_000  # bytes in the gateway, per direction: a high-water mark and a read or two


def unsent_to_client(gateway) -> int:
    return gateway.connections()[0].transport.get_write_buffer_size()


def unsent_to_target(gateway) -> int:
    return gateway.upstream_in_use().transport.get_write_buffer_size()


async def endless(visit):
    """Sends for as long as somebody takes it; counts the pieces."""
    visit.target.sent = 0
    await visit.request()
    await visit.send(CHUNKED_HEAD)
    while True:
        await visit.send(chunked(b"x" * 65_536, ended=False))
        visit.target.sent += 65_536


class TestASlowClient:
    @pytest.fixture
    async def slow(self, make_gateway):
        """A gateway with a client that reads only what it is told to."""
        gateway = await make_gateway(kernel_bytes=LITTLE, send_idle_s=10)
        return gateway, await gateway.connect(buffer_bytes=LITTLE, kernel_bytes=LITTLE)

    @staticmethod
    async def stuck(gateway):
        await until(lambda: gateway.connections()[0].is_writing_paused)
        return gateway.connections()[0]

    async def test_its_target_is_paused(self, slow, target):
        gateway, client = slow
        origin = await target(endless)
        gateway.serve(origin)
        client.send(a_request())
        await self.stuck(gateway)
        await until(lambda: gateway.upstream_in_use().is_paused)

        assert unsent_to_client(gateway) < MOST_WAITING

    @pytest.mark.parametrize("raw", [a_response(BODY), CHUNKED_HEAD + chunked(BODY)])
    async def test_it_gets_everything_in_the_end(self, slow, target, raw):
        gateway, client = slow
        gateway.serve(await target(answering(raw)))

        for _ in range(2):
            client.send(a_request())
            await self.stuck(gateway)
            assert (await client.response()).body == BODY

    async def test_the_targets_read_timeout_does_not_concern_it(self, slow, target):
        gateway, client = slow
        gateway.serve(await target(answering(a_response(BODY))), read_timeout=1000)
        client.send(a_request())
        await self.stuck(gateway)

        gateway.pass_time(5)

        assert (await client.response()).body == BODY

    async def test_one_that_takes_nothing_is_cut(self, slow, target):
        gateway, client = slow
        scene = gateway.serve(await target(answering(a_response(BODY))))
        client.send(a_request())
        await self.stuck(gateway)

        gateway.pass_time(10.5)  # until the kernel's buffers were full it took something
        gateway.pass_time(10.5)

        with pytest.raises(Cut):
            await client.response()
        assert (scene.state().active, scene.state().failures) == (0, 0)

    async def test_one_that_takes_little_is_not(self, slow, target):
        gateway, client = slow
        gateway.serve(await target(answering(a_response(BODY))))
        client.send(a_request())
        connection = await self.stuck(gateway)
        head = await client.reader.readuntil(b"\r\n\r\n")
        got = b""

        for _ in range(4):
            before = unsent_to_client(gateway)
            while unsent_to_client(gateway) == before:
                got += await client.reader.readexactly(20_000)
            assert connection.is_writing_paused
            gateway.pass_time(10.5)

        assert head.startswith(b"HTTP/1.1 200")
        assert got + await client.reader.readexactly(len(BODY) - len(got)) == BODY

    async def test_the_end_of_a_response_may_wait_for_it(self, slow, target):
        """All of it is written, and the connection closes after it; the service's timeouts are over by then."""
        gateway, client = slow
        gateway.serve(await target(answering(a_response(BODY[:200_000]))), read_timeout=1000)
        client.send(a_request("/", b"Connection: close"))
        await until(lambda: gateway.connections()[0].phase == server.CLOSED)
        assert unsent_to_client(gateway) > 0

        gateway.pass_time(5)

        assert (await client.response()).body == BODY[:200_000]

    async def test_the_end_of_a_response_does_not_wait_for_ever(self, slow, target):
        gateway, client = slow
        gateway.serve(await target(answering(a_response(BODY[:200_000]))))
        client.send(a_request("/", b"Connection: close"))
        await until(lambda: gateway.connections()[0].phase == server.CLOSED)

        for _ in range(3):
            gateway.pass_time(10.5)

        with pytest.raises(Cut):
            await client.response()

    async def test_nor_on_a_connection_that_is_kept(self, slow, target):
        gateway, client = slow
        gateway.serve(await target(answering(a_response(BODY[:200_000]))))
        client.send(a_request())
        await until(lambda: gateway.connections()[0].phase == server.WAITING)

        gateway.pass_time(80)
        assert gateway.connections()
        gateway.pass_time(10.5)

        with pytest.raises(Cut):
            await client.response()

    async def test_its_next_request_waits_until_it_has_read(self, slow, target):
        gateway, client = slow
        origin = await target(answering(a_response(BODY)))
        gateway.serve(origin)
        client.send(a_request("/a"))
        await self.stuck(gateway)
        client.send(a_request("/b") + a_request("/c"))
        client.send(a_request("/b"))

        for _ in range(4):
            assert (await client.response()).body == BODY
        assert [r.line.split()[1] for r in origin.requests] == [b"/a", b"/b", b"/c", b"/b"]

    async def test_it_may_leave_at_any_time(self, slow, target):
        gateway, client = slow
        scene = gateway.serve(await target(endless))
        client.send(a_request())
        await self.stuck(gateway)

        client.reset()

        await until(gateway.is_at_rest)
        assert scene.state().failures == 0


class TestASlowTarget:
    HEAD = a_request("/", b"Content-Length: %d" % len(BODY * 4), method="PUT")

    @pytest.fixture
    async def gateway(self, make_gateway):
        return await make_gateway(body_idle_s=20, body_bytes=0)

    @staticmethod
    async def stuck(gateway):
        connection = await until(gateway.upstream_in_use)
        await until(lambda: connection.is_clogged)
        await until(lambda: gateway.connections()[0].is_reading_paused)

    async def test_its_client_is_paused(self, gateway, target):
        gateway.serve(await target(deaf, kernel_bytes=LITTLE))
        client = await gateway.connect()
        client.send(self.HEAD + BODY * 4)

        await self.stuck(gateway)

        assert unsent_to_target(gateway) < MOST_WAITING
        gateway.pass_time(100)  # a client that is paused is not seen to leave

    async def test_also_when_a_flood_came_with_the_head(self, gateway, target):
        """What piled up while the connection was opened goes out in one write, and pauses within that write."""
        gateway.serve(await target(deaf, kernel_bytes=LITTLE))
        client = await gateway.connect()
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])

        connection.data_received(self.HEAD + BODY * 2)  # more than the kernel takes
        client.send(BODY * 2)

        await self.stuck(gateway)
        assert unsent_to_target(gateway) < len(BODY * 2) + MOST_WAITING
        gateway.pass_time(100)

    async def test_it_gets_everything_in_the_end(self, gateway, target):
        go_on = asyncio.Event()

        async def slow_at_first(visit):
            visit.writer.transport.pause_reading()
            await go_on.wait()
            visit.writer.transport.resume_reading()
            received = await visit.request()
            await visit.send(a_response(b"%d" % (received.body == BODY * 4)))

        gateway.serve(await target(slow_at_first, kernel_bytes=LITTLE))
        client = await gateway.connect()
        client.send(self.HEAD + BODY * 4)
        await self.stuck(gateway)
        go_on.set()

        assert (await client.response()).body == b"1"
        assert not gateway.connections()[0].is_reading_paused

    async def test_one_that_takes_nothing_is_504_after_the_write_timeout(self, gateway, target):
        scene = gateway.serve(await target(deaf, kernel_bytes=LITTLE), write_timeout=2000)
        client = await gateway.connect()
        client.send(self.HEAD + BODY * 4)
        await self.stuck(gateway)
        gateway.pass_time(1.5)
        assert gateway.connections()[0].is_busy

        gateway.pass_time(1)

        assert (await client.response()).status == 504
        assert scene.state().failures == 1

    async def test_not_before_it_when_the_read_timeout_is_shorter(self, gateway, target):
        """The target's time to answer begins when it has the request."""
        gateway.serve(await target(deaf, kernel_bytes=LITTLE), write_timeout=10_000, read_timeout=1000)
        client = await gateway.connect()
        size = upstream.WRITE_HIGH_WATER + 8_000_000
        client.send(a_request("/", b"Content-Length: %d" % size, method="PUT") + b"x" * size)
        await self.stuck(gateway)

        gateway.pass_time(5)

        assert gateway.connections()[0].is_busy
        gateway.pass_time(100)

    async def test_one_that_takes_little_is_not_given_up(self, gateway, target):
        gateway.serve(await target(deaf, kernel_bytes=LITTLE), write_timeout=2000)
        client = await gateway.connect()
        client.send(self.HEAD + BODY * 4)
        await self.stuck(gateway)

        for _ in range(4):
            gateway.upstream_in_use().unsent += 1  # one byte more waited when last looked
            gateway.pass_time(2.5)
            assert gateway.connections()[0].is_busy

        gateway.pass_time(2.5)
        assert (await client.response()).status == 504


class TestASlowUpload:
    async def test_a_body_that_stops_coming_is_408(self, make_gateway, target):
        gateway = await make_gateway(body_idle_s=20, body_bytes_per_s=0)
        origin = await target(silent)
        scene = gateway.serve(origin, read_timeout=1000, write_timeout=1000)
        client = await gateway.connect()
        client.send(a_request("/", b"Content-Length: 10", method="POST") + b"12345")
        await until(lambda: origin.visits)
        gateway.pass_time(15)
        assert gateway.connections()[0].is_busy

        gateway.pass_time(6)

        response = await client.response()
        assert (response.status, response.field(b"connection")) == (408, b"close")
        assert (scene.state().active, scene.state().failures) == (0, 0)

    async def test_each_piece_starts_the_time_anew(self, make_gateway, target):
        gateway = await make_gateway(body_idle_s=20, body_bytes_per_s=0)
        gateway.serve(await target(answering(a_response(b"ok"))), read_timeout=1000)
        client = await gateway.connect()
        client.send(a_request("/", b"Content-Length: 3", method="POST"))
        connection = await until(lambda: gateway.connections() and gateway.connections()[0])

        await until(gateway.upstream_in_use)
        for left in (2, 1, 0):
            gateway.pass_time(15)
            client.send(b"x")
            await until(lambda left=left: (connection.body.left if connection.body else 0) == left)

        assert (await client.response()).body == b"ok"
