"""A target dies and comes back, under load: nobody notices but the health page."""

import time

import pytest

from tests.support.echo_target import EchoProcess
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.scene import QUICK_CHECKS, Scene

INTERVAL_S = QUICK_CHECKS["active"]["healthy"]["interval"]
THRESHOLD = QUICK_CHECKS["active"]["unhealthy"]["tcpFailures"]
FLIP_WITHIN_S = INTERVAL_S * THRESHOLD + 1


@pytest.fixture
def processes():
    with EchoProcess("a") as a, EchoProcess("b") as b:
        yield a, b


def test_a_killed_target_costs_no_request_and_returns(stack, processes):
    scene = Scene(stack, processes, healthcheck=QUICK_CHECKS)
    victim, _ = processes
    with Load(scene.url, connections=16) as load:
        load.wait_for(200)
        killed_at = time.monotonic()
        victim.kill()
        eventually(lambda: scene.is_unhealthy("a"), within=FLIP_WITHIN_S, what="a is marked unhealthy")
        took_s = time.monotonic() - killed_at
        before = load.record.answers["a"]
        load.wait_for(200)
        assert load.record.answers["a"] == before
        victim.start()
        eventually(lambda: scene.is_healthy("a"), within=INTERVAL_S + 2, what="a is healthy again")
        eventually(lambda: load.record.answers["a"] > before, what="a gets requests again")
    assert load.failures == []
    assert took_s <= FLIP_WITHIN_S


def test_resets_cost_no_request_that_is_safe_to_repeat(stack, targets):
    rude, _ = targets
    scene = Scene(stack, targets)
    rude.behave(reset=True)
    with Load(scene.url, connections=8) as load:
        load.wait_for(200)
    assert load.failures == []
    assert rude.count() > 0
    assert load.record.answers["a"] == 0


def test_a_target_that_answers_with_errors_is_taken_out_with_the_cause(stack, targets):
    failing, _ = targets
    scene = Scene(stack, targets, healthcheck=QUICK_CHECKS)
    eventually(lambda: failing.count("/health") > 0, what="a is checked")
    failing.behave(status=503)
    eventually(lambda: scene.is_unhealthy("a"), within=FLIP_WITHIN_S)
    stored = stack.api.call("GET", f"targets/{scene.targets['a']['id']}").json["data"]
    assert "503" in stored["healthCause"]
    failing.behave()
    eventually(lambda: scene.is_healthy("a"), within=INTERVAL_S + 2)


def test_a_tcp_check_sees_a_closed_port(stack, targets):
    dying, _ = targets
    active = QUICK_CHECKS["active"] | {"type": "tcp"}
    scene = Scene(stack, targets, healthcheck={"active": active})
    dying.die()
    eventually(lambda: scene.is_unhealthy("a"), within=FLIP_WITHIN_S)
    dying.revive()
    eventually(lambda: scene.is_healthy("a"), within=INTERVAL_S + 2)
