"""After a 101: bytes pass both ways, slowly where a side is slow, until one side ends, dies or nothing moves."""

from __future__ import annotations

import asyncio
import gc

import pytest

from proxy_engine.proxy.tunnel import Side, Tunnel
from tests.proxy_engine.support.client import Cut
from tests.proxy_engine.support.targets import WAIT_S
from tests.proxy_engine.support.waiting import until
from tests.proxy_engine.support.websocket import (
    SWITCHED,
    SWITCHED_FOR_CLIENT,
    a_handshake,
    exactly,
    listening,
    opened,
    repeating,
    switched,
    switching,
    without_id,
)

LITTLE = 16_384  # bytes in the kernel
MUCH = bytes(range(256)) * 4096 * 8  # 8 MiB: more than all buffers on the way together
MOST_WAITING = 1_000_000  # bytes in the gateway, per direction: a high-water mark and a read or two


def the_tunnel(gateway) -> Tunnel:
    (tunnel,) = gateway.engine.clients
    assert type(tunnel) is Tunnel
    return tunnel


async def deaf(visit):
    """Reads nothing until the test says so, then everything, and says how much of it was right."""
    visit.writer.transport.pause_reading()
    await visit.target.word.wait()
    visit.writer.transport.resume_reading()
    got = await visit.reader.readexactly(len(MUCH))
    await visit.send(b"yes" if got == MUCH else b"no!")


