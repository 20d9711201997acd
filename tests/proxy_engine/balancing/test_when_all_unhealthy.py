"""What is left when health leaves nothing: 503, or all of them."""

from __future__ import annotations

import pytest

from proxy_engine.balancing import ALGORITHMS, Balancer
from proxy_engine.telemetry.counters import Counters

from .builders import Cast

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
KEYS = [f"192.0.2.{number}".encode() for number in range(256)]
ALL = {"a": 100, "b": 100, "c": 100}


def a_pool(algorithm="round-robin", weights=ALL, when="use_all", **given):
    return Cast(algorithm, weights, when_all_unhealthy=when, **given)


def picked(cast):
    return {cast.pick(key) for key in KEYS}


def fall_sick(cast, *names):
    for name in names or cast.states:
        cast[name].healthy = False


@each_algorithm
def test_refusing_is_the_default(algorithm):
    cast = Cast(algorithm, ALL)
    fall_sick(cast)
    assert (cast.pick(b"k"), cast.balancer.uses_all) == (None, False)


@each_algorithm
def test_all_are_used_when_none_is_healthy(algorithm):
    cast = a_pool(algorithm)
    fall_sick(cast)
    assert picked(cast) == {"a", "b", "c"}
    assert cast.balancer.uses_all
    assert sum(cast.balancer.shares().values()) == pytest.approx(1)


@each_algorithm
def test_the_first_that_recovers_serves_alone(algorithm):
    cast = a_pool(algorithm)
    fall_sick(cast)
    cast["b"].healthy = True
    assert picked(cast) == {"b"}
    assert not cast.balancer.uses_all


@each_algorithm
def test_ejected_targets_are_used_too(algorithm):
    cast = a_pool(algorithm)
    fall_sick(cast, "a")
    cast["b"].ejected = cast["c"].ejected = True
    assert picked(cast) == {"a", "b", "c"}


@each_algorithm
def test_what_the_operator_took_out_stays_out_and_so_does_what_cannot_be_found(algorithm):
    cast = a_pool(algorithm, {"a": 100, "leaving": 100, "none": 0, "lost": 100})
    cast.drain("leaving")
    cast["lost"].addresses = 0
    fall_sick(cast)
    assert picked(cast) == {"a"}


@each_algorithm
def test_nothing_is_picked_where_nothing_is_wanted(algorithm):
    cast = a_pool(algorithm, {"leaving": 100, "none": 0})
    cast.drain("leaving")
    assert (cast.pick(b"k"), cast.balancer.usable) == (None, False)


@each_algorithm
def test_a_further_try_passes_over_those_that_were_tried(algorithm):
    cast = a_pool(algorithm)
    fall_sick(cast)
    first = cast.pick(b"k")
    second = cast.pick(b"k", [first])
    assert {first, second, cast.pick(b"k", [first, second])} == {"a", "b", "c"}


@each_algorithm
def test_tiers_do_not_count_while_all_are_used(algorithm):
    cast = a_pool(algorithm, priorities={"c": 1})
    fall_sick(cast)
    assert picked(cast) == {"a", "b", "c"}


def test_a_reserve_comes_before_using_all():
    cast = a_pool(priorities={"c": 1})
    fall_sick(cast, "a", "b")
    assert picked(cast) == {"c"}


def test_all_are_used_when_too_few_are_healthy_for_the_threshold():
    cast = a_pool(healthchecks={"threshold": 50})
    fall_sick(cast, "a", "b")
    assert picked(cast) == {"a", "b", "c"}


def test_hashed_keys_are_where_they_were_while_all_were_healthy():
    cast = a_pool("consistent-hashing")
    before = [cast.pick(key) for key in KEYS]
    fall_sick(cast)
    assert [cast.pick(key) for key in KEYS] == before


def test_it_tells_of_targets_that_are_used_all_the_same():
    cast = a_pool(weights={"a": 100, "leaving": 100})
    cast.drain("leaving")
    fall_sick(cast)
    assert cast.balancer.remark(cast["a"]) == "used all the same: too few targets are healthy"
    assert cast.balancer.remark(cast["leaving"]) == ""


# -- with a panic threshold -------------------------------------------------------------------------------------------


def a_panicking_pool(algorithm="round-robin", **given):
    return a_pool(algorithm, {"a": 100, "b": 100, "c": 100, "d": 100}, "threshold", panic_threshold=50, **given)


@each_algorithm
def test_all_are_used_as_soon_as_less_than_the_panic_threshold_is_available(algorithm):
    cast = a_panicking_pool(algorithm)
    fall_sick(cast, "a", "b")
    assert (picked(cast), cast.balancer.uses_all) == ({"c", "d"}, False)  # exactly the threshold
    fall_sick(cast, "c")
    assert (picked(cast), cast.balancer.uses_all) == ({"a", "b", "c", "d"}, True)
    cast["a"].healthy = True
    assert picked(cast) == {"a", "d"}


def test_a_panic_threshold_never_refuses():
    cast = a_panicking_pool()
    fall_sick(cast)
    assert picked(cast) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(("threshold", "out", "uses_all"), [(75, "a", True), (74, "a", False), (10, "abc", True)])
def test_of_both_thresholds_the_one_that_is_reached_first_decides(threshold, out, uses_all):
    cast = a_panicking_pool(healthchecks={"threshold": threshold})
    fall_sick(cast, *out)
    assert (cast.balancer.usable, cast.balancer.uses_all) == (True, uses_all)


def test_the_panic_threshold_counts_for_nothing_without_the_choice():
    cast = a_pool(panic_threshold=100)
    fall_sick(cast, "a")
    assert picked(cast) == {"b", "c"}
    assert a_pool(when="refuse", panic_threshold=100).balancer.usable


def test_what_drains_does_not_bring_panic_about():
    cast = a_panicking_pool()
    cast.drain("a", "b", "c")
    assert picked(cast) == {"d"}


def test_panic_is_counted():
    counts = Counters()
    cast = a_panicking_pool()
    cast.balancer = Balancer(
        cast.upstream, [state.target for state in cast.states.values()], cast.state_of, panics=counts
    )
    cast.picks(3)
    fall_sick(cast, "a", "b", "c")
    cast.picks(5)
    cast["a"].ejected = True
    cast.picks(2)
    assert (counts.panics, counts.panic_picks) == (1, 7)
    cast["b"].healthy = cast["c"].healthy = True
    cast.picks(3)
    fall_sick(cast, "b", "c")
    cast.pick()
    assert (counts.panics, counts.panic_picks) == (2, 8)
