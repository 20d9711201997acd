"""The supervisor with real workers: configuration out, reports in, deaths, stops, and a control plane that is away."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest

from proxy_engine.settings import EngineSettings
from proxy_engine.workers import follower, mirror, process, supervisor
from proxy_engine.workers.supervisor import serve
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.node import is_listening
from tests.proxy_engine.support.sources import MemoryReporter, MemorySource
from tests.proxy_engine.support.targets import a_response, answering, silent
from tests.proxy_engine.support.waiting import until


class TestConfiguration:
    async def test_all_workers_serve_it(self, make_node, scene):
        node = await make_node(scene.source).start()

        for _ in range(10):
            assert (await node.ask()).body == b"ok"
        assert node.supervisor.version == scene.source.version

    async def test_an_edit_reaches_all_workers_and_is_reported(self, make_node, scene):
        node = await make_node(scene.source).start()

        version = scene.source.delete("routes", scene.route)
        await node.until_live(version)

        for _ in range(10):
            assert (await node.ask()).status == 404
        await until(lambda: node.reporter.last.version == version)
        assert [worker.version for worker in node.reporter.last.workers] == [version, version]

    async def test_a_burst_of_edits_arrives_whole(self, make_node, scene):
        node = await make_node(scene.source).start()

        for n in range(200):
            version = scene.source.edit("services", scene.service | {"retries": n % 10})
        await node.until_live(version)

        _, config = await node.status("/config")
        assert config["version"] == version
        assert config["entities"] == {"services": 1, "routes": 1, "upstreams": 1, "targets": 1}

    async def test_a_lost_notice_costs_a_moment(self, make_node, scene, monkeypatch):
        monkeypatch.setattr(follower, "POLL_S", 0.05)
        scene.source.loses_notices = True
        node = await make_node(scene.source, workers=1).start()

        await node.until_live(scene.source.delete("routes", scene.route))

    async def test_health_reaches_all_workers(self, make_node, scene):
        node = await make_node(scene.source).start()
        scene.source.find(scene.target, healthy=False)

        async def what_workers_know() -> list[bool]:
            _, config = await node.status("/config")
            return [worker["targets"][scene.target["id"]]["healthy"] for worker in config["workers"]]

        async def nobody_trusts_it() -> bool:
            return not any(await what_workers_know())

        async def everybody_trusts_it() -> bool:
            return all(await what_workers_know())

        await until(nobody_trusts_it)
        assert (await node.ask()).status == 503
        scene.source.find(scene.target, healthy=True)
        await until(everybody_trusts_it)
        assert (await node.ask()).status == 200

    async def test_a_row_that_cannot_be_read_is_reported_and_the_rest_runs(self, make_node, scene):
        node = await make_node(scene.source).start()

        version = scene.source.edit("services", values("services") | {"host": None})
        await node.until_live(version)

        assert (await node.ask()).status == 200
        await until(lambda: node.reporter.last.problems)


class TestADeadWorker:
    async def test_it_is_replaced_and_the_others_go_on(self, make_node, scene):
        node = await make_node(scene.source).start()
        before = node.pids

        dead = node.kill(0)

        await until(lambda: node.supervisor.is_ready and dead not in node.pids, within=20)
        assert node.pids[1] == before[1]
        for _ in range(10):
            assert (await node.ask()).body == b"ok"
        _, status = await node.status("/status")
        assert [worker["starts"] for worker in status["workers"]] == [2, 1]

    async def test_new_connections_wait_for_its_successor(self, make_node, scene):
        """Its listening socket is the supervisor's: what stands in its queue is served, not reset."""
        node = await make_node(scene.source, workers=1).start()

        dead = node.kill(0)
        await until(lambda: not node.supervisor.workers[0].is_serving)
        answers = await asyncio.gather(*(node.ask() for _ in range(20)))

        assert {answer.status for answer in answers} == {200}
        assert dead not in node.pids

    async def test_its_successor_has_the_edits_made_meanwhile(self, make_node, scene):
        node = await make_node(scene.source, workers=1).start()

        node.kill(0)
        for n in range(50):
            version = scene.source.edit("services", scene.service | {"retries": n % 10})
            await asyncio.sleep(0.005)
        await node.until_live(version)

        version = scene.source.delete("routes", scene.route)
        await node.until_live(version)
        assert (await node.ask()).status == 404

    async def test_kept_connections_to_the_others_do_not_notice(self, make_node, scene):
        node = await make_node(scene.source).start()
        clients = [await node.connect() for _ in range(16)]
        for client in clients:
            await client.ask(a_request())

        node.kill(0)
        await until(lambda: not node.supervisor.workers[0].is_serving)

        served = 0
        for client in clients:
            try:
                served += (await client.ask(a_request())).status == 200
            except Exception:  # noqa: BLE001 - of the killed one
                continue
        assert served > 0

    async def test_it_is_out_of_the_version_until_it_serves_again(self, make_node, scene):
        node = await make_node(scene.source).start()
        node.kill(0)
        await until(lambda: not node.supervisor.is_ready)
        status, _ = await node.status("/status/ready")
        assert status == 503

        assert node.supervisor.version == scene.source.version
        await node.until_ready()


