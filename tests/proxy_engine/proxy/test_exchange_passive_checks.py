"""Real traffic judges targets: what clients meet is counted, and takes targets out and back in."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.health import Health
from proxy_engine.sources import HealthFact, HealthFlip
from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import a_response, answering, resetting, silent
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

OK = a_response(b"ok")
BAD = a_response(b"no", status=b"500 Internal Server Error")
MISSING = a_response(b"no", status=b"404 Not Found")


def passive(*, successes=0, **failures):
    return {"passive": {"healthy": {"successes": successes}, "unhealthy": failures}}


@pytest.fixture
def flips(gateway) -> list[HealthFlip]:
    """What the engine would tell its supervisor."""
    told: list[HealthFlip] = []
    gateway.engine.on_flip = told.append
    return told


@pytest.fixture
def serve(gateway):
    """The usual scene, with passive checks."""

    def serve(*targets, checks, **service):
        scene = gateway.serve(*targets, **service)
        edit(scene, checks)
        return scene

    return serve


def edit(scene, checks):
    healthchecks = scene.upstream["healthchecks"]
    given = checks.get("passive", {})
    merged = {side: healthchecks["passive"][side] | given.get(side, {}) for side in ("healthy", "unhealthy")}
    scene.upstream = scene.upstream | {"healthchecks": healthchecks | {"passive": healthchecks["passive"] | merged}}
    scene.gateway.apply(("upstreams", scene.upstream))


async def ask(gateway, times):
    return [(await gateway.ask()).status for _ in range(times)]


class TestTakingOut:
    async def test_three_answers_of_500(self, gateway, target, serve, flips):
        scene = serve(await target(answering(BAD)), checks=passive(http_failures=3))

        assert await ask(gateway, 4) == [500, 500, 500, 503]
        assert not scene.state().healthy
        (flip,) = flips
        assert (flip.target_id, flip.upstream_id) == (scene.targets[0]["id"], scene.upstream["id"])
        assert (flip.address, flip.healthy) == (scene.targets[0]["target"], False)
        assert flip.cause == "3 of 3 HTTP failures: 500, 500, 500"

    async def test_the_others_take_over(self, gateway, target, serve):
        bad, good = await target(answering(BAD)), await target(answering(OK))
        serve(bad, good, checks=passive(http_failures=3))

        statuses = await ask(gateway, 20)
        assert statuses.count(500) == len(bad.requests) == 3

    async def test_refused_connections_also_of_the_last_try(self, gateway, serve, flips):
        scene = serve(f"127.0.0.1:{free_port()}", checks=passive(tcp_failures=2), retries=0)

        assert await ask(gateway, 3) == [502, 502, 503]
        assert not scene.state().healthy
        assert flips[0].cause == "2 of 2 TCP failures: connection refused, connection refused"

    async def test_an_attempt_that_was_made_up_for_counts_too(self, gateway, target, serve):
        scene = serve(f"127.0.0.1:{free_port()}", await target(answering(OK)), checks=passive(tcp_failures=1))

        assert await ask(gateway, 4) == [200] * 4
        assert [scene.state(number).healthy for number in (0, 1)] == [False, True]

    async def test_resets(self, gateway, target, serve):
        scene = serve(await target(resetting), checks=passive(tcp_failures=2), retries=0)

        assert await ask(gateway, 3) == [502, 502, 503]
        assert not scene.state().healthy

    async def test_answers_that_are_no_http(self, gateway, target, serve):
        scene = serve(await target(answering(b"SSH-2.0-OpenSSH\r\n\r\n")), checks=passive(tcp_failures=1))

        assert await ask(gateway, 1) == [502]
        assert not scene.state().healthy

    async def test_answers_that_break_off(self, gateway, target, serve):
        async def half(visit):
            await visit.request()
            await visit.send(a_response(b"half", length=9))
            visit.close()

        scene = serve(await target(half), checks=passive(tcp_failures=1))
        with pytest.raises(Cut):
            await gateway.ask()
        assert not scene.state().healthy

    async def test_timeouts(self, gateway, target, serve, flips):
        mute = await target(silent)
        scene = serve(mute, checks=passive(timeouts=1), read_timeout=1500)
        asking = asyncio.create_task(gateway.ask())
        await until(lambda: mute.requests)
        gateway.pass_time(2)

        assert (await asking).status == 504
        assert not scene.state().healthy
        assert flips[0].cause == "1 of 1 timeout: timeout after 1.5 s"


class TestStayingIn:
    async def test_a_success_between_ends_the_count(self, gateway, target, serve, flips):
        scene = serve(await target(answering(BAD, BAD, OK, BAD, BAD, OK)), checks=passive(http_failures=3, successes=1))

        assert await ask(gateway, 6) == [500, 500, 200, 500, 500, 200]
        assert scene.state().healthy
        assert not flips

    async def test_statuses_of_no_list_say_nothing(self, gateway, target, serve):
        scene = serve(await target(answering(MISSING)), checks=passive(http_failures=1))
        assert await ask(gateway, 3) == [404] * 3
        assert scene.state().healthy

    async def test_without_passive_checks_nothing_is_counted(self, gateway, target):
        scene = gateway.serve(await target(answering(BAD)))
        assert await ask(gateway, 4) == [500] * 4
        assert scene.state().counters.health is Health.HEALTHY

    async def test_a_client_that_leaves_is_not_the_targets_fault(self, gateway, target, serve):
        mute = await target(silent)
        scene = serve(mute, checks=passive(tcp_failures=1, timeouts=1, http_failures=1))
        client = await gateway.connect()
        client.send(a_request())
        await until(lambda: mute.requests)
        client.reset()
        await until(gateway.is_at_rest)
        assert scene.state().healthy


class TestComingBack:
    async def test_answers_under_way_bring_it_back(self, gateway, target, serve, flips):
        """No new work goes to it; but two requests it was given before come out well."""
        held = asyncio.Event()

        async def well_in_the_end(visit):
            request = await visit.request()
            if b"/slow" in request.line:
                await held.wait()
                await visit.send(OK)
            else:
                await visit.send(BAD)

        slow = await target(well_in_the_end)
        scene = serve(slow, checks=passive(http_failures=1, successes=2))
        asking = [asyncio.create_task(gateway.ask("/slow")) for _ in range(2)]
        await until(lambda: len(slow.requests) == 2)
        assert await ask(gateway, 2) == [500, 503]
        held.set()

        assert [(await each).status for each in asking] == [200, 200]
        assert scene.state().healthy
        assert [flip.healthy for flip in flips] == [False, True]
        assert flips[1].cause == "2 of 2 successes: 200, 200"

    async def test_a_persons_word_starts_the_count_anew(self, gateway, target, serve, flips):
        scene = serve(await target(answering(BAD)), checks=passive(http_failures=2))
        await ask(gateway, 2)
        gateway.engine.set_health([HealthFact(scene.targets[0]["id"], True, "set healthy by alice", 9.0)])

        assert scene.state().healthy
        assert await ask(gateway, 3) == [500, 500, 503]
        assert len(flips) == 2

    async def test_the_echo_of_a_flip_changes_nothing(self, gateway, target, serve, flips):
        scene = serve(await target(answering(BAD)), checks=passive(http_failures=1, successes=2))
        await ask(gateway, 1)
        plan = gateway.engine.runtime.plans[scene.service["id"]]
        plan.judge.answered(scene.state(), 200)  # of a request that was under way
        gateway.engine.set_health([flips[0].fact])

        assert scene.state().counters.health is Health.MOSTLY_UNHEALTHY
        assert len(flips) == 1


class TestEdits:
    async def test_other_limits_start_the_count_anew(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), checks=passive(http_failures=3))
        await ask(gateway, 2)
        edit(scene, passive(http_failures=2))

        assert await ask(gateway, 3) == [500, 500, 503]

    async def test_an_edit_of_something_else_does_not(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), checks=passive(http_failures=3))
        await ask(gateway, 2)
        scene.upstream = scene.upstream | {"tags": ["a"]}
        gateway.apply(("upstreams", scene.upstream))

        assert await ask(gateway, 2) == [500, 503]

    async def test_switched_off_they_count_no_more(self, gateway, target, serve):
        scene = serve(await target(answering(BAD)), checks=passive(http_failures=3))
        await ask(gateway, 2)
        edit(scene, passive(http_failures=0))

        assert await ask(gateway, 3) == [500] * 3

    async def test_a_deleted_target_cannot_flip(self, gateway, target, serve, flips):
        held = asyncio.Event()

        async def late(visit):
            await visit.request()
            await held.wait()
            await visit.send(BAD)

        slow = await target(late)
        scene = serve(slow, checks=passive(http_failures=1))
        asking = asyncio.create_task(gateway.ask())
        await until(lambda: slow.requests)
        gateway.delete("targets", scene.targets[0])
        held.set()

        assert (await asking).status == 500
        assert not flips
