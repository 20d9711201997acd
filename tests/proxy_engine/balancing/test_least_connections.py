from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from .builders import Cast


def test_it_picks_the_least_busy():
    cast = Cast("least-connections", [1, 1, 1])
    for name in ("t0", "t0", "t1", "t2", "t2"):
        cast[name].begin()
    assert cast.pick() == "t1"


def test_it_weighs_connections():
    cast = Cast("least-connections", [3, 1])
    taken = Counter()
    for _ in range(40):
        name = cast.pick()
        cast[name].begin()
        taken[name] += 1
    assert taken == {"t0": 30, "t1": 10}


def test_equals_take_turns_also_when_nothing_overlaps():
    cast = Cast("least-connections", [1, 1, 1])
    seen = []
    for _ in range(9):
        name = cast.pick()
        cast[name].begin()
        cast[name].end()
        seen.append(name)
    assert Counter(seen) == {"t0": 3, "t1": 3, "t2": 3}


def test_it_sees_connections_that_were_open_before_an_edit():
    cast = Cast("least-connections", [1, 1])
    cast["t0"].begin()
    cast.edit([1, 1, 1])
    cast["t2"].begin()
    assert cast.pick() == "t1"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.booleans()), max_size=80),
)
def test_no_ready_target_ever_has_a_lower_score_than_the_one_picked(weights, steps):
    cast = Cast("least-connections", weights)
    for starts, number, flips in steps:
        name = f"t{number % len(weights)}"
        if flips:
            cast[name].healthy = not cast[name].healthy
        elif starts:
            cast[name].begin()
        elif cast[name].active:
            cast[name].end()
        ready = [state for state in cast.states.values() if state.ready]
        picked = cast.pick()
        scores = {state.target.id: (state.active + 1) / state.target.weight for state in ready}
        assert scores.get(picked) == min(scores.values(), default=None)


def test_the_heap_does_not_grow_with_traffic():
    cast = Cast("least-connections", [1] * 10)
    open_names = []
    for _ in range(5000):
        name = cast.pick()
        cast[name].begin()
        open_names.append(name)
        if len(open_names) > 50:
            cast[open_names.pop(0)].end()
    assert len(cast.balancer._policy._heap) < 100