class TestAStart:
    async def test_that_fails_is_tried_again(self, make_node, scene, monkeypatch):
        start, failures = asyncio.create_subprocess_exec, [OSError(11, "no more processes")] * 2

        async def failing(*args, **options):
            if failures:
                raise failures.pop()
            return await start(*args, **options)

        monkeypatch.setattr(process.asyncio, "create_subprocess_exec", failing)

        node = await make_node(scene.source, workers=1).start()

        assert (await node.ask()).status == 200

    async def test_an_edit_while_a_worker_starts_is_not_lost(self, make_node, scene, monkeypatch):
        start = asyncio.create_subprocess_exec
        node = make_node(scene.source, workers=1)

        async def with_an_edit(*args, **options):
            started = await start(*args, **options)
            scene.source.delete("routes", scene.route)
            await node.supervisor.follower.catch_up()
            return started

        monkeypatch.setattr(process.asyncio, "create_subprocess_exec", with_an_edit)

        await node.start()

        assert node.supervisor.version == scene.source.version
        assert (await node.ask()).status == 404

    async def test_a_stop_while_a_worker_starts_does_not_wait_for_the_drain_time(self, make_node, scene, monkeypatch):
        start = asyncio.create_subprocess_exec
        node = make_node(scene.source, workers=1, drain_s=60)

        async def with_a_stop(*args, **options):
            started = await start(*args, **options)
            node.supervisor.stopping.set()
            await asyncio.sleep(0.01)
            return started

        monkeypatch.setattr(process.asyncio, "create_subprocess_exec", with_a_stop)
        node.begin()

        await asyncio.wait_for(node.running, 20)

    async def test_an_address_that_is_taken_ends_it_with_a_clear_word(self, tmp_path, caplog):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            settings = EngineSettings.from_env({"GATEWAY_PROXY_LISTEN": address, "GATEWAY_DATA_DIR": str(tmp_path)})

            assert await serve(settings, MemorySource(), MemoryReporter()) == 1
        assert f"cannot listen on {address}" in caplog.text


