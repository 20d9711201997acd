"""What outlives a configuration: states of targets, their health, kept connections, the clients."""

from __future__ import annotations

import asyncio
import time

import pytest

from proxy_engine.engine import MOST_REPORTED
from proxy_engine.sources import HealthFact
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.targets import a_response, answering, resetting, silent
from tests.proxy_engine.support.waiting import until

OK = answering(a_response(b"ok"))


def unhealthy(target: dict, healthy: bool = False, since: float = 1.0) -> HealthFact:
    return HealthFact(target["id"], healthy, "3 of 3 timeouts", since)


class TestStates:
    async def test_a_whole_configuration_anew_keeps_the_states_of_targets_that_stay(self, gateway, target):
        scene = gateway.serve(await target(OK))
        state = scene.state()
        await gateway.ask()

        gateway.load(*scene.entities)

        assert scene.state() is state
        assert state.requests == 1

    async def test_it_drops_those_of_targets_that_do_not(self, gateway, target):
        scene = gateway.serve(await target(OK), await target(OK))
        gateway.load(*[entity for entity in scene.entities if entity[1] is not scene.targets[0]])

        assert list(dict(gateway.engine.target_facts())) == [scene.targets[1]["id"]]

    async def test_so_does_a_deletion(self, gateway, target):
        scene = gateway.serve(await target(OK), await target(OK))
        gateway.delete("targets", scene.targets[0])

        assert list(dict(gateway.engine.target_facts())) == [scene.targets[1]["id"]]

    async def test_a_deleted_targets_exchange_is_finished(self, gateway, target):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            await visit.request()
            await go_on.wait()
            await visit.send(a_response(b"late"))

        origin = await target(on_its_word)
        scene = gateway.serve(origin)
        state = scene.state()
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: origin.requests)

        gateway.delete("targets", scene.targets[0])
        go_on.set()

        assert (await client.response()).body == b"late"
        assert state.active == 0
        assert (await client.ask(a_request())).status == 503

    async def test_the_facts_say_what_is_seen_of_each_target(self, gateway, target):
        scene = gateway.serve(await target(silent))
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: scene.state().active)

        facts = dict(gateway.engine.target_facts())[scene.targets[0]["id"]]

        assert facts["target"] == scene.targets[0]["target"]
        assert (facts["ready"], facts["healthy"]) == (True, True)
        assert (facts["active"], facts["requests"], facts["failures"]) == (1, 1, 0)


class TestHealth:
    async def test_a_target_known_as_unhealthy_starts_so(self, gateway, target):
        scene = gateway.serve(await target(OK), await target(OK))
        gateway.load(*scene.entities, health=[unhealthy(scene.targets[0])])

        assert not scene.state(0).ready
        assert scene.state(1).ready

    async def test_a_snapshot_that_knows_nothing_of_it_makes_it_healthy(self, gateway, target):
        scene = gateway.serve(await target(OK))
        gateway.engine.set_health([unhealthy(scene.targets[0])])

        gateway.load(*scene.entities)

        assert scene.state().ready

    async def test_a_fact_may_come_before_its_target(self, gateway, target):
        scene = gateway.serve(await target(OK))
        late = values("targets", target="127.0.0.1:9", upstream=scene.upstream_link)
        gateway.engine.set_health([unhealthy(late)])

        gateway.apply(("targets", late))

        assert not gateway.engine._states[late["id"]].healthy
        for _ in range(4):
            assert (await gateway.ask()).status == 200

    async def test_a_target_that_comes_back_after_its_deletion_is_not_known(self, gateway, target):
        scene = gateway.serve(await target(OK))
        gateway.engine.set_health([unhealthy(scene.targets[0])])
        gateway.delete("targets", scene.targets[0])

        gateway.apply(("targets", scene.targets[0]))

        assert scene.state().ready

    async def test_a_fact_of_a_stranger_is_harmless(self, gateway):
        gateway.engine.set_health([unhealthy({"id": "nobody"})])


class TestPools:
    async def test_an_edit_that_leads_to_the_same_address_keeps_its_connections(self, gateway, target):
        origin = await target(OK)
        scene = gateway.serve(origin)
        await gateway.ask()

        gateway.apply(("services", scene.service | {"retries": 1}))
        gateway.load(*scene.entities)
        await gateway.ask()

        assert len(origin.visits) == 1

    async def test_those_to_a_removed_target_are_closed(self, gateway, target):
        origin = await target(OK)
        scene = gateway.serve(origin)
        await gateway.ask()

        gateway.delete("targets", scene.targets[0])

        await until(lambda: origin.visits[0].is_over)

    async def test_those_in_use_are_closed_after_their_answer(self, gateway, target):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            while True:
                await visit.request()
                await go_on.wait()
                await visit.send(a_response(b"ok"))

        origin = await target(on_its_word)
        scene = gateway.serve(origin)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: origin.requests)
        gateway.delete("targets", scene.targets[0])
        go_on.set()

        assert (await client.response()).body == b"ok"
        await until(lambda: origin.visits[0].is_over)

    async def test_idle_ones_are_closed_after_a_minute(self, gateway, target):
        origin = await target(OK)
        gateway.serve(origin)
        await gateway.ask()

        for _ in range(51):  # pools are looked after every 50 sweeps
            gateway.pass_time(1.5)

        await until(lambda: origin.visits[0].is_over)


