"""What one worker's traffic shows holds for all of them: a supervisor with two real worker processes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from proxy_engine.net.listen import Listen
from proxy_engine.sources import HealthFact
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.node import START_S, Node
from tests.proxy_engine.support.targets import a_response, answering
from tests.proxy_engine.support.waiting import until

BAD = a_response(b"no", status=b"500 Internal Server Error")
PASSIVE = {"passive": {"unhealthy": {"http_failures": 2}}}


@pytest.fixture
async def node(make_node, scene, origin) -> Node:
    """Its target answers 500, and is out after two of them. Each worker listens on a port of its own."""
    origin.script = answering(BAD)
    checks = values("upstreams", healthchecks=PASSIVE)["healthchecks"]
    scene.source.edit("upstreams", scene.upstream | {"healthchecks": checks})
    node = make_node(scene.source)
    node.supervisor.settings = replace(node.supervisor.settings, proxy_listen=(Listen("127.0.0.1", 0),))
    return await node.start()


async def ask(node, number):
    """The status of an answer by that worker."""
    client = await node.connect(node.supervisor.workers[number].sockets[0].getsockname()[1])
    return (await client.ask(a_request("/", b"Connection: close"))).status


async def ask_until(node, number, status):
    async with asyncio.timeout(START_S):
        while await ask(node, number) != status:
            pass


async def test_a_flip_reaches_the_other_worker_and_the_control_plane(node, origin):
    assert [await ask(node, 0) for _ in range(3)] == [500, 500, 503]
    await until(lambda: node.reporter.flipped)
    await ask_until(node, 1, 503)

    assert len(origin.requests) < 4  # too few for the other worker to have found out by itself
    (flip,) = node.reporter.flipped
    assert (flip.address, flip.healthy, flip.cause) == (origin.address, False, "2 of 2 HTTP failures: 500, 500")
    assert node.supervisor.mirror.health[flip.target_id] == flip.fact


async def test_what_comes_back_from_the_control_plane(node, scene):
    await asyncio.gather(*(ask(node, number) for number in (0, 0, 1, 1)))
    await until(lambda: node.reporter.flipped)
    (flip,) = node.reporter.flipped
    scene.source.facts.append(flip.fact)
    await until(lambda: node.supervisor.mirror.health_seq == 1)

    assert [await ask(node, number) for number in (0, 1)] == [503, 503]
    assert len(node.reporter.flipped) == 1

    scene.source.facts.append(HealthFact(flip.target_id, True, "set healthy by alice", 1.0))
    for number in (0, 1):
        await ask_until(node, number, 500)


async def test_with_the_control_plane_away_the_flip_holds_and_is_told_later(node):
    node.reporter.is_away = True
    assert [await ask(node, 0) for _ in range(3)] == [500, 500, 503]
    await ask_until(node, 1, 503)
    assert not node.reporter.flipped

    node.reporter.is_away = False
    await until(lambda: node.reporter.flipped)
    assert [await ask(node, number) for number in (0, 1)] == [503, 503]


async def test_a_worker_that_starts_late_knows_of_the_flip(node):
    assert [await ask(node, 0) for _ in range(2)] == [500, 500]
    await until(lambda: node.reporter.flipped)
    pid = node.kill(1)
    await until(lambda: node.pids[1] not in (pid, None) and node.supervisor.is_ready, within=START_S)

    assert await ask(node, 1) == 503
