"""The budget of further tries: who gets a place in it, who is refused one, and that every place is given back.

Rotation begins with the first target; further tries take nobody's turn.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.targets import a_response, answering, echoing, resetting, silent
from tests.proxy_engine.support.waiting import until

OK = answering(a_response(b"ok"))
BUSY = answering(a_response(b"busy", status=b"503 Service Unavailable"))
NONE_LEFT = {"retry": {"budget": 0.001, "budget_min": 0, "statuses": [503]}}


def one_place(**rules):
    """Room for a single further try."""
    return {"retry": {"budget": 0.001, "budget_min": 1} | rules}


def places(gateway) -> int:
    (budget,) = gateway.engine.compiler.budgets.values()
    return budget.under_way


@pytest.fixture
async def held(gateway, target):
    """An exchange whose further try is under way, and has the one place there is. The next begins at the first."""
    scene = gateway.serve(
        await target(resetting), await target(silent), read_timeout=10_000, upstream=one_place(total_timeout=60_000)
    )
    client = await gateway.connect()
    client.send(a_request())
    await until(lambda: scene.state(1).active)
    assert places(gateway) == 1
    (balancer,) = gateway.engine.runtime.balancers.values()
    assert balancer.pick() is scene.state(1)
    return scene, client


class TestRefusal:
    async def test_a_failure_is_final_without_budget(self, gateway, target):
        first, second = await target(resetting), await target(OK)
        gateway.serve(first, second, upstream=NONE_LEFT)

        assert (await gateway.ask()).status == 502
        assert not second.requests
        assert gateway.engine.counters.budget_refusals == 1

    async def test_an_answer_is_passed_on_without_budget(self, gateway, target):
        gateway.serve(await target(BUSY), await target(OK), upstream=NONE_LEFT)

        assert (await gateway.ask()).body == b"busy"
        assert gateway.engine.counters.budget_refusals == 1

    async def test_only_while_others_have_the_places(self, gateway, held):
        assert (await gateway.ask()).status == 502
        assert gateway.engine.counters.budget_refusals == 1

        gateway.pass_time(11)
        assert (await held[1].response()).status == 504
        assert places(gateway) == 0

    async def test_requests_under_way_make_room(self, gateway, target):
        """Half of one is none, half of two is one; the request that asks is one of them."""
        upstream = {"retry": {"budget": 50, "budget_min": 0}}
        scene = gateway.serve(await target(resetting), await target(echoing), upstream=upstream)
        assert (await gateway.ask()).status == 502

        scene.state(1).begin()  # as if another one were under way
        assert (await gateway.ask(method="PUT", body=b"x")).body == b"x"  # its turn is the second target's
        assert (await gateway.ask(method="PUT", body=b"x")).body == b"x"
        scene.state(1).end()

        assert gateway.engine.counters.budget_refusals == 1
        assert gateway.engine.counters.retries == {"connection lost": 1}

    async def test_a_stale_connection_needs_none(self, gateway, target):
        async def after_one_answer(visit):
            await visit.request()
            await visit.send(a_response(b"ok"))
            await visit.reader.read(1)
            visit.close()

        gateway.serve(await target(after_one_answer), upstream=NONE_LEFT)
        client = await gateway.connect()

        for _ in range(3):
            assert (await client.ask(a_request())).body == b"ok"
        assert not gateway.engine.counters.budget_refusals

    async def test_a_third_try_keeps_the_place_of_the_second(self, gateway, target):
        gateway.serve(await target(resetting), await target(resetting), await target(OK), upstream=one_place())

        assert (await gateway.ask()).body == b"ok"
        assert gateway.engine.counters.retries == {"connection lost": 2}
        assert places(gateway) == 0


class TestThePlaceIsGivenBack:
    async def test_after_an_answer(self, gateway, target):
        gateway.serve(await target(resetting), await target(OK), upstream=one_place())

        for _ in range(3):
            assert (await gateway.ask()).body == b"ok"
        assert places(gateway) == 0

    async def test_after_the_last_failure(self, gateway, target):
        gateway.serve(await target(resetting), await target(resetting), upstream=one_place())

        for _ in range(3):
            assert (await gateway.ask()).status == 502
        assert places(gateway) == 0
        assert gateway.engine.counters.retries == {"connection lost": 3}

    async def test_after_a_timeout(self, gateway, held):
        gateway.pass_time(11)

        assert (await held[1].response()).status == 504
        assert places(gateway) == 0

    async def test_when_the_client_leaves(self, gateway, held):
        held[1].reset()

        await until(lambda: places(gateway) == 0)

    async def test_when_the_client_leaves_during_a_pause(self, gateway, target, monkeypatch):
        monkeypatch.setattr("proxy_engine.proxy.attempts.random", lambda: 1.0)
        rules = one_place(backoff=30_000, max_backoff=30_000)
        gateway.serve(await target(resetting), await target(OK), upstream=rules)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: places(gateway))

        client.reset()

        await until(lambda: places(gateway) == 0)

    async def test_when_the_response_breaks_off(self, gateway, target):
        async def half(visit):
            await visit.request()
            await visit.send(a_response(b"half", length=8))
            visit.reset()

        gateway.serve(await target(resetting), await target(half), upstream=one_place())
        client = await gateway.connect()
        client.send(a_request())

        await until(lambda: gateway.engine.counters.cut_responses)
        assert places(gateway) == 0

    async def test_when_the_client_sends_nonsense_for_a_body(self, gateway, target):
        async def after_the_head(visit):
            await visit.head()
            visit.reset()

        gateway.serve(await target(after_the_head), await target(silent), upstream=one_place())
        client = await gateway.connect()
        client.send(a_request("/", b"Transfer-Encoding: chunked", method="PUT") + b"3\r\none\r\n")
        await until(lambda: places(gateway))

        client.send(b"x\r\n")

        assert (await client.response()).status == 400
        assert places(gateway) == 0

    async def test_when_the_exchange_becomes_a_tunnel(self, gateway, target):
        async def switching(visit):
            await visit.head()
            await visit.send(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
            await visit.gone()

        gateway.serve(await target(resetting), await target(switching), upstream=one_place())
        client = await gateway.connect()
        client.send(
            a_request(
                "/",
                b"Connection: Upgrade",
                b"Upgrade: websocket",
                b"Sec-WebSocket-Version: 13",
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            )
        )

        async with asyncio.timeout(5):
            assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert places(gateway) == 0


class TestNewConfigurations:
    async def test_what_is_under_way_counts_on(self, gateway, held):
        scene, client = held
        gateway.load(*scene.entities)
        assert places(gateway) == 1

        client.reset()

        await until(lambda: places(gateway) == 0)

    async def test_a_whole_one_without_the_upstream_takes_its_budget_along(self, gateway, held):
        gateway.load()

        assert not gateway.engine.compiler.budgets

    async def test_an_edited_budget_holds_at_once(self, gateway, held):
        scene, _ = held
        rules = scene.upstream["retry"] | {"budget_min": 2}
        gateway.apply(("upstreams", scene.upstream | {"retry": rules}))

        other = await gateway.connect()
        other.send(a_request())

        await until(lambda: places(gateway) == 2)

    async def test_a_budget_that_is_lifted_takes_its_places_along(self, gateway, held):
        scene, client = held
        gateway.apply(("upstreams", scene.upstream | {"retry": scene.upstream["retry"] | {"budget": 0}}))

        client.reset()

        await until(lambda: places(gateway) == 0)


async def test_each_upstream_has_one_budget_for_all_its_services(gateway, held, target):
    scene, _ = held
    other = scene.service | {"id": scene.service["id"][:-1] + "f", "name": "other"}
    gateway.apply(("services", other), ("routes", scene.route | {"service": {"id": other["id"]}}))

    assert (await gateway.ask()).status == 502
    assert gateway.engine.counters.budget_refusals == 1


async def test_an_exchange_without_a_further_try_needs_no_place(gateway, held, target):
    scene, _ = held
    gateway.apply(("targets", scene.targets[0] | {"target": (await target(echoing)).address}))

    assert (await gateway.ask(method="PUT", body=b"x")).body == b"x"