class TestSweep:
    async def test_a_defect_at_one_connection_does_not_concern_the_others(self, gateway, target):
        gateway.serve(await target(OK))
        first, second = await gateway.connect(), await gateway.connect()
        await first.ask(a_request())
        await second.ask(a_request())
        broken = next(iter(gateway.engine.clients))
        broken.phase, broken.exchange = 2, None  # a body without an exchange: cannot be, and raises

        gateway.pass_time(100)

        assert await until(lambda: not gateway.engine.clients)
        assert len(gateway.defects) == 1
        gateway.defects.clear()

    async def test_a_worker_that_was_held_up_does_not_blame_its_peers(self, gateway, target):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            await visit.request()
            await go_on.wait()
            await visit.send(a_response(b"in time"))

        origin = await target(on_its_word)
        gateway.serve(origin, read_timeout=400)
        gateway.sweep_for_ever()
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: origin.requests)

        time.sleep(0.8)  # noqa: ASYNC251 - this is the hold-up
        go_on.set()

        assert (await client.response()).body == b"in time"

    async def test_nothing_strikes_early(self, gateway, target):
        """The clock behind deadlines is coarse, and never behind."""
        origin = await target(silent)
        gateway.serve(origin, read_timeout=1000)
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: origin.requests)
        gateway.pass_time(0.95)

        assert gateway.connections()[0].is_busy


@pytest.mark.parametrize(
    ("networks", "address", "is_trusted"),
    [
        ("", "127.0.0.1", False),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("10.0.0.0/8,127.0.0.1", "127.0.0.1", True),
        ("10.0.0.0/8", "127.0.0.1", False),
        ("::1", "::1", True),
        ("0.0.0.0/0", "::1", False),
    ],
)
async def test_whom_the_engine_trusts(make_gateway, networks, address, is_trusted):
    gateway = await make_gateway(env={"GATEWAY_TRUSTED_IPS": networks})

    assert gateway.engine.trusts(address) is is_trusted


class TestHostsThatServicesName:
    async def test_their_states_go_with_the_last_service(self, gateway, target):
        origin = await target(OK)
        host, port = origin.address.split(":")
        service = values("services", host=host, port=int(port))
        route = values("routes", paths=["/"], service={"id": service["id"]})
        gateway.load(("services", service), ("routes", route))
        assert (await gateway.ask()).status == 200
        (fact,) = dict(gateway.engine.target_facts()).values()
        assert (fact["target"], fact["requests"]) == (origin.address, 1)

        gateway.apply(("services", service | {"read_timeout": 5000}))
        (fact,) = dict(gateway.engine.target_facts()).values()
        assert fact["requests"] == 1

        for number in range(10):
            gateway.apply(("services", service | {"host": f"10.0.0.{number}"}))
        assert [fact["target"] for fact in dict(gateway.engine.target_facts()).values()] == [f"10.0.0.9:{port}"]
        gateway.delete("services", service)
        assert not dict(gateway.engine.target_facts())


async def test_what_is_left_out_is_told_up_to_a_number(gateway):
    nowhere = {"service": {"id": "00000000-0000-4000-8000-000000000000"}}
    gateway.load(*(("routes", values("routes", paths=["/"], **nowhere)) for _ in range(MOST_REPORTED + 50)))

    problems = gateway.engine.entity_problems()

    assert len(problems) == MOST_REPORTED + 1
    assert problems[-1] == "and 50 further entities that are left out"


async def test_who_is_found_healthy_is_no_longer_ejected(gateway, target):
    breaker = {"consecutive_failures": 1, "open_time": 600, "max_ejected": 100}
    scene = gateway.serve(await target(resetting), upstream={"circuit_breaker": breaker}, retries=0)
    await gateway.ask()
    gateway.engine.set_health([unhealthy(scene.targets[0])])
    assert scene.state().ejected

    gateway.engine.set_health([unhealthy(scene.targets[0], healthy=True, since=2.0)])

    assert scene.state().ready


async def test_a_target_at_another_address_begins_anew(gateway, target):
    scene = gateway.serve(await target(OK), upstream={"algorithm": "latency"})
    await gateway.ask()
    assert scene.state().latency is not None

    gateway.apply(("targets", scene.targets[0] | {"target": "127.0.0.1:9"}))

    assert scene.state().latency is None
