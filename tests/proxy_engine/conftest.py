"""Engine tests run on the loop that production uses and on the one it falls back to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

from tests.proxy_engine.support.gateway import Gateway
from tests.proxy_engine.support.targets import Script, ScriptedTarget


def pytest_asyncio_loop_factories(config, item):
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def target() -> AsyncIterator[Callable[[Script], Awaitable[ScriptedTarget]]]:
    """Starts a scripted target: ``first = await target(answering(b"…"))``."""
    started: list[ScriptedTarget] = []

    async def start(script: Script, **options: int) -> ScriptedTarget:
        started.append(await ScriptedTarget(script).start(**options))
        return started[-1]

    yield start
    for each in started:
        await each.stop()


@pytest.fixture
async def gateway(tmp_path, target) -> AsyncIterator[Gateway]:
    """An engine with the usual limits. It must be left without anything in flight."""
    gateway = await Gateway(tmp_path).start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def make_gateway(tmp_path, target) -> AsyncIterator[Callable[..., Awaitable[Gateway]]]:
    """Engines with limits (``Limits``' fields by name) or environment of the test's choice."""
    made: list[Gateway] = []

    async def make(**options) -> Gateway:
        made.append(await Gateway(tmp_path, **options).start())
        return made[-1]

    yield make
    for each in made:
        await each.stop()
