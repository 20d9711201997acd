"""An upstream's ``connections`` in effect, and edited while requests run."""

from __future__ import annotations

import itertools

import pytest

from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.load import under_load
from tests.proxy_engine.support.targets import a_response, answering
from tests.proxy_engine.support.waiting import until

OK = answering(a_response(b"ok"))


def with_rules(scene, **connections):
    """An edit of the upstream."""
    rules = scene.upstream["connections"] | connections
    return "upstreams", scene.upstream | {"connections": rules}


async def ask(gateway, times: int) -> None:
    client = await gateway.connect()
    for _ in range(times):
        assert (await client.ask(a_request())).status == 200


@pytest.mark.parametrize(
    ("rules", "opened"), [({}, 1), ({"pool_size": 0}, 6), ({"max_requests": 2}, 3), ({"max_requests": 0}, 1)]
)
async def test_connections_are_kept_as_the_rules_say(gateway, target, rules, opened):
    origin = await target(OK)
    scene = gateway.serve(origin)
    gateway.apply(with_rules(scene, **rules))
    await ask(gateway, 6)

    assert len(origin.visits) == opened
    facts = dict(gateway.engine.target_facts())[scene.targets[0]["id"]]["connections"]
    assert (facts["opened"], facts["reused"]) == (opened, 6 - opened)


async def test_an_idle_connection_is_closed_in_time(gateway, target):
    origin = await target(OK)
    scene = gateway.serve(origin)
    gateway.apply(with_rules(scene, idle_timeout=0.5))
    await ask(gateway, 1)
    gateway.pass_time(0.6)

    await until(lambda: origin.visits[0].is_over)


async def test_times_alone_change_no_connection(gateway, target):
    origin = await target(OK)
    scene = gateway.serve(origin)
    await ask(gateway, 1)
    gateway.apply(with_rules(scene, read_timeout=1234, tcp_keepalive_count=9))
    await ask(gateway, 1)

    assert len(origin.visits) == 1


async def test_other_rules_take_other_connections_and_close_the_old(gateway, target):
    origin = await target(OK)
    scene = gateway.serve(origin)
    await ask(gateway, 1)
    gateway.apply(with_rules(scene, tcp_keepalive_idle=30))
    await ask(gateway, 1)

    assert len(origin.visits) == 2
    await until(lambda: origin.visits[0].is_over)


async def test_no_request_fails_while_the_rules_are_edited(gateway, target):
    origins = [await target(OK) for _ in range(2)]
    scene = gateway.serve(*origins)
    edits = itertools.cycle(
        (
            {"pool_size": 0},
            {"max_requests": 1},
            {"receive_buffer": 16_384},
            {"tcp_keepalive_idle": 9},
            {"tcp_fast_open": True},
            {"idle_timeout": 0.1},
            {},
        )
    )
    async with under_load(gateway.port) as load:
        for _ in range(70):
            gateway.apply(with_rules(scene, **next(edits)))
            gateway.pass_time(0.1)
            await load.more(10)

    gateway.pass_time(1)
    await until(lambda: not gateway.engine.pools._parting or gateway.pass_time(1))


async def test_totals_count_what_every_pool_did(gateway, target):
    scene = gateway.serve(await target(OK), await target(OK))
    await ask(gateway, 10)
    gateway.apply(with_rules(scene, max_requests=5))
    await ask(gateway, 10)
    gateway.pass_time(0.1)
    gateway.pass_time(0.1)

    totals = gateway.engine.pools.totals
    assert (totals.opened, totals.reused, totals.failed) == (4, 16, 0)
