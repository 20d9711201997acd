"""The status listener: what each worker runs and sees."""

from __future__ import annotations

import os
import signal

from tests.proxy_engine.support.waiting import until


class TestStatus:
    async def test_it_names_workers_versions_and_targets(self, make_node, scene):
        node = await make_node(scene.source).start()
        await node.ask()

        code, ready = await node.status("/status/ready")
        _, status = await node.status("/status")
        _, config = await node.status("/config")

        assert (code, ready) == (200, {"ready": True, "version": scene.source.version})
        assert [worker["pid"] for worker in status["workers"]] == node.pids
        assert [worker["serving"] for worker in status["workers"]] == [True, True]
        assert [(worker["retries"], worker["budgetRefusals"]) for worker in status["workers"]] == [({}, 0)] * 2
        assert [worker["version"] for worker in config["workers"]] == [scene.source.version] * 2
        seen = [worker["targets"][scene.target["id"]] for worker in config["workers"]]
        assert sum(target["requests"] for target in seen) == 1
        assert all(target["ready"] for target in seen)
        assert sum(target["connections"]["opened"] for target in seen) == 1

    async def test_it_counts_the_connections_to_targets(self, make_node, scene):
        node = await make_node(scene.source).start()
        await node.ask()

        async def counted() -> dict[str, int]:
            _, status = await node.status("/status")
            found = [worker["upstreamConnections"] for worker in status["workers"]]
            return {name: sum(each.get(name, 0) for each in found) for name in ("opened", "reused", "connectFailures")}

        async def is_right() -> bool:
            return await counted() == {"opened": 1, "reused": 0, "connectFailures": 0}

        await until(is_right)

    async def test_a_worker_that_does_not_answer_is_missing_and_the_others_are_there(
        self, make_node, scene, monkeypatch
    ):
        monkeypatch.setattr("proxy_engine.workers.status.INSPECT_S", 0.5)
        node = await make_node(scene.source).start()
        os.kill(node.pids[0], signal.SIGSTOP)

        _, config = await node.status("/config")

        assert [bool(worker["targets"]) for worker in config["workers"]] == [False, True]
        os.kill(node.pids[0], signal.SIGCONT)
