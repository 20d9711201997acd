"""Targets that are names: every address has its share, and what the DNS does costs no request."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from proxy_engine.net.dns import NEGATIVE_S
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.dns import ScriptedDns
from tests.proxy_engine.support.load import under_load
from tests.proxy_engine.support.targets import ScriptedTarget, a_response, answering, resetting
from tests.proxy_engine.support.waiting import until

FIRST, SECOND = "127.0.0.1", "127.0.0.2"


@pytest.fixture
async def dns() -> AsyncIterator[ScriptedDns]:
    server = await ScriptedDns().start()
    yield server
    server.stop()


@pytest.fixture
async def gateway(dns, make_gateway):
    return await make_gateway(env={"GATEWAY_DNS_SERVERS": dns.address})


@pytest.fixture
async def origins(target) -> tuple[ScriptedTarget, ScriptedTarget]:
    """On one port of two addresses."""
    first = await target(answering(a_response(b"first")))
    return first, await target(answering(a_response(b"second")), host=SECOND, port=first.port)


def known_to(gateway) -> set[str]:
    """The addresses of the only name there is."""
    (pool,) = gateway.engine.pools
    return set(pool.name.addresses)


async def bodies(gateway, count: int) -> Counter[bytes]:
    client = await gateway.connect()
    counted: Counter[bytes] = Counter()
    for _ in range(count):
        counted[(await client.ask(a_request())).body] += 1
    return counted


class TestShares:
    async def test_each_address_has_the_full_weight(self, gateway, dns, origins, target):
        dns.has("a.test", FIRST, SECOND)
        third = await target(answering(a_response(b"third")))
        scene = gateway.serve(f"a.test:{origins[0].port}", third)
        await until(lambda: scene.state().addresses == 2)

        assert await bodies(gateway, 30) == {b"first": 10, b"second": 10, b"third": 10}

    async def test_a_services_own_host_is_a_name_too(self, gateway, dns, origins):
        dns.has("a.test", FIRST, SECOND)
        service = values("services", host="a.test", port=origins[0].port)
        gateway.load(("services", service), ("routes", values("routes", service={"id": service["id"]})))

        assert await bodies(gateway, 10) == {b"first": 5, b"second": 5}

    async def test_the_host_header_is_the_name(self, gateway, dns, origins):
        dns.has("a.test", FIRST)
        gateway.serve(f"a.test:{origins[0].port}")
        await gateway.ask()

        assert origins[0].requests[0].field(b"host") == b"a.test:%d" % origins[0].port


class TestTheFirstRequest:
    async def test_it_waits_for_the_answer(self, gateway, dns, origins):
        dns.has("a.test", FIRST)
        dns.is_silent = True
        gateway.serve(f"a.test:{origins[0].port}")
        asking = asyncio.create_task(gateway.ask())
        await until(lambda: dns.asked)
        dns.is_silent = False

        assert (await asking).body == b"first"  # c-ares asks again after a moment

    async def test_a_target_whose_name_does_not_resolve_is_not_ready(self, gateway, dns, origins):
        scene = gateway.serve("gone.test:80", origins[0])
        await until(lambda: not scene.state(0).ready)

        assert scene.state(0).obstacles == ("name does not resolve",)
        assert gateway.engine.unresolved() == [{"target_id": scene.state(0).target.id, "cause": "no such name"}]
        assert await bodies(gateway, 4) == {b"first": 4}

    async def test_with_no_other_target_that_is_503(self, gateway, dns):
        scene = gateway.serve("gone.test:80")
        await until(lambda: not scene.state(0).ready)

        assert (await gateway.ask()).status == 503

    @pytest.mark.parametrize("is_known", [False, True])
    async def test_a_services_own_host_that_does_not_resolve_is_told_of(self, gateway, dns, is_known):
        service = values("services", host="gone.test", port=80)
        gateway.load(("services", service), ("routes", values("routes", service={"id": service["id"]})))
        if is_known:
            await gateway.ask()

        answer = await gateway.ask()

        assert answer.status == 503
        assert b"name resolution failed" in answer.body

    async def test_a_name_that_comes_back_serves_again(self, gateway, dns, origins):
        scene = gateway.serve(f"a.test:{origins[0].port}")
        await until(lambda: not scene.state(0).ready)
        dns.has("a.test", FIRST)
        gateway.pass_time(NEGATIVE_S + 1)
        await until(lambda: scene.state(0).ready)

        assert gateway.engine.unresolved() == []
        assert await bodies(gateway, 2) == {b"first": 2}


class TestChanges:
    async def test_none_fails_while_addresses_come_and_go(self, gateway, dns, origins):
        dns.has("a.test", FIRST, SECOND)
        scene = gateway.serve(f"a.test:{origins[0].port}")
        await until(lambda: scene.state().addresses == 2)
        async with under_load(gateway.port) as load:
            for number in range(30):
                answer = [(FIRST,), (SECOND,), (FIRST, SECOND)][number % 3]
                dns.has("a.test", *answer)
                gateway.pass_time(2)
                await until(lambda answer=answer: known_to(gateway) == set(answer))
                await load.more(30)

        assert all(origin.requests for origin in origins)

    async def test_a_vanished_address_gets_nothing_more(self, gateway, dns, origins):
        dns.has("a.test", FIRST, SECOND)
        scene = gateway.serve(f"a.test:{origins[0].port}")
        await until(lambda: scene.state().addresses == 2)
        await bodies(gateway, 4)
        dns.has("a.test", FIRST)
        gateway.pass_time(2)
        await until(lambda: scene.state().addresses == 1)

        assert await bodies(gateway, 6) == {b"first": 6}
        await until(lambda: origins[1].visits[0].is_over)

    async def test_a_target_that_has_another_name_now_does_not_follow_the_old_one(self, gateway, dns, origins):
        address = f"a.test:{origins[0].port}"
        dns.has("a.test", FIRST)
        scene = gateway.serve(address, address)
        await until(lambda: known_to(gateway))
        gateway.apply(("targets", scene.targets[0] | {"target": origins[0].address}))
        dns.has("a.test", FIRST, SECOND)
        gateway.pass_time(2)
        await until(lambda: scene.state(1).addresses == 2)

        assert scene.state(0).addresses == 1

    async def test_a_dead_address_costs_no_request(self, gateway, dns, origins):
        dns.has("a.test", FIRST, SECOND)
        scene = gateway.serve(f"a.test:{origins[0].port}")
        await until(lambda: scene.state().addresses == 2)
        async with under_load(gateway.port) as load:
            await load.more(100)
            origins[1].die()
            await load.more(200)

    async def test_a_try_that_failed_goes_on_with_another_address(self, gateway, dns, target):
        first = await target(answering(a_response(b"first")))
        await target(resetting, host=SECOND, port=first.port)
        dns.has("a.test", FIRST, SECOND)
        scene = gateway.serve(f"a.test:{first.port}")
        await until(lambda: scene.state().addresses == 2)

        assert await bodies(gateway, 6) == {b"first": 6}
        assert scene.state().failures

    async def test_a_dead_dns_server_costs_none_either(self, gateway, dns, origins):
        dns.has("a.test", FIRST, SECOND)
        scene = gateway.serve(f"a.test:{origins[0].port}")
        await until(lambda: scene.state().addresses == 2)
        dns.is_silent = True
        gateway.pass_time(600)

        assert await bodies(gateway, 4) == {b"first": 2, b"second": 2}


class TestManyNames:
    async def test_they_are_resolved_before_they_are_asked_for(self, gateway, dns, origins):
        names = [f"n{number}.test" for number in range(300)]
        for name in names:
            dns.has(name, FIRST)
        gateway.serve(*(f"{name}:{origins[0].port}" for name in names))
        await until(lambda: {name for name, _ in dns.asked} == set(names))

        assert len(dns.asked) == len(names)

    async def test_addresses_ask_nobody(self, gateway, dns, origins):
        gateway.serve(*origins)

        assert len(gateway.engine.resolver) == 0
        assert repr(gateway.engine._lookup._resolver) == "None"


async def test_what_the_dns_said_can_be_looked_at(gateway, dns, origins):
    dns.has("a.test", FIRST, SECOND, ttl=77)
    scene = gateway.serve(f"a.test:{origins[0].port}", "gone.test:80")
    await until(lambda: scene.state(0).addresses == 2 and not scene.state(1).ready)
    await bodies(gateway, 6)

    facts = [dict(gateway.engine.target_facts())[entity["id"]]["connections"] for entity in scene.targets]
    assert 70 < facts[0].pop("expiresIn") <= 77
    assert facts[0] == {
        "opened": 2,
        "reused": 4,
        "connectFailures": 0,
        "idle": 2,
        "inUse": 0,
        "addresses": [FIRST, SECOND],
        "dnsProblem": None,
    }
    assert (facts[1]["addresses"], facts[1]["expiresIn"], facts[1]["dnsProblem"]) == ([], None, "no such name")
