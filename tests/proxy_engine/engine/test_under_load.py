"""Edits and deaths while requests run: none of them may fail."""

from __future__ import annotations

import asyncio
import random

import pytest

from proxy_engine.sources import HealthFact
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.load import under_load
from tests.proxy_engine.support.targets import a_response, answering
from tests.proxy_engine.support.waiting import until

OK = answering(a_response(b"ok"))


class Editor:
    """Makes one change after the other, of every kind; something is always left to serve."""

    def __init__(self, gateway, scene, addresses: list[str], seed: int) -> None:
        self.gateway = gateway
        self.scene = scene
        self.addresses = addresses
        self.chance = random.Random(seed)
        self.targets = list(scene.targets)
        self.routes: list[dict] = []

    def edit(self) -> None:
        self.chance.choice(self.EDITS)(self)

    def weight(self) -> None:
        at = self.chance.randrange(len(self.targets))
        self.targets[at] = self.targets[at] | {"weight": self.chance.choice((1, 3, 100))}
        self.gateway.apply(("targets", self.targets[at]))

    def add_target(self) -> None:
        address = self.chance.choice(self.addresses)
        self.targets.append(values("targets", target=address, upstream=self.scene.upstream_link))
        self.gateway.apply(("targets", self.targets[-1]))

    def remove_target(self) -> None:
        if len(self.targets) > 1:
            self.gateway.delete("targets", self.targets.pop(self.chance.randrange(len(self.targets))))

    def move_target(self) -> None:
        at = self.chance.randrange(len(self.targets))
        self.targets[at] = self.targets[at] | {"target": self.chance.choice(self.addresses)}
        self.gateway.apply(("targets", self.targets[at]))

    def algorithm(self) -> None:
        name = self.chance.choice(("round-robin", "least-connections", "latency", "random", "power-of-two"))
        self.scene.upstream |= {"algorithm": name}
        self.gateway.apply(("upstreams", self.scene.upstream))

    def service(self) -> None:
        change = {"retries": self.chance.randrange(1, 6), "path": self.chance.choice((None, "/base"))}
        self.gateway.apply(("services", self.scene.service | change))

    def add_route(self) -> None:
        link = {"id": self.scene.service["id"]}
        self.routes.append(values("routes", paths=[f"/{self.chance.randrange(8)}"], service=link))
        self.gateway.apply(("routes", self.routes[-1]))

    def remove_route(self) -> None:
        if self.routes:
            self.gateway.delete("routes", self.routes.pop())

    def everything_anew(self) -> None:
        targets = [("targets", target) for target in self.targets]
        routes = [("routes", route) for route in (self.scene.route, *self.routes)]
        self.gateway.load(("upstreams", self.scene.upstream), *targets, ("services", self.scene.service), *routes)

    EDITS = (
        *[weight, add_target, remove_target, move_target, algorithm, service, add_route, remove_route] * 4,
        everything_anew,
    )


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_thousand_edits(gateway, target, seed):
    origins = [await target(OK) for _ in range(3)]
    scene = gateway.serve(*origins)
    editor = Editor(gateway, scene, [origin.address for origin in origins], seed)

    async with under_load(gateway.port) as load:
        for n in range(1000):
            editor.edit()
            if n % 4 == 0:
                await load.more(1)

    assert gateway.engine.counters.failed_attempts == 0
    assert load.right > 250


@pytest.mark.parametrize("connections", [1, 16])
async def test_the_death_of_a_target(gateway, target, connections):
    first, second = await target(OK), await target(OK)
    gateway.serve(first, second)

    async with under_load(gateway.port, clients=connections) as load:
        await load.more(50)
        first.die()
        await load.more(200)

    assert len(second.requests) > 150


async def test_the_death_of_a_target_with_requests_in_its_hands(gateway, target):
    held = asyncio.Event()

    async def holding(visit):
        await visit.request()
        await held.wait()

    first, second = await target(holding), await target(OK)
    gateway.serve(first, second)

    async with under_load(gateway.port) as load:
        await until(lambda: len(first.requests) == 8)
        first.die()
        await load.more(100)


async def test_a_target_that_comes_and_goes(gateway, target):
    first, second = await target(OK), await target(OK)
    scene = gateway.serve(first, second)
    id = scene.targets[0]["id"]

    async with under_load(gateway.port) as load:
        for n in range(40):
            gateway.engine.set_health([HealthFact(id, n % 2 == 1, "check", float(n))])
            await load.more(10)
            if n % 10 == 5:
                for visit in list(first.visits):
                    visit.reset()

    assert first.requests
    assert second.requests


async def test_targets_that_close_their_connections_after_each_answer(gateway, target):
    """Without saying so: every second use of a connection finds it closed."""

    async def once(visit):
        await visit.request()
        await visit.send(a_response(b"ok"))
        visit.close()

    gateway.serve(await target(once), await target(once))

    async with under_load(gateway.port) as load:
        await load.more(300)
