"""Real traffic ejects targets, for a time; trials bring them back."""

from __future__ import annotations

import asyncio
import time

import pytest

from proxy_engine.sources import HealthFact
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.targets import a_response, answering, resetting
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

OK = a_response(b"ok")
BAD = a_response(b"no", status=b"503 Service Unavailable")


@pytest.fixture
def serve(gateway):
    """The usual scene, with a circuit breaker."""

    def serve(*targets, service=None, upstream=None, **rules):
        scene = gateway.serve(*targets, **(service or {}))
        break_circuits(scene, **{"max_ejected": 100} | rules)
        if upstream:
            edit(scene, **upstream)
        return scene

    return serve


def break_circuits(scene, **rules):
    edit(scene, circuit_breaker=scene.upstream["circuit_breaker"] | rules)


def edit(scene, **fields):
    scene.upstream = scene.upstream | fields
    scene.gateway.apply(("upstreams", scene.upstream))


def circuit(scene, number=0):
    engine = scene.gateway.engine
    return dict(engine.target_facts())[scene.targets[number]["id"]]["circuit"]


async def ask(gateway, times):
    return [(await gateway.ask()).status for _ in range(times)]


class TestEjecting:
    async def test_answers_with_a_listed_status(self, gateway, target, serve):
        bad = await target(answering(BAD))
        scene = serve(bad, await target(answering(OK)), consecutive_failures=3)
        statuses = await ask(gateway, 20)

        assert statuses.count(503) == len(bad.requests) == 3
        assert scene.state().obstacles == ("ejected",)
        seen = circuit(scene)
        assert (seen["state"], seen["cause"]) == ("open", "3 failures in a row: 503; ejected for 10 s")
        assert 0 < seen["until"] - time.time() < 11

    async def test_refused_connections_of_which_no_client_hears(self, gateway, target, serve):
        scene = serve(f"127.0.0.1:{free_port()}", await target(answering(OK)), consecutive_failures=2)

        assert await ask(gateway, 10) == [200] * 10
        assert scene.state().failures == 2
        assert "connection refused" in circuit(scene)["cause"].lower()

    async def test_resets_as_a_share_of_all_requests(self, gateway, target, serve):
        scene = serve(
            await target(resetting),
            await target(answering(OK)),
            failure_percentage=50,
            minimum_requests=4,
            service={"retries": 0},
        )
        statuses = await ask(gateway, 20)

        assert statuses.count(502) == 4
        assert circuit(scene)["cause"].startswith("100 % of 4 requests in 10 s failed, last: ")

    async def test_passive_checks_go_on_beside_it(self, gateway, target, serve):
        passive = {"unhealthy": {"http_failures": 2}}
        scene = serve(await target(answering(BAD)), consecutive_failures=3)
        checks = scene.upstream["healthchecks"]
        unhealthy = checks["passive"]["unhealthy"] | passive["unhealthy"] | {"http_statuses": [503]}
        edit(scene, healthchecks=checks | {"passive": checks["passive"] | {"unhealthy": unhealthy}})
        await ask(gateway, 3)

        assert scene.state().obstacles == ("unhealthy",)
        assert len(scene.gateway.engine.ejected()) == 0

    async def test_without_rules_nobody_judges(self, gateway, target):
        scene = gateway.serve(await target(answering(BAD)))

        assert await ask(gateway, 9) == [503] * 9
        assert gateway.engine.runtime.plans[scene.service["id"]].judge is None
        assert circuit(scene) is None


