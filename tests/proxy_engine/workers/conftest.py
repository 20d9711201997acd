"""Supervisors run on plain asyncio, as in production; their workers choose their own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.proxy_engine.builders import values
from tests.proxy_engine.support.node import Node
from tests.proxy_engine.support.sources import MemorySource
from tests.proxy_engine.support.targets import ScriptedTarget, a_response, answering


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop}


class Scene:
    """One route for every path, to one target, as a source would hold it."""

    def __init__(self, origin: ScriptedTarget) -> None:
        self.upstream = values("upstreams", name="pool.test")
        self.target = values("targets", target=origin.address, upstream={"id": self.upstream["id"]})
        self.service = values("services", host="pool.test")
        self.route = values("routes", paths=["/"], service={"id": self.service["id"]})
        self.source = MemorySource(
            ("upstreams", self.upstream),
            ("targets", self.target),
            ("services", self.service),
            ("routes", self.route),
        )


@pytest.fixture
async def origin(target) -> ScriptedTarget:
    return await target(answering(a_response(b"ok")))


@pytest.fixture
async def scene(origin) -> Scene:
    return Scene(origin)


@pytest.fixture
async def make_node(tmp_path, monkeypatch, target) -> AsyncIterator[Callable[..., Node]]:
    """Supervisors that are stopped in the end; not yet started."""
    made: list[Node] = []

    def make(source: MemorySource, **options) -> Node:
        made.append(Node(tmp_path, source, monkeypatch, **options))
        return made[-1]

    yield make
    for node in made:
        await node.abandon()
