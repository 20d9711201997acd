"""Several worker processes, each ticking, on one database and one Redis: every check is made once."""

import json
import os
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.db import connections

from gateway_admin.monitoring.checks.load import read_load
from tests.gateway_admin.monitoring.builders import a_target, an_upstream
from tests.gateway_admin.monitoring.servers import serving
from tests.support.eventually import eventually
from tests.support.loop_thread import LoopThread

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES, TARGETS = 3, 20
START_S, TICK_S = 40, 0.1


class Targets:
    """Scripted targets that count who asks them, and how many at a time."""

    def __init__(self):
        self.asked = Counter()
        self.most_at_once = 0
        self._thread = LoopThread("targets")
        self._servers = []

    def add(self, name: str) -> str:
        at_once = 0

        async def behave(reader, writer):
            nonlocal at_once
            await reader.readuntil(b"\r\n\r\n")
            self.asked[name] += 1
            at_once += 1
            self.most_at_once = max(self.most_at_once, at_once)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            at_once -= 1

        server = serving(behave)
        address = self._thread.run(server.__aenter__())
        self._servers.append(server)
        return address

    def close(self):
        for server in self._servers:
            self._thread.run(server.__aexit__(None, None, None))
        self._thread.close()


class Worker:
    """One process; see ``tests.support.check_worker``."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.check_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def tick(self):
        self.process.stdin.write("pick\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def targets():
    targets = Targets()
    yield targets
    targets.close()


@pytest.fixture
def workers(store, redis_socket, tmp_path, settings):
    database = connections["default"].settings_dict["NAME"]
    environment = {
        "DJANGO_SETTINGS_MODULE": "gateway_admin.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": f"unix://{redis_socket}",
        "GATEWAY_DATA_DIR": str(tmp_path),
        "GATEWAY_SECRET_KEY": settings.SECRET_KEY,
    }
    workers = [Worker(environment) for _ in range(PROCESSES)]
    assert [worker.answer() for worker in workers] == ["ready"] * PROCESSES
    yield workers
    for worker in workers:
        worker.close()


def tick_all(workers) -> list[tuple[str, int]]:
    """All at the same time; what each claimed, one after the other."""
    for worker in workers:
        worker.tick()
    return [tuple(due) for worker in workers for due in worker.answer()]


def tick_until(number, workers, claimed):
    """Until so many checks are claimed."""

    def enough():
        claimed.extend(tick_all(workers))
        return len(claimed) >= number

    eventually(enough, within=START_S, every=TICK_S, what="checks are claimed")


def all_done(store, number):
    def done():
        totals = read_load(store, round(time.time() * 1000)).totals
        return totals["made"] + totals["left_out"] + totals["uncounted"] >= number and totals

    return eventually(done, within=START_S, what="every claimed check is made")


def test_every_check_is_made_once_whoever_ticks(store, targets, workers):
    upstream = an_upstream(interval=0.5, timeout=10)
    names = {str(a_target(upstream, targets.add(f"t{number}")).pk): f"t{number}" for number in range(TARGETS)}
    claimed = []
    tick_until(6 * TARGETS, workers, claimed)

    assert len(claimed) == len(set(claimed)), "a due time was claimed twice"
    totals = all_done(store, len(claimed))
    assert totals["claimed"] == len(claimed)
    assert sum(targets.asked.values()) == totals["made"]
    assert targets.most_at_once == 1
    per_target = Counter(names[target_id] for target_id, _ in claimed)
    if not totals["left_out"]:  # on a machine that is busy with other tests a check may be too late to be made
        assert targets.asked == per_target


def test_redis_may_lose_everything_and_a_worker_its_life(store, targets, workers):
    upstream = an_upstream(interval=0.5, timeout=10)
    for number in range(TARGETS):
        a_target(upstream, targets.add(f"t{number}"))
    claimed = []
    tick_until(2 * TARGETS, workers, claimed)
    all_done(store, 1)
    workers[0].process.kill()
    store.flushall()
    before, claimed = targets.asked.copy(), []
    tick_until(3 * TARGETS, workers[1:], claimed)

    assert len(claimed) == len(set(claimed))
    eventually(
        lambda: all(targets.asked[name] > before[name] for name in before), within=START_S, what="all are asked again"
    )
    assert targets.most_at_once <= 2  # the agenda was forgotten, and with it who was being asked
