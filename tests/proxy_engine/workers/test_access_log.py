"""The access log of a whole node: several workers, one file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

from tests.proxy_engine.support.waiting import until


def entries(path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def test_workers_share_a_file_and_nothing_is_lost_at_their_end(make_node, scene, tmp_path):
    node = await make_node(scene.source).start()
    await asyncio.gather(*(node.ask(f"/{number}") for number in range(40)))
    await node.stop()

    assert sorted(entry["path"] for entry in entries(tmp_path / "access.log")) == sorted(f"/{n}" for n in range(40))


async def test_a_signal_begins_a_new_file_without_a_request(make_node, scene, tmp_path):
    node = await make_node(scene.source).start()
    log = tmp_path / "access.log"
    await node.ask("/before")
    await until(lambda: entries(log))
    log.rename(tmp_path / "moved")
    for pid in node.pids:
        os.kill(pid, signal.SIGUSR1)
    await until(log.exists)
    await node.ask("/after")
    await until(lambda: entries(log))

    assert [entry["path"] for entry in entries(tmp_path / "moved")] == ["/before"]
    assert [entry["path"] for entry in entries(log)] == ["/after"]


async def test_requests_go_on_when_it_cannot_be_written_and_the_operator_hears_of_it_once(
    make_node, scene, tmp_path, caplog
):
    (tmp_path / "access.log").mkdir()
    node = await make_node(scene.source, workers=1).start()

    async def facts() -> dict:
        _, status = await node.status("/status")
        return status["workers"][0]

    for number in range(3):
        await node.ask(f"/{number}")
        await until_lost(facts, number + 1)

    assert (await facts())["statuses"] == {"200": 3}
    said = [record.message for record in caplog.records if "access log" in record.message]
    assert len(said) == 1
    assert "access.log: Is a directory; lines are lost meanwhile" in said[0]


async def until_lost(facts, count: int) -> None:
    async def is_so() -> bool:
        return (await facts())["accessLog"] == {"lines": count, "lost": count}

    await until(is_so)


async def test_the_nodes_latencies_are_those_of_all_workers(make_node, scene):
    node = await make_node(scene.source).start()
    began = time.monotonic()
    for _ in range(10):
        await node.ask()
    most_ms = (time.monotonic() - began) * 1000

    async def seen() -> dict:
        _, status = await node.status("/status")
        return status["latencyMs"]

    async def is_complete() -> bool:
        return sum((await seen())["counts"]) == 10

    await until(is_complete)
    latency = await seen()
    assert len(latency["counts"]) == len(latency["bounds"]) + 1
    assert 0 < latency["mean"] < most_ms
    assert latency["p50"] <= latency["p90"] <= latency["p99"]
