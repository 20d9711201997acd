from __future__ import annotations

import math

import pytest

from proxy_engine.health import LATENCY_DECAY_S, Counters, Health, Kind, TargetState
from proxy_engine.spec import Drain, Target


def a_target(**given):
    target = {
        "id": "t",
        "upstream_id": "u",
        "target": "a.test:80",
        "host": "a.test",
        "port": 80,
        "weight": 100,
        "enabled": True,
        "priority": 0,
        "scheme": None,
        "path": None,
        "tags": (),
    }
    return Target(**target | given)


class Listener:
    def __init__(self):
        self.heard = []

    def readiness_changed(self):
        self.heard.append("readiness")

    def load_fell(self, state):
        self.heard.append(state)


def test_a_new_target_is_ready():
    assert TargetState(a_target()).ready
    assert TargetState(a_target()).obstacles == ()


def test_a_target_is_out_while_it_is_ejected():
    state = TargetState(a_target())
    state.ejected = True
    assert (state.ready, state.obstacles) == (False, ("ejected",))
    state.ejected = False
    assert state.ready


def test_a_target_is_out_while_it_drains():
    state = TargetState(a_target(drain=Drain(keep_sticky=False)))
    assert (state.ready, state.wanted, state.obstacles) == (False, False, ("draining",))
    state.adopt(a_target())
    assert state.ready


def test_an_unhealthy_target_is_not_ready():
    state = TargetState(a_target(), healthy=False)
    assert (state.ready, state.obstacles) == (False, ("unhealthy",))
    state.healthy = True
    assert state.ready


@pytest.mark.parametrize(("spec", "word"), [({"enabled": False}, "disabled"), ({"weight": 0}, "weight 0")])
def test_a_target_the_operator_took_out_is_not_ready(spec, word):
    state = TargetState(a_target(**spec))
    assert (state.ready, state.obstacles) == (False, (word,))
    state.adopt(a_target())
    assert state.ready


def test_it_counts_attempts():
    state = TargetState(a_target())
    state.begin()
    state.begin()
    state.end()
    assert (state.active, state.requests) == (1, 2)


def test_followers_hear_of_readiness_only_when_something_changed():
    state, listener = TargetState(a_target()), Listener()
    state.follow(listener)
    state.healthy = True
    assert listener.heard == []
    state.healthy = False
    state.adopt(a_target(weight=7))
    assert listener.heard == ["readiness"] * 2


def test_load_followers_hear_when_the_load_may_have_fallen():
    state, listener = TargetState(a_target()), Listener()
    state.follow_load(listener)
    state.begin()
    assert listener.heard == []
    state.end()
    state.observe_latency(0.1, now=0.0)
    assert listener.heard == [state, state]


def test_followers_are_let_go():
    state = TargetState(a_target())
    for _ in range(10):
        state.follow(Listener())
    state.healthy = False
    assert len(state._followers) == 1


def test_latency_rises_at_once_and_falls_slowly():
    state = TargetState(a_target())
    state.observe_latency(0.1, now=0.0)
    state.observe_latency(0.5, now=1.0)
    assert state.latency == 0.5
    state.observe_latency(0.1, now=1.0 + LATENCY_DECAY_S)
    assert state.latency == pytest.approx(0.1 + 0.4 * math.exp(-1))


def test_latency_copes_with_a_clock_that_stands_still_or_goes_back():
    state = TargetState(a_target())
    state.observe_latency(0.5, now=10.0)
    state.observe_latency(0.0, now=10.0)
    state.observe_latency(0.1, now=5.0)
    assert state.latency == 0.5


def test_it_shows_itself():
    state = TargetState(a_target(), healthy=False)
    state.begin()
    assert repr(state) == "<TargetState a.test:80 unhealthy, 1 active>"


def test_a_mark_ends_what_was_counted():
    state = TargetState(a_target())
    state.counters.counts[Kind.TIMEOUT] = 2
    state.counters.health = Health.MOSTLY_HEALTHY
    state.mark(False)
    assert (state.healthy, state.counters) == (False, Counters(Health.UNHEALTHY))
    state.mark(True)
    assert (state.healthy, state.counters) == (True, Counters(Health.HEALTHY))


def test_a_state_that_begins_unhealthy_counts_from_there():
    assert TargetState(a_target(), healthy=False).counters.health is Health.UNHEALTHY


@pytest.mark.parametrize(("address", "is_kept"), [("10.0.0.1:8000", True), ("10.0.0.2:8000", False)])
def test_what_was_counted_belongs_to_the_address(address, is_kept):
    state = TargetState(a_target(target="10.0.0.1:8000"))
    state.counters.counts[Kind.TIMEOUT] = 2
    state.adopt(a_target(target=address, weight=7))
    assert bool(state.counters.counts[Kind.TIMEOUT]) is is_kept


def test_each_address_of_a_name_has_the_full_weight():
    state, listener = TargetState(a_target(weight=30)), Listener()
    state.follow(listener)
    state.addresses = 3
    assert (state.ready, state.weight, listener.heard) == (True, 90, ["readiness"])
    state.addresses = 3
    assert len(listener.heard) == 1


def test_a_target_whose_name_does_not_resolve_is_not_ready():
    state = TargetState(a_target())
    state.addresses = 0
    assert (state.ready, state.wanted, state.obstacles) == (False, False, ("name does not resolve",))
    state.addresses = 1
    assert state.ready


def test_what_is_observed_does_not_make_a_target_unwanted():
    state = TargetState(a_target(), healthy=False)
    state.ejected = True
    assert state.wanted
    state.adopt(a_target(drain=Drain(keep_sticky=False)))
    assert not state.wanted


def test_a_breaker_hears_of_attempts_while_it_counts_them():
    class Trials:
        heard = 0

        def began(self, state):
            self.heard += 1

    state, trials = TargetState(a_target()), Trials()
    state.begin()
    state.trials = trials
    state.begin()
    assert trials.heard == 1
