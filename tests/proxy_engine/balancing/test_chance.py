"""Random and power-of-two. Statistical bounds are wider than six standard deviations."""

from __future__ import annotations

from collections import Counter

import pytest

from .builders import Cast


@pytest.mark.parametrize("algorithm", ["random", "power-of-two"])
def test_shares_follow_weights_while_nothing_is_busy(algorithm):
    picks = Counter(Cast(algorithm, [3, 1]).picks(8000))
    assert picks["t0"] / 8000 == pytest.approx(0.75, abs=0.04)


def test_of_two_it_takes_the_less_busy():
    cast = Cast("power-of-two", [1, 1])
    cast["t0"].begin()
    assert set(cast.picks(50)) == {"t1"}


def test_it_counts_busyness_by_weight():
    cast = Cast("power-of-two", {"big": 10, "small": 1})
    for _ in range(5):
        cast["big"].begin()
    cast["small"].begin()
    assert set(cast.picks(50)) == {"big"}


def test_it_levels_the_load_without_knowing_all():
    cast = Cast("power-of-two", [1] * 10)
    for _ in range(1000):
        cast[cast.pick()].begin()
    active = [state.active for state in cast.states.values()]
    assert max(active) - min(active) < 12


def test_two_draws_are_two_targets():
    cast = Cast("power-of-two", [1000, 1])
    cast["t0"].begin()
    assert set(cast.picks(50)) == {"t1"}


@pytest.mark.parametrize("algorithm", ["random", "power-of-two"])
def test_a_lone_target_gets_all(algorithm):
    assert set(Cast(algorithm, [7]).picks(20)) == {"t0"}
