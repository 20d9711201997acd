"""A worker in the test's own event loop, with the test as its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy_engine.settings import EngineSettings
from proxy_engine.sources import ChangeRow, HealthFact
from proxy_engine.workers import link, worker
from proxy_engine.workers.status import Inquiry, StatusListener
from proxy_engine.workers.worker import Worker
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import RawClient, a_request
from tests.proxy_engine.support.targets import a_listener, a_response
from tests.proxy_engine.support.waiting import until


class Command:
    """The supervisor's end of a worker."""

    def __init__(self, settings: EngineSettings) -> None:
        self.loop = asyncio.get_running_loop()
        self.listener = a_listener(None)
        self.listener.listen(100)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.worker = Worker(settings, [self.listener], self.loop, 0.0)
        self.frames: list[dict[str, Any]] = []
        self.link = link.Link(self.frames.append, lambda: None)
        self.running: asyncio.Task | None = None

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        await self.loop.create_connection(lambda: self.link, sock=ours)
        self.running = asyncio.create_task(self.worker.run(theirs))

    async def configure(self, source) -> None:
        self.link.send(link.snapshot_frame(await source.load()))
        await self.said("ready")

    async def said(self, word: str) -> dict[str, Any]:
        """The newest frame of that kind."""
        await until(lambda: any(frame["t"] == word for frame in self.frames))
        return next(frame for frame in reversed(self.frames) if frame["t"] == word)

    async def connect(self) -> RawClient:
        return await RawClient.connect(self.port)

    async def ask(self) -> int:
        client = await self.connect()
        return (await client.ask(a_request("/", b"Connection: close"))).status


@pytest.fixture
async def command(tmp_path) -> AsyncIterator[Command]:
    env = {"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_DRAIN_SECONDS": "5"}
    command = Command(EngineSettings.from_env(env))
    await command.start()
    yield command
    command.worker.stopping.set()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(command.running, 10)
    command.link.transport.abort()


async def test_clients_that_come_before_the_configuration_wait_for_it(command, scene):
    client = await command.connect()
    client.send(a_request())
    assert not any(frame["t"] == "ready" for frame in command.frames)

    await command.configure(scene.source)

    assert (await client.response()).body == b"ok"


async def test_it_says_which_version_it_has(command, scene):
    await command.configure(scene.source)
    assert (await command.said("ready"))["version"] == scene.source.version

    command.link.send(link.changes_frame(9, [ChangeRow(9, "routes", scene.route["id"], None)]))
    await until(lambda: command.frames[-1].get("version") == 9)

    assert command.frames[-1]["t"] == "applied"
    assert await command.ask() == 404


async def test_it_takes_health(command, scene):
    await command.configure(scene.source)

    command.link.send(link.health_frame([HealthFact(scene.target["id"], False, "said so", 1.0)]))
    command.link.send(link.encode({"t": "inspect", "id": 7}))
    said = await command.said("inspected")

    assert (said["id"], said["targets"][scene.target["id"]]["healthy"]) == (7, False)
    assert await command.ask() == 503


async def test_it_reports(command, scene):
    await command.configure(scene.source)
    client = await command.connect()
    await client.ask(a_request())

    command.worker._report()
    report = await command.said("report")

    assert (report["requests"], report["connections"], report["active"]) == (1, 1, 0)
    assert (report["failed_attempts"], report["cut_responses"], report["own_answers"]) == (0, 0, {})
    assert (report["retries"], report["budget_refusals"]) == ({}, 0)


async def test_what_it_sees_of_many_targets_comes_in_parts(command, scene, monkeypatch):
    monkeypatch.setattr(worker, "INSPECTED_AT_ONCE", 2)
    pool = {"id": scene.upstream["id"]}
    others = [values("targets", target=f"10.0.0.{number}:80", upstream=pool) for number in range(4)]
    for other in others:
        scene.source.edit("targets", other)
    await command.configure(scene.source)

    inquiry, status = Inquiry({1}), StatusListener(None)
    status._asked[7] = inquiry
    command.link.send(link.encode({"t": "inspect", "id": 7}))
    await until(lambda: any(frame.get("is_last") for frame in command.frames))
    parts = [frame for frame in command.frames if frame["t"] == "inspected"]
    assert [len(part["targets"]) for part in parts] == [2, 2, 1]

    for part in parts:
        assert not inquiry.complete.is_set()
        status.inspected(1, part)
    assert inquiry.complete.is_set()
    assert inquiry.answers[1].keys() == {scene.target["id"], *(other["id"] for other in others)}


async def test_reports_do_not_pile_up_for_a_supervisor_that_stands_still(command, scene, monkeypatch):
    monkeypatch.setattr(worker, "REPORT_S", 0.0)
    await command.configure(scene.source)
    ours, theirs = command.link.transport, command.worker.link.transport
    await command.said("report")
    ours.pause_reading()
    await until(theirs.get_write_buffer_size, within=60)
    waiting = theirs.get_write_buffer_size()

    for _ in range(200):
        await asyncio.sleep(0)
        command.worker._report()

    assert theirs.get_write_buffer_size() == waiting
    ours.resume_reading()


async def test_a_whole_configuration_replaces_the_one_before(command, scene):
    await command.configure(scene.source)
    scene.source.delete("routes", scene.route)

    command.link.send(link.snapshot_frame(await scene.source.load()))
    await until(lambda: command.frames[-1].get("version") == scene.source.version)

    assert await command.ask() == 404


class TestDrain:
    async def test_it_finishes_and_ends(self, command, scene, origin):
        go_on = asyncio.Event()

        async def on_its_word(visit):
            await visit.request()
            await go_on.wait()
            await visit.send(a_response(b"late"))

        origin.script = on_its_word
        await command.configure(scene.source)
        client, idle = await command.connect(), await command.connect()
        client.send(a_request())
        await until(lambda: origin.requests)
        command.link.send(link.encode({"t": "drain"}))
        await until(lambda: command.worker.engine.is_draining)
        go_on.set()

        assert (await client.response()).body == b"late"
        assert await idle.rest() == b""
        await asyncio.wait_for(command.running, 5)

    async def test_a_client_in_the_kernels_queue_is_served(self, command, scene):
        await command.configure(scene.source)
        waiting = [socket.create_connection(("127.0.0.1", command.port)) for _ in range(5)]  # not yet accepted
        for sock in waiting:
            sock.sendall(a_request())
            sock.setblocking(False)
        command.worker.stopping.set()

        for sock in waiting:
            reader, writer = await asyncio.open_connection(sock=sock)
            assert (await RawClient(reader, writer).response()).body == b"ok"
            writer.close()
        await asyncio.wait_for(command.running, 5)

    async def test_one_that_never_got_a_configuration_ends_at_once(self, command):
        command.link.send(link.encode({"t": "drain"}))

        await asyncio.wait_for(command.running, 5)


class TestAnOrphan:
    async def test_it_goes_on_serving_for_a_while(self, command, scene):
        await command.configure(scene.source)

        command.link.transport.abort()
        await until(command.worker.link.transport.is_closing)

        assert await command.ask() == 200
        assert not command.running.done()

    async def test_then_it_ends(self, command, scene, monkeypatch):
        monkeypatch.setattr(worker, "ORPHAN_S", 0.0)
        await command.configure(scene.source)
        client = await command.connect()
        await client.ask(a_request())

        command.link.transport.abort()

        assert await client.rest() == b""
        await asyncio.wait_for(command.running, 5)