class TestAStop:
    async def test_answers_under_way_are_finished(self, make_node, scene, origin):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            await visit.request()
            await go_on.wait()
            await visit.send(a_response(b"late"))

        origin.script = on_its_word
        node = await make_node(scene.source).start()
        clients = [await node.connect() for _ in range(6)]
        for client in clients:
            client.send(a_request())
        await until(lambda: len(origin.requests) == 6)
        node.supervisor.stopping.set()
        await until(lambda: not is_listening(node.port))  # so the workers know
        go_on.set()

        for client in clients:
            response = await client.response()
            assert (response.body, response.field(b"connection")) == (b"late", b"close")
        await node.stop()
        assert node.reporter.gone == [node.supervisor.node_id]

    async def test_no_process_is_left(self, make_node, scene):
        node = await make_node(scene.source).start()
        pids = node.pids

        await node.stop()

        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    async def test_a_worker_that_does_not_finish_is_killed(self, make_node, scene, monkeypatch):
        monkeypatch.setattr(supervisor, "KILL_AFTER_S", 0.2)
        node = await make_node(scene.source, workers=1, drain_s=0).start()
        os.kill(node.pids[0], signal.SIGSTOP)

        await asyncio.wait_for(node.stop(), 10)

    async def test_what_was_not_yet_on_disk_is_saved(self, make_node, scene, tmp_path, monkeypatch):
        monkeypatch.setattr(supervisor, "SAVE_S", 3600.0)
        node = await make_node(scene.source, workers=1).start()
        version = scene.source.delete("routes", scene.route)
        await node.until_live(version)

        await node.stop()

        assert mirror.read(tmp_path).version == version

    async def test_sigterm_to_a_worker_drains_it_and_brings_another(self, make_node, scene, origin):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            await visit.request()
            await go_on.wait()
            await visit.send(a_response(b"late"))

        origin.script = on_its_word
        node = await make_node(scene.source, workers=1).start()
        client = await node.connect()
        client.send(a_request())
        await until(lambda: origin.requests)

        drained = node.pids[0]
        os.kill(drained, signal.SIGTERM)
        go_on.set()

        assert (await client.response()).body == b"late"
        await until(lambda: node.supervisor.is_ready and drained not in node.pids, within=20)
        assert (await node.ask()).status == 200

    async def test_while_it_finishes_another_serves_all_new_clients(self, make_node, scene, origin):
        """A listening socket from which nobody accepts would have a part of them wait for the whole drain time."""
        node = await make_node(scene.source, workers=1).start()
        idle, leaving = await node.connect(), node.pids[0]
        origin.script = silent
        idle.send(a_request())
        await until(lambda: len(origin.requests) == 1)
        origin.script = answering(a_response(b"ok"))

        os.kill(leaving, signal.SIGTERM)
        while leaving in node.pids or not node.supervisor.is_ready:
            assert (await node.ask()).status == 200
        assert (await node.ask()).status == 200

        os.kill(leaving, 0)  # it is still there: its client waits
        idle.reset()
        await until(lambda: not is_running(leaving))

    async def test_one_that_leaves_is_waited_for_at_the_end(self, make_node, scene, origin):
        node = await make_node(scene.source, workers=1, drain_s=1).start()
        client, leaving = await node.connect(), node.pids[0]
        origin.script = silent
        client.send(a_request())
        await until(lambda: origin.requests)
        os.kill(leaving, signal.SIGTERM)
        await until(lambda: node.supervisor.is_ready and leaving not in node.pids, within=20)

        await node.stop()

        assert not is_running(leaving)

    async def test_a_worker_that_hangs_is_replaced(self, make_node, scene, monkeypatch):
        monkeypatch.setattr(process, "WATCH_S", 0.5)
        monkeypatch.setattr(process, "MOST_SILENT", 10)
        node = await make_node(scene.source, workers=1).start()
        hanging = node.pids[0]
        os.kill(hanging, signal.SIGSTOP)

        await until(lambda: node.supervisor.is_ready and hanging not in node.pids, within=30)

        assert (await node.ask()).status == 200
        assert not is_running(hanging)

    async def test_one_that_has_nothing_to_do_is_not(self, make_node, scene, monkeypatch):
        monkeypatch.setattr(process, "WATCH_S", 0.1)
        node = await make_node(scene.source, workers=1).start()
        before = node.pids

        worker, highest = node.supervisor.workers[0], []
        for _ in range(3):  # reports
            await until(lambda: worker._silence > 1)
            highest.append(worker._silence)
            await until(lambda: worker._silence <= 1)

        assert max(highest) < process.MOST_SILENT
        assert node.pids == before


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
