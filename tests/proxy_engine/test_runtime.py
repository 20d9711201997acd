"""Rows that do not fit: an older release's are completed, broken ones are left out, and the rest runs."""

import pytest

from proxy_engine.engine import Engine
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import ChangeRow
from tests.proxy_engine.builders import values


@pytest.fixture
async def engine():
    import asyncio

    return Engine(EngineSettings.from_env({}), asyncio.get_running_loop())


def row(kind, entity):
    return ChangeRow(1, kind, entity["id"], entity)


async def test_a_row_without_a_newer_field_gets_its_default(engine):
    service = values("services")
    old = {name: value for name, value in service.items() if name != "retries"}
    engine.apply(1, [row("services", old)])
    assert engine.runtime.plans[service["id"]].tries == 6
    assert engine.entity_problems() == []


@pytest.mark.parametrize("others", [1, 60])  # a small batch is checked, a large one only isolated
@pytest.mark.parametrize(
    "broken",
    [{"host": None}, {"host": 5}, {"read_timeout": None, "host": ""}, {"tags": 3}],
)
async def test_a_broken_row_is_left_out_and_named(engine, broken, others):
    service, rest = values("services"), [values("services") for _ in range(others)]
    engine.apply(1, [row("services", service | broken), *(row("services", entity) for entity in rest)])
    assert set(engine.runtime.plans) >= {entity["id"] for entity in rest}
    assert service["id"] not in engine.runtime.plans
    assert service["id"] in engine.entity_problems()[0]
