"""How many may come in: counting, places, and what those are told who may not."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.server.door import TOO_MANY, TOO_MANY_OF_ONE, Door, place_of
from proxy_engine.settings import Limits
from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import a_response, answering, echoing, silent
from tests.proxy_engine.support.waiting import until
from tests.proxy_engine.support.websocket import a_handshake, repeating, switching


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%lo", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits(one, other, is_same):
    assert (place_of(one) == place_of(other)) is is_same


class TestCounting:
    def test_each_client_has_so_many(self):
        door = Door(Limits(connections_per_client=2), 1000)
        places = [door.enter("192.0.2.1", 0, is_trusted=False) for _ in range(3)]
        assert places[2] is TOO_MANY_OF_ONE
        assert type(door.enter("192.0.2.2", 0, is_trusted=False)) is bytes

        door.leave(places[0])

        assert type(door.enter("192.0.2.1", 0, is_trusted=False)) is bytes
        assert door.enter("192.0.2.1", 0, is_trusted=False) is TOO_MANY_OF_ONE

    def test_those_who_left_are_forgotten(self):
        door = Door(Limits(), 1000)
        for number in range(100):
            door.leave(door.enter(f"192.0.2.{number}", 0, is_trusted=False))
        assert not door.inside

    def test_trusted_proxies_are_not_counted(self):
        door = Door(Limits(connections_per_client=1), 1000)
        assert [door.enter("192.0.2.1", 0, is_trusted=True) for _ in range(3)] == [b""] * 3

    def test_nobody_is_when_there_is_no_limit(self):
        door = Door(Limits(connections_per_client=0), 1000)
        assert [door.enter("192.0.2.1", 0, is_trusted=False) for _ in range(3)] == [b""] * 3

    @pytest.mark.parametrize(
        ("connections", "files", "most"),
        [(0, 1000, 750), (0, 64, 32), (0, 100_000, 75_000), (10, 1000, 10), (5000, 1000, 750), (0, 16, 1)],
    )
    def test_all_together_leave_files_for_targets(self, connections, files, most):
        door = Door(Limits(connections=connections), files)
        assert type(door.enter("192.0.2.1", most - 1, is_trusted=True)) is bytes
        assert door.enter("192.0.2.1", most, is_trusted=True) is TOO_MANY


class TestTooManyOfOneClient:
    @pytest.fixture
    async def full(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_LIMIT_CONNECTIONS_PER_CLIENT": "2"})
        gateway.serve(await target(answering(a_response(b"ok"))))
        clients = [await gateway.connect() for _ in range(2)]
        for client in clients:
            await client.ask(a_request())
        return gateway, clients

    async def test_the_next_one_is_told_so_before_it_asks(self, full):
        gateway, _ = full
        response = await (await gateway.connect()).response()
        assert (response.status, response.field(b"connection")) == (429, b"close")
        assert b"Too many connections from this address" in response.body

    async def test_or_after_it_has_asked(self, full):
        gateway, clients = full
        client = await gateway.connect()
        client.send(a_request(method="POST", body=b"x" * 3_000_000))
        assert (await client.response()).status == 429
        client.finish()
        assert await client.rest() == b""
        assert [(await client.ask(a_request())).body for client in clients] == [b"ok", b"ok"]

    async def test_it_does_not_stay(self, full):
        gateway, _ = full
        client = await gateway.connect()
        await client.response()

        gateway.pass_time(2.5)

        assert await client.rest() == b""
        await until(lambda: len(gateway.connections()) == 2)

    async def test_there_is_room_again_when_one_leaves(self, full):
        gateway, clients = full
        clients[0].close()
        await until(lambda: len(gateway.connections()) == 1)

        for _ in range(3):
            assert (await gateway.ask()).status == 200
            await until(lambda: len(gateway.connections()) == 1)

    async def test_those_turned_away_do_not_count(self, full):
        gateway, clients = full
        for _ in range(5):
            await (await gateway.connect()).response()
        clients[0].close()
        await until(lambda: sum(gateway.engine.door.inside.values()) == 1)

        assert (await gateway.ask()).status == 200

    async def test_a_tunnel_counts_until_it_ends(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_LIMIT_CONNECTIONS_PER_CLIENT": "1"})
        gateway.serve(await target(switching(repeating)))
        client = await gateway.connect()
        client.send(a_handshake())
        await client.reader.readuntil(b"\r\n\r\n")

        assert (await gateway.ask()).status == 429

        client.close()
        await until(lambda: not gateway.engine.door.inside)

    async def test_one_reset_before_it_was_accepted_is_not_counted(self, full):
        gateway, clients = full
        for client in clients:
            client.reset()
        await until(lambda: not gateway.engine.door.inside)


class TestTooManyInAll:
    @pytest.fixture
    async def full(self, make_gateway, target):
        gateway = await make_gateway(env={"GATEWAY_LIMIT_CONNECTIONS": "2", "GATEWAY_TRUSTED_IPS": "127.0.0.1"})
        gateway.serve(await target(answering(a_response(b"ok"))))
        clients = [await gateway.connect() for _ in range(2)]
        for client in clients:
            await client.ask(a_request())
        return gateway, clients

    async def test_the_next_one_is_answered_and_closed_at_once(self, full):
        gateway, clients = full
        client = await gateway.connect()
        response = await client.response()
        assert (response.status, response.field(b"connection")) == (503, b"close")
        assert b"Too many connections" in response.body
        assert await client.rest() == b""
        assert len(gateway.connections()) == 2
        assert [(await client.ask(a_request())).body for client in clients] == [b"ok", b"ok"]

    async def test_a_flood_of_them_holds_nothing(self, full):
        gateway, _ = full
        flood = [await gateway.connect() for _ in range(200)]
        for client in flood:
            client.send(a_request())
        for client in flood:
            try:
                assert (await client.response()).status == 503
            except Cut:
                pass  # what it sent came behind our close
        assert len(gateway.connections()) == 2
        assert not gateway.defects

    async def test_there_is_room_again_when_one_leaves(self, full):
        gateway, clients = full
        clients[0].close()
        await until(lambda: len(gateway.connections()) == 1)

        assert (await gateway.ask()).status == 200


class TestTheFirstByte:
    async def test_a_connection_that_never_sends_anything_closes_before_one_that_did(self, make_gateway, target):
        gateway = await make_gateway(first_byte_s=20, keep_alive_s=75)
        gateway.serve(await target(answering(a_response(b"ok"))))
        quiet, served = await gateway.connect(), await gateway.connect()
        await served.ask(a_request())
        await until(lambda: len(gateway.connections()) == 2)
        gateway.pass_time(19)
        assert len(gateway.connections()) == 2

        gateway.pass_time(2)

        assert await quiet.rest() == b""
        assert (await served.ask(a_request())).body == b"ok"

    async def test_the_time_for_a_head_begins_with_it(self, make_gateway, target):
        gateway = await make_gateway(first_byte_s=20, head_s=15)
        gateway.serve(await target(silent))
        client = await gateway.connect()
        await until(gateway.connections)
        gateway.pass_time(19)
        client.send(b"G")
        await until(lambda: gateway.connections()[0].held)

        gateway.pass_time(14)
        assert gateway.connections()

        gateway.pass_time(2)
        assert (await client.response()).status == 408
        await asyncio.sleep(0)

    async def test_an_empty_line_behind_a_body_is_no_head(self, make_gateway, target):
        """Old clients send one. A 408 would be taken for the answer to their next request."""
        gateway = await make_gateway(head_s=15)
        gateway.serve(await target(echoing))
        client = await gateway.connect()
        await client.ask(a_request(method="POST", body=b"body") + b"\r\n")
        await until(lambda: gateway.connections()[0].held)

        gateway.pass_time(16)

        assert await client.rest() == b""