class TestComingBack:
    async def test_a_trial_that_succeeds_lets_it_back_in(self, gateway, target, serve):
        scene = serve(await target(answering(BAD, BAD, OK)), consecutive_failures=2)
        await ask(gateway, 2)
        assert not scene.state().ready
        gateway.pass_time(10)

        assert circuit(scene)["state"] == "half-open"
        assert await ask(gateway, 3) == [200] * 3
        assert (circuit(scene)["state"], circuit(scene)["cause"]) == ("closed", "")

    async def test_a_trial_that_fails_ejects_it_again(self, gateway, target, serve):
        bad = await target(answering(BAD))
        scene = serve(bad, consecutive_failures=2)
        await ask(gateway, 2)
        gateway.pass_time(10)

        assert await ask(gateway, 2) == [503, 503]
        assert len(bad.requests) == 3
        assert circuit(scene)["cause"] == "a trial failed: 503; ejected for 10 s"

    async def test_one_trial_at_a_time(self, gateway, target, serve):
        held = asyncio.Event()

        async def bad_then_slow(visit):
            request = await visit.request()
            if b"/slow" in request.line:
                await held.wait()
                await visit.send(OK)
            else:
                await visit.send(BAD)

        slow = await target(bad_then_slow)
        scene = serve(slow, consecutive_failures=2)
        await ask(gateway, 2)
        gateway.pass_time(10)
        trial = asyncio.create_task(gateway.ask("/slow"))
        await until(lambda: len(slow.requests) == 3)

        assert (await gateway.ask("/slow")).status == 503
        assert len(slow.requests) == 3
        held.set()
        assert (await trial).status == 200
        assert scene.state().ready

    async def test_a_client_that_leaves_does_not_take_the_trial_with_it(self, gateway, target, serve):
        async def bad_then_silent(visit):
            request = await visit.request()
            if b"/slow" in request.line:
                await asyncio.Event().wait()
            await visit.send(BAD)

        mute = await target(bad_then_silent)
        scene = serve(mute, consecutive_failures=2)
        await ask(gateway, 2)
        gateway.pass_time(10)
        client = await gateway.connect()
        client.send(a_request("/slow"))
        await until(lambda: len(mute.requests) == 3)
        assert not scene.state().ready
        client.reset()
        await until(lambda: scene.state().active == 0)
        gateway.pass_time(0.1)

        assert circuit(scene)["state"] == "half-open"
        assert scene.state().ready


class TestConfiguration:
    async def test_ejections_survive_edits_of_something_else_and_reloads(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), consecutive_failures=2)
        await ask(gateway, 2)
        edit(scene, tags=["a"])
        assert not scene.state().ready
        gateway.load(*scene.entities)

        assert not scene.state().ready
        assert circuit(scene)["state"] == "open"

    async def test_a_persons_word_lets_it_back_in_each_time_it_is_said(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), consecutive_failures=2)
        for said_at in (1.0, 2.0):
            word = HealthFact(scene.targets[0]["id"], True, "set healthy by alice", said_at, by_person=True)
            await ask(gateway, 2)
            assert circuit(scene)["state"] == "open"
            gateway.engine.set_health([word])
            assert circuit(scene)["state"] == "closed"

        await ask(gateway, 2)
        gateway.engine.set_health([word])  # read once more, not said once more
        assert circuit(scene)["state"] == "open"

    async def test_other_rules_let_it_back_in(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), consecutive_failures=2)
        await ask(gateway, 2)
        break_circuits(scene, consecutive_failures=3)

        assert await ask(gateway, 3) == [503] * 3
        assert circuit(scene)["state"] == "open"

    async def test_while_all_are_used_so_is_an_ejected_one(self, gateway, target, serve):
        scene = serve(
            await target(answering(BAD, BAD, OK)), consecutive_failures=2, upstream={"when_all_unhealthy": "use_all"}
        )

        assert await ask(gateway, 4) == [503, 503, 200, 200]
        assert circuit(scene)["state"] == "open"
        fact = dict(gateway.engine.target_facts())[scene.targets[0]["id"]]
        assert (fact["obstacles"], fact["remark"]) == (["ejected"], "used all the same: too few targets are healthy")

    async def test_what_is_ejected_is_told_in_the_report(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), consecutive_failures=2)
        assert gateway.engine.ejected() == []
        await ask(gateway, 2)

        (told,) = gateway.engine.ejected()
        assert (told["target_id"], told["state"]) == (scene.targets[0]["id"], "open")
        assert told["since"] < told["until"]
