"""A target is drained under load: no request fails, none goes there any more, and then it is gone."""

from __future__ import annotations

import time

from tests.support.echo_target import EchoTarget
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.scene import Scene

SLOW_S = 5.0  # engines report every 2 s: long enough to be told of


def drain(stack, key, **asked):
    return stack.api.call("POST", f"targets/{key}/drain", asked).json["data"]


def target(stack, key):
    return stack.api.call("GET", f"targets/{key}").json.get("data")


def test_a_drain_under_load_costs_no_request_and_ends_with_the_last_in_flight(stack):
    with EchoTarget("a") as slow, EchoTarget("b") as other:
        scene = Scene(stack, (slow, other))
        key = scene.targets["a"]["id"]
        slow.behave(delay_s=SLOW_S)
        with Load(scene.url, connections=16) as load:
            eventually(lambda: slow.count() >= 8, what="requests are in flight at a")
            began = time.monotonic()
            assert drain(stack, key, seconds=60, then="remove")["health"] == "draining"
            eventually(lambda: (target(stack, key) or {}).get("inFlight"), what="the engines tell what is in flight")
            eventually(lambda: load.record.answers["b"] > 100, what="b carries the load")
            eventually(lambda: target(stack, key) is None, within=20, what="a is removed, long before its deadline")
            took_s = time.monotonic() - began
            asked = slow.count()
            load.wait_for(200)
        assert load.failures == []
        assert took_s < 30
        assert slow.count() == asked == load.record.answers["a"]
    changes = stack.api.call("GET", f"changes?entityId={key}").json["data"]
    assert (changes[0]["actor"], changes[0]["via"], changes[0]["after"]) == ("drain", "task", None)


def test_a_drain_that_is_ended_brings_the_target_back_slowly(stack, targets):
    scene = Scene(stack, targets)
    key = scene.targets["a"]["id"]
    stack.api.call("PATCH", f"upstreams/{scene.upstream['id']}", {"slowStart": {"window": 60}})
    drain(stack, key, seconds=600, keepSticky=True)
    with Load(scene.url, connections=8) as load:
        load.wait_for(50)
        before = load.record.answers["a"]
        load.wait_for(100)
        assert load.record.answers["a"] == before
        stack.api.call("DELETE", f"targets/{key}/drain")
        eventually(lambda: load.record.answers["a"] > before, what="a gets requests again")
        found = eventually(lambda: target(stack, key)["slowStart"], what="the engines tell of the slow start")
        assert 10 <= found["percent"] < 100
    assert load.failures == []
