from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.health import LATENCY_DECAY_S

from .builders import Cast


def test_it_prefers_the_fastest():
    cast = Cast("latency", [1, 1, 1])
    for name, seconds in (("t0", 0.3), ("t1", 0.1), ("t2", 0.2)):
        cast[name].observe_latency(seconds, now=1000.0)
    assert cast.picks(5) == ["t1"] * 5


def test_it_turns_to_others_as_requests_pile_up():
    cast = Cast("latency", [1, 1])
    cast["t0"].observe_latency(0.1, now=0.0)
    cast["t1"].observe_latency(0.3, now=0.0)
    taken = Counter()
    for _ in range(40):
        name = cast.pick()
        cast[name].begin()
        taken[name] += 1
    assert taken == {"t0": 30, "t1": 10}


def test_it_weighs_latency():
    cast = Cast("latency", {"small": 1, "big": 3})
    cast["small"].observe_latency(0.1, now=0.0)
    cast["big"].observe_latency(0.2, now=0.0)
    assert cast.pick() == "big"


def test_a_slow_target_is_tried_again_after_a_while():
    cast = Cast("latency", [1, 1])
    cast["t0"].observe_latency(0.5, now=0.0)
    cast["t1"].observe_latency(0.1, now=0.0)
    for now in range(100):
        name = cast.pick()
        if name == "t0":
            break
        cast["t1"].observe_latency(0.1, now=float(now))
    assert math.log(5) * LATENCY_DECAY_S - 1 <= now <= math.log(5) * LATENCY_DECAY_S + 2


def test_unknown_targets_share_as_equals():
    cast = Cast("latency", [1, 1, 1])
    seen = Counter()
    for _ in range(9):
        name = cast.pick()
        cast[name].begin()
        seen[name] += 1
    assert seen == {"t0": 3, "t1": 3, "t2": 3}


def test_a_new_target_is_neither_shunned_nor_flooded():
    cast = Cast("latency", [1, 1])
    for now in range(1000, 1010):
        cast["t0"].observe_latency(0.1, now=float(now))
        cast["t1"].observe_latency(0.1, now=float(now))
    cast.edit([1, 1, 1])
    taken = Counter()
    for _ in range(30):
        name = cast.pick()
        cast[name].begin()
        taken[name] += 1
    assert taken["t2"] == pytest.approx(10, abs=1)


def test_a_target_that_never_answers_is_not_flooded_while_others_do():
    cast = Cast("latency", [1, 1])
    hung = 0
    for step in range(2000):
        name = cast.pick()
        cast[name].begin()
        if name == "t1":
            hung += 1
        else:
            cast["t0"].end()
            cast["t0"].observe_latency(0.01, now=100 + step * 0.01)
    assert hung < 10


def test_shares_follow_speed():
    cast = Cast("latency", [1, 1])
    cast["t0"].observe_latency(0.1, now=0.0)
    cast["t1"].observe_latency(0.3, now=0.0)
    assert cast.balancer.shares() == pytest.approx({"t0": 0.75, "t1": 0.25})


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from("bel"), st.integers(0, 4), st.floats(0.001, 5)), max_size=60),
)
def test_once_all_are_known_no_other_has_a_lower_score(weights, steps):
    cast = Cast("latency", weights)
    now = 5000.0
    for name in cast.states:
        cast.pick()
        cast[name].observe_latency(0.1, now)
    for action, number, seconds in steps:
        now += seconds
        state = cast[f"t{number % len(weights)}"]
        if action == "b":
            state.begin()
        elif action == "l":
            state.observe_latency(seconds, now)
        elif state.active:
            state.end()
        scores = {
            name: one.latency
            * math.exp((one.latency_at - now) / LATENCY_DECAY_S)
            * (one.active + 1)
            / one.target.weight
            for name, one in cast.states.items()
        }
        assert scores[cast.pick()] == pytest.approx(min(scores.values()), rel=1e-6)
