"""The data plane outlives the control plane: it starts without it, goes on without it, and catches up with it."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.sources import Snapshot
from proxy_engine.workers import follower, mirror
from tests.proxy_engine.support.load import under_load
from tests.proxy_engine.support.node import is_listening
from tests.proxy_engine.support.waiting import until


class TestWithoutTheControlPlane:
    @pytest.fixture
    def on_disk(self, scene, tmp_path):
        """What an engine before this one left."""
        entities = {kind: [] for kind in ("services", "routes", "upstreams", "targets")}
        for row in scene.source.rows:
            entities[row.kind].append(row.after)
        mirror.write(Snapshot(scene.source.version, entities), tmp_path)

    @pytest.mark.parametrize("how", ["is_away", "is_mute"])
    async def test_it_serves_what_is_on_disk_and_catches_up_later(self, make_node, scene, on_disk, how, monkeypatch):
        monkeypatch.setattr(follower, "FIRST_LOAD_S", 0.2)
        monkeypatch.setattr(follower, "READ_S", 0.2)
        monkeypatch.setattr(follower, "RETRY_S", 0.05)
        setattr(scene.source, how, True)
        node = await make_node(scene.source).start()
        assert (await node.ask()).body == b"ok"
        _, status = await node.status("/status")
        assert status["source"]["connected"] is False

        version = scene.source.delete("routes", scene.route)
        setattr(scene.source, how, False)
        await node.until_live(version)

        assert (await node.ask()).status == 404
        _, status = await node.status("/status")
        assert status["source"] == {"connected": True, "version": version}

    @pytest.mark.parametrize("how", ["is_away", "is_mute"])
    async def test_with_nothing_on_disk_it_waits(self, make_node, scene, how, monkeypatch):
        monkeypatch.setattr(follower, "FIRST_LOAD_S", 0.1)
        monkeypatch.setattr(follower, "RETRY_S", 0.05)
        setattr(scene.source, how, True)
        node = make_node(scene.source, workers=1)
        node.begin()
        await until(lambda: is_listening(node.status_port))
        assert (await node.status("/status/ready"))[0] == 503

        setattr(scene.source, how, False)
        await node.until_ready()

        assert (await node.ask()).body == b"ok"

    async def test_it_can_be_stopped_while_it_waits(self, make_node, scene):
        scene.source.is_mute = True
        node = make_node(scene.source, workers=1)
        node.begin()
        await until(lambda: is_listening(node.status_port))

        await asyncio.wait_for(node.stop(), 5)

    async def test_traffic_goes_on_when_it_leaves_and_edits_arrive_when_it_is_back(self, make_node, scene, monkeypatch):
        monkeypatch.setattr(follower, "RETRY_S", 0.05)
        node = await make_node(scene.source).start()

        async with under_load(node.port, clients=4) as load:
            await load.more(50)
            scene.source.is_away = node.reporter.is_away = True
            scene.source.edit("services", scene.service | {"retries": 1})
            await until(lambda: not node.supervisor.follower.is_connected)
            await load.more(50)
            scene.source.is_away = node.reporter.is_away = False
            await node.until_live(scene.source.version)
            await load.more(50)
        await until(lambda: node.reporter.last.version == scene.source.version)

    async def test_rows_that_are_gone_are_made_up_by_a_snapshot(self, make_node, scene):
        node = await make_node(scene.source).start()
        scene.source.loses_notices = True
        version = scene.source.edit("services", scene.service | {"retries": 1})
        version = scene.source.delete("routes", scene.route)
        scene.source.prune()

        await node.supervisor.follower.catch_up()
        await node.until_live(version)

        assert (await node.ask()).status == 404

    async def test_a_database_that_was_set_back_is_followed_back(self, make_node, scene):
        node = await make_node(scene.source).start()
        version = scene.source.version
        await node.until_live(scene.source.delete("routes", scene.route))
        assert (await node.ask()).status == 404

        scene.source.rows.pop()
        await node.supervisor.follower.catch_up()
        await node.until_live(version)

        assert (await node.ask()).status == 200

    async def test_a_source_that_cannot_notify_is_polled(self, make_node, scene, monkeypatch):
        async def failing():
            raise ConnectionError("no channel layer")
            yield

        monkeypatch.setattr(follower, "POLL_S", 0.05)
        monkeypatch.setattr(follower, "RETRY_S", 0.05)
        scene.source.notices = failing
        node = await make_node(scene.source, workers=1).start()

        await node.until_live(scene.source.delete("routes", scene.route))

        assert not node.running.done()
