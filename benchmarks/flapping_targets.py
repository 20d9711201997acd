"""Two minutes of load on targets that die, revive, fail and behave at random, while one stays as it should be.

The short form of it is a system test (``tests/system/test_flapping_targets.py``), whose rules it takes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.report import Asked, Row
from tests.support.client import request
from tests.support.echo_target import EchoTarget
from tests.support.flapping import Flapping
from tests.support.load import Load
from tests.support.scene import Scene
from tests.support.stack import Stack
from tests.system.test_flapping_targets import RULES

SECONDS = 120.0
PER_SECOND = 800.0
NAME = "flapping targets"


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    stack = Stack(bench.directory / "flapping", workers=2)
    with contextlib.ExitStack() as targets:
        steady, *others = [targets.enter_context(EchoTarget(name)) for name in ("steady", "b", "c", "d", "e", "f")]
        try:
            stack.start()
            scene = Scene(stack, [steady, *others], **RULES)
            with Load(scene.url, connections=32, per_second=PER_SECOND) as load, Flapping(others, seed=11) as flapping:
                time.sleep(SECONDS)
            flips = _flips(stack, scene)
        finally:
            stack.destroy()
    for failure in load.failures[:10]:
        print(f"  failed: {failure.reason}", flush=True)
    yield Row(NAME, "requests", {"gatehouse": load.record.total})
    yield Row(NAME, "turns of targets", {"gatehouse": flapping.turns.total()})
    yield Row(NAME, "flips of health", {"gatehouse": flips})
    yield Row(NAME, "slowest answer s", {"gatehouse": load.record.slowest_s})
    yield Row(NAME, "requests failed", {"gatehouse": len(load.failures)}, asked=Asked(at_most=0))


def _flips(stack: Stack, scene: Scene) -> int:
    query = f"{stack.admin}/api/health-events?upstreamId={scene.upstream['id']}&limit=1"
    answer = request("GET", query, headers={"Authorization": f"Bearer {stack.token}"})
    return answer.json["meta"]["pagination"]["total"]
