"""``/api/config/versions``: the head, and "does every live engine run this version?"."""

import asyncio
import threading
import uuid
from datetime import timedelta

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from channels.layers import get_channel_layer
from django.test import AsyncClient
from django.utils import timezone

from gateway_admin.catalog.api import versions
from gateway_admin.monitoring.models import EngineNode
from tests.gateway_admin.builders import a_service, a_token, a_user, in_thread

pytestmark = pytest.mark.django_db(transaction=True)
WAIT_S = 20


def an_engine(version, *, seen_s_ago=0.0, name="edge-1"):
    now = timezone.now()
    return EngineNode.objects.create(
        node_id=uuid.uuid4(),
        name=name,
        pid=1,
        version=version,
        workers=[],
        problems=[],
        started_at=now,
        seen_at=now - timedelta(seconds=seen_s_ago),
    )


@pytest.fixture
def get(transactional_db):
    token = a_token(a_user())

    async def get(path):
        return await AsyncClient().get(path, headers={"Authorization": f"Bearer {token}"})

    return get


async def test_the_head_is_the_version_of_the_newest_change(get):
    await in_thread(a_service)

    assert (await get("/api/config/versions")).json()["data"] == {"version": 1}


async def test_a_version_is_live_when_every_live_engine_runs_it(get):
    first, second = await in_thread(lambda: (an_engine(5, name="a"), an_engine(3, name="b")))
    await in_thread(an_engine, 1, seen_s_ago=60, name="lost")

    old, new = (await get("/api/config/versions/3")).json(), (await get("/api/config/versions/4/")).json()

    assert (old["data"]["version"], old["data"]["live"], new["data"]["live"]) == (3, True, False)
    assert new["data"]["engines"] == [
        {"nodeId": str(first.node_id), "name": "a", "version": 5},
        {"nodeId": str(second.node_id), "name": "b", "version": 3},
    ]


async def test_without_an_engine_nothing_is_live(get):
    data = (await get("/api/config/versions/0?wait=0.05")).json()["data"]

    assert data == {"version": 0, "live": False, "engines": []}


async def test_waiting_ends_as_soon_as_the_engine_reports(get, monkeypatch):
    monkeypatch.setattr(versions, "LOOK_AGAIN_S", WAIT_S)
    engine = await in_thread(an_engine, 1)
    waiting = asyncio.create_task(get("/api/config/versions/2?wait=60"))
    while not waiting.done():
        await EngineNode.objects.filter(pk=engine.pk).aupdate(version=2)
        await get_channel_layer().group_send("engines", {"type": "engines.changed"})
        await asyncio.wait([waiting], timeout=0.05)

    assert (await waiting).json()["data"]["live"] is True


async def test_waiting_ends_without_notices_as_well(get, monkeypatch):
    class AwayLayer:
        async def new_channel(self):
            raise ConnectionRefusedError("no Redis")

    monkeypatch.setattr(versions, "get_channel_layer", AwayLayer)
    monkeypatch.setattr(versions, "LOOK_AGAIN_S", 0.02)
    engine = await in_thread(an_engine, 1)
    waiting = asyncio.create_task(get("/api/config/versions/2?wait=60"))
    await asyncio.wait([waiting], timeout=0.1)
    await EngineNode.objects.filter(pk=engine.pk).aupdate(version=2)

    assert (await asyncio.wait_for(waiting, WAIT_S)).json()["data"]["live"] is True


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "nan", "inf", ""])
async def test_a_wait_out_of_range_is_refused(get, wait):
    refused = await get(f"/api/config/versions/1?wait={wait}")

    assert refused.status_code == 400
    assert refused.json()["error"]["details"][0]["field"] == "wait"


async def test_an_unknown_parameter_is_refused_by_name(get):
    refused = await get("/api/config/versions/1?wiat=5")

    assert refused.status_code == 400
    assert refused.json()["error"]["details"] == [{"field": "wiat", "message": "unknown query parameter"}]


@pytest.mark.parametrize("version", ["x", "-1", "1.5"])
async def test_what_is_no_version_is_not_found(get, version):
    assert (await get(f"/api/config/versions/{version}")).status_code == 404


async def test_a_version_beyond_every_number_is_not_live(get):
    assert (await get("/api/config/versions/" + "9" * 30)).json()["data"]["live"] is False


async def test_who_waits_gives_back_the_thread_of_the_request():
    async with ThreadSensitiveContext():
        thread = await sync_to_async(threading.current_thread)()
        await versions._let_go_of_thread()
        await asyncio.to_thread(thread.join, WAIT_S)

        assert not thread.is_alive()
        assert await sync_to_async(threading.current_thread)() is not thread  # and a later call gets a new one
