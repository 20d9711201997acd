"""``kill -9`` of each process in turn, under load: traffic goes on, the process comes back, edits arrive."""

import os
import signal
from contextlib import contextmanager

import pytest

from tests.support.client import Refused, request
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.scene import QUICK_CHECKS, Scene

CONNECTIONS = 8
ORPHANS_S = 15.0  # workers whose supervisor was killed serve what they had for ten seconds, then drain


@contextmanager
def edited_under_load(stack, targets, settles_within=0.0, **upstream):
    """The scene under load; at the end an edit must take effect."""
    scene = Scene(stack, targets, **upstream)
    with Load(scene.url, connections=CONNECTIONS) as load:
        load.wait_for(100)
        yield scene, load
        load.wait_for(100)
        edit(scene, weight=0)
        eventually(lambda: only(stack, scene, "b"), within=settles_within, what="all traffic goes to b")


def only(stack, scene, name):
    """Several connections, to meet every worker."""
    return {stack.get(scene.path).headers["x-echo-name"] for _ in range(20)} == {name}


def edit(scene, **values):
    """As a patient script does: until the dashboard takes it."""

    def try_it():
        try:
            scene.patch_target("a", **values)
        except Refused as refused:
            raise AssertionError(str(refused)) from refused
        return True

    eventually(try_it, within=30, what="the edit is taken and live")


@pytest.mark.parametrize("name", ["daphne", "worker", "beat", "redis"])
def test_a_control_process_may_be_killed(stack, targets, name):
    with edited_under_load(stack, targets) as (_scene, load):
        old = stack.kill(name)
        stack.wait_back(name, old)
    assert load.failures == []
    assert f"{name} was killed by SIGKILL" in stack.output()


def test_an_edit_made_while_redis_is_away_arrives(stack, targets):
    """Redis only carries hints; the engine asks the database every few seconds anyway."""
    with edited_under_load(stack, targets) as (scene, load):
        old = stack.pid("redis")
        os.kill(old, signal.SIGSTOP)  # worse than dead: connections stay open and nobody answers
        try:
            stack.api.write("PATCH", f"targets/{scene.targets['b']['id']}", {"weight": 0})
            eventually(lambda: only(stack, scene, "a"), within=12, what="the edit takes effect")
        finally:
            os.kill(old, signal.SIGCONT)
        scene.patch_target("b", weight=100)
    assert load.failures == []


def test_health_checks_go_on_after_celery_and_redis_were_killed(stack, targets):
    dying, _ = targets
    with edited_under_load(stack, targets, healthcheck=QUICK_CHECKS) as (scene, load):
        old = {name: stack.kill(name) for name in ("redis", "worker", "beat")}
        for name, pid in old.items():
            stack.wait_back(name, pid)
        dying.die()
        eventually(lambda: scene.is_unhealthy("a"), within=30, what="a is marked unhealthy")
        dying.revive()
        eventually(lambda: scene.is_healthy("a"), within=30, what="a is healthy again")
    assert load.failures == []


def test_a_killed_worker_costs_no_more_than_its_requests_in_flight(stack, targets):
    before = stack.worker_pids()
    with edited_under_load(stack, targets) as (_scene, load):
        os.kill(before[0], signal.SIGKILL)
        eventually(
            lambda: len(after := stack.worker_pids()) == len(before) and before[0] not in after,
            within=15,
            what="the worker is replaced",
        )
        eventually(lambda: request("GET", f"{stack.status}/status/ready").status == 200, within=15)
    assert len(load.failures) + load.record.resent <= CONNECTIONS


def test_a_killed_engine_supervisor_costs_no_request(stack, targets):
    """Its workers serve on until the next one has started its own."""
    with edited_under_load(stack, targets, settles_within=ORPHANS_S) as (_scene, load):
        old = stack.kill("engine")
        stack.wait_back("engine", old)
        eventually(lambda: request("GET", f"{stack.status}/status/ready").status == 200, within=20)
    assert load.failures == []