class WithoutHalfClose:
    """A transport as it is over TLS."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def __getattr__(self, name: str):
        return getattr(self.transport, name)

    def can_write_eof(self) -> bool:
        return False


async def ending(visit):
    await visit.send(b"last words")


@pytest.fixture
async def open_tunnel(gateway, target):
    """Opens a tunnel to a target that does as the script says: the client, the scene, the target."""

    async def open_to(then, **service):
        origin = await target(switching(then))
        scene = gateway.serve(origin, **service)
        return await opened(await gateway.connect()), scene, origin

    return open_to


class TestBytes:
    async def test_they_pass_both_ways_unread(self, open_tunnel):
        client, scene, origin = await open_tunnel(repeating)

        for piece in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\xff", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
            client.send(piece)
            assert await exactly(client, len(piece)) == piece
        assert len(origin.requests) == 1
        assert (scene.state().active, scene.state().requests) == (1, 1)

    async def test_wherever_the_clients_are_split(self, gateway, target):
        gateway.serve(await target(switching(repeating)))
        raw = a_handshake() + b"early"

        for at in range(1, len(raw)):
            client = await gateway.connect()
            await client.send_in_pieces(raw[:at], raw[at:])
            assert await switched(client, b"early") == SWITCHED_FOR_CLIENT + b"early", at

    async def test_wherever_the_targets_are_split(self, gateway, target):
        raw = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + SWITCHED + b"hello"

        async def split(visit):
            await visit.request()
            await visit.send(raw[: visit.number + 1], raw[visit.number + 1 :])
            await repeating(visit)

        gateway.serve(await target(split))

        for at in range(1, len(raw)):
            client = await gateway.connect()
            client.send(a_handshake() + b"and back")
            then = b"hello" + b"and back"
            assert await switched(client, then) == SWITCHED_FOR_CLIENT + then, at

    async def test_much_of_them_at_once_both_ways(self, open_tunnel):
        client, _, _ = await open_tunnel(repeating)
        client.send(MUCH)
        assert await exactly(client, len(MUCH)) == MUCH


class TestASlowTarget:
    async def test_its_client_is_paused_and_it_gets_everything_in_the_end(self, gateway, target):
        origin = await target(switching(deaf), kernel_bytes=LITTLE)
        origin.word = asyncio.Event()
        gateway.serve(origin)
        client = await opened(await gateway.connect())
        client.send(MUCH)
        tunnel = the_tunnel(gateway)

        await until(lambda: tunnel.client.is_paused)
        assert tunnel.target.transport.get_write_buffer_size() < MOST_WAITING
        origin.word.set()

        assert await exactly(client, 3) == b"yes"
        assert not tunnel.client.is_paused

    async def test_one_that_takes_nothing_is_given_up_after_the_write_timeout(self, gateway, target):
        origin = await target(switching(deaf), kernel_bytes=LITTLE)
        origin.word = asyncio.Event()
        scene = gateway.serve(origin, write_timeout=2000, read_timeout=50_000)
        client = await opened(await gateway.connect())
        client.send(MUCH)
        tunnel = the_tunnel(gateway)
        await until(lambda: tunnel.client.is_paused)

        gateway.pass_time(1.5)
        assert scene.state().active == 1
        for _ in range(2):  # until the kernel's buffers were full it took something
            gateway.pass_time(2.5)

        await until(gateway.is_at_rest)


class TestASlowClient:
    @pytest.fixture
    async def stuck(self, make_gateway, target):
        async def flooding(visit):
            await visit.send(MUCH)
            visit.heard = await visit.reader.read()

        gateway = await make_gateway(kernel_bytes=LITTLE, send_idle_s=10)
        scene = gateway.serve(await target(switching(flooding)), read_timeout=1000)
        client = await opened(await gateway.connect(buffer_bytes=LITTLE, kernel_bytes=LITTLE))
        tunnel = the_tunnel(gateway)
        await until(lambda: tunnel.target.is_paused)
        return gateway, client, scene

    async def test_its_target_is_paused_and_it_gets_everything_in_the_end(self, stuck):
        gateway, client, _ = stuck
        assert the_tunnel(gateway).client.transport.get_write_buffer_size() < MOST_WAITING

        gateway.pass_time(5)  # the read timeout does not concern it

        assert await exactly(client, len(MUCH)) == MUCH
        assert not the_tunnel(gateway).target.is_paused

    async def test_one_that_takes_nothing_is_given_up(self, stuck):
        gateway, _, scene = stuck

        gateway.pass_time(9)
        assert scene.state().active == 1
        for _ in range(2):  # until the kernel's buffers were full it took something
            gateway.pass_time(10.5)

        await until(gateway.is_at_rest)
        assert scene.state().failures == 0

    async def test_it_may_leave_at_any_time(self, stuck):
        gateway, client, scene = stuck
        client.reset()
        await until(gateway.is_at_rest)
        assert scene.state().failures == 0


class TestIdle:
    async def test_nothing_either_way_for_the_read_timeout_closes_both(self, open_tunnel, gateway):
        client, scene, origin = await open_tunnel(listening, read_timeout=3000)

        gateway.pass_time(2.5)
        assert scene.state().active == 1
        gateway.pass_time(1)

        assert await client.rest() == b""
        await until(lambda: origin.visits[0].is_over)
        assert (scene.state().active, scene.state().failures) == (0, 0)

    @pytest.mark.parametrize("speaker", ["client", "target"])
    async def test_a_ping_from_either_side_keeps_it(self, open_tunnel, gateway, speaker):
        client, scene, origin = await open_tunnel(listening, read_timeout=3000)

        for _ in range(5):
            gateway.pass_time(2)
            before = the_tunnel(gateway).deadline
            if speaker == "client":
                client.send(b"ping")
            else:
                await origin.visits[0].send(b"ping")
            await until(lambda before=before: the_tunnel(gateway).deadline > before)

        assert scene.state().active == 1
        gateway.pass_time(4)
        assert scene.state().active == 0


class TestTheEnd:
    async def test_a_half_closed_client_hears_the_rest(self, open_tunnel):
        async def after_the_end(visit):
            heard = await visit.reader.read()
            await visit.send(b"heard " + heard)

        client, _, _ = await open_tunnel(after_the_end)
        client.send(b"bye")
        client.finish()

        assert await client.rest() == b"heard bye"

    async def test_a_half_closed_target_hears_the_rest(self, open_tunnel):
        async def finishing(visit):
            visit.writer.write(b"that is all")
            visit.writer.write_eof()
            await listening(visit)

        client, scene, origin = await open_tunnel(finishing)
        assert await client.rest() == b"that is all"
        assert scene.state().active == 1
        client.send(b"thanks")
        client.finish()

        await until(lambda: origin.visits[0].is_over)
        assert origin.visits[0].heard == b"thanks"

    async def test_a_client_that_ended_before_the_answer_is_half_closed_too(self, gateway, target):
        origin = await target(switching(listening))
        gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_handshake() + b"early")
        client.finish()

        assert without_id(await client.rest()) == SWITCHED_FOR_CLIENT
        assert origin.visits[0].heard == b"early"

    async def test_a_target_that_closes_closes_the_client(self, open_tunnel, gateway):
        client, scene, _ = await open_tunnel(ending)
        assert await client.rest() == b"last words"
        client.close()
        await until(gateway.is_at_rest)
        assert (scene.state().active, scene.state().failures) == (0, 0)

    async def test_a_target_that_dies_is_a_failure_and_closes_the_client(self, open_tunnel, gateway):
        client, scene, origin = await open_tunnel(listening)
        origin.die()

        assert await client.rest() == b""
        await until(gateway.is_at_rest)
        assert (scene.state().active, scene.state().failures) == (0, 1)
        assert gateway.engine.counters.cut_responses == 1

    async def test_a_client_that_dies_closes_the_target(self, open_tunnel, gateway):
        client, scene, origin = await open_tunnel(listening)
        client.send(b"argh")
        client.reset()

        await until(lambda: origin.visits[0].is_over)
        await until(gateway.is_at_rest)
        assert (scene.state().active, scene.state().failures) == (0, 0)

    async def test_nothing_of_it_waits_for_the_collector(self, open_tunnel, gateway):
        client, _, _ = await open_tunnel(listening)
        parts = {id(part) for part in (the_tunnel(gateway), *the_tunnel(gateway).sides)}
        gc.disable()
        try:
            client.close()
            await until(gateway.is_at_rest)
            await until(lambda: not [1 for it in gc.get_objects() if type(it) in (Tunnel, Side) and id(it) in parts])
        finally:
            gc.enable()


class TestWithoutHalfClose:
    @pytest.fixture
    async def tls(self, open_tunnel, gateway):
        client, scene, origin = await open_tunnel(listening)
        tunnel = the_tunnel(gateway)
        tunnel.target.transport = WithoutHalfClose(tunnel.target.transport)
        return client, scene, origin

    async def test_the_clients_end_is_the_tunnels(self, tls, gateway):
        client, scene, origin = tls
        client.send(b"bye")
        client.finish()

        assert await client.rest() == b""
        await until(gateway.is_at_rest)
        await until(lambda: origin.visits[0].is_over)
        assert origin.visits[0].heard == b"bye"
        assert scene.state().failures == 0

    async def test_so_is_the_targets(self, tls, gateway):
        client, scene, origin = tls
        await origin.visits[0].send(b"bye")
        origin.visits[0].close()

        assert await client.rest() == b"bye"
        await until(gateway.is_at_rest)
        assert scene.state().failures == 0


class TestALongGoodbye:
    """Both sides have sent their last, the target is gone; a slow client has not read everything yet."""

    @pytest.fixture
    async def slow(self, make_gateway, target):
        async def leaving(visit):
            visit.writer.write(MUCH[:200_000])

        gateway = await make_gateway(kernel_bytes=LITTLE, send_idle_s=10)
        scene = gateway.serve(await target(switching(leaving)))
        client = await opened(await gateway.connect(buffer_bytes=LITTLE, kernel_bytes=LITTLE))
        client.finish()
        tunnel = the_tunnel(gateway)
        await until(lambda: tunnel.is_over)
        assert scene.state().active == 0
        return gateway, client

    async def test_everything_still_reaches_it(self, slow):
        gateway, client = slow
        gateway.pass_time(6)
        assert await client.rest() == MUCH[:200_000]

    async def test_but_not_for_ever(self, slow):
        gateway, _ = slow
        gateway.pass_time(6)
        assert gateway.engine.clients
        gateway.pass_time(10.5)
        await until(gateway.is_at_rest)


class TestDrain:
    async def test_a_tunnel_gets_the_drain_time(self, open_tunnel, gateway):
        client, _, _ = await open_tunnel(repeating)
        drain = asyncio.create_task(gateway.engine.drain())
        await asyncio.sleep(0)
        client.send(b"still here")

        assert await exactly(client, 10) == b"still here"
        assert not drain.done()
        client.finish()
        async with asyncio.timeout(WAIT_S):
            assert await drain == 0

    async def test_then_it_is_cut(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_DRAIN_SECONDS": "0"})
        scene = gateway.serve(await target(switching(repeating)))
        client = await opened(await gateway.connect())

        assert await gateway.engine.drain() == 1

        assert scene.state().active == 0
        try:
            assert await client.rest() == b""
        except Cut:
            pass
        await until(gateway.is_at_rest)

    async def test_a_worker_with_tunnels_is_at_work(self, open_tunnel, gateway):
        await open_tunnel(repeating)
        assert [client.is_busy for client in gateway.engine.clients] == [True]
