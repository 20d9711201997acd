"""Tiers: the lowest priority with a ready target serves, the others are its reserve."""

from __future__ import annotations

import pytest

from proxy_engine.balancing import ALGORITHMS

from .builders import Cast

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
KEYS = [f"192.0.2.{number}".encode() for number in range(256)]


def tiers(algorithm, **upstream):
    """Two targets that serve, two in reserve, one for when those are gone, too."""
    weights = {"a": 100, "b": 100, "c": 100, "d": 100, "last": 100}
    return Cast(algorithm, weights, priorities={"c": 1, "d": 1, "last": 9}, **upstream)


def picked(cast):
    return {cast.pick(key) for key in KEYS}


@each_algorithm
def test_only_the_lowest_tier_serves(algorithm):
    assert picked(tiers(algorithm)) == {"a", "b"}


@each_algorithm
def test_a_tier_serves_with_its_last_ready_target(algorithm):
    cast = tiers(algorithm)
    cast["a"].healthy = False
    assert picked(cast) == {"b"}


@each_algorithm
def test_the_next_tier_serves_when_none_of_a_lower_one_is_ready_and_hands_back(algorithm):
    cast = tiers(algorithm)
    cast["a"].healthy, cast["b"].ejected = False, True
    assert picked(cast) == {"c", "d"}
    cast.drain("c")
    cast["d"].addresses = 0
    assert picked(cast) == {"last"}
    cast["a"].healthy = True
    assert picked(cast) == {"a"}


@each_algorithm
def test_a_further_try_goes_to_the_next_tier_once_all_of_a_tier_were_tried(algorithm):
    cast = tiers(algorithm)
    cast["d"].healthy = False
    for key in KEYS[:30]:
        tried = []
        for _ in range(4):
            tried.append(cast.pick(key, tried))
        assert ({*tried[:2]}, tried[2:]) == ({"a", "b"}, ["c", "last"])
        assert cast.pick(key, tried) in {"a", "b"}  # from the beginning


@each_algorithm
def test_a_reserve_knows_who_is_ready_when_it_is_needed(algorithm):
    cast = tiers(algorithm)
    assert {cast.pick(key, ["a", "b"]) for key in KEYS} == {"c", "d"}
    cast["c"].healthy = False
    assert {cast.pick(key, ["a", "b"]) for key in KEYS} == {"d"}


@each_algorithm
def test_shares_are_those_of_the_tier_that_serves(algorithm):
    cast = tiers(algorithm)
    assert cast.balancer.shares() == pytest.approx({"a": 0.5, "b": 0.5, "c": 0, "d": 0, "last": 0}, abs=0.06)
    cast["a"].healthy = cast["b"].healthy = False
    assert cast.balancer.shares() == pytest.approx({"a": 0, "b": 0, "c": 0.5, "d": 0.5, "last": 0}, abs=0.06)


def test_it_tells_who_is_a_reserve_of_whom():
    cast = tiers("round-robin")
    remarks = {name: cast.balancer.remark(state) for name, state in cast.states.items()}
    assert remarks == {
        "a": "",
        "b": "",
        "c": "reserve: priority 1, while a target of priority 0 is ready",
        "d": "reserve: priority 1, while a target of priority 0 is ready",
        "last": "reserve: priority 9, while a target of priority 0 is ready",
    }


def test_it_tells_which_reserve_is_in_use():
    cast = tiers("round-robin")
    cast["a"].healthy = cast["b"].healthy = cast["c"].healthy = False
    assert [cast.balancer.remark(cast[name]) for name in ("a", "c", "d", "last")] == [
        "",
        "",
        "reserve in use: priority 1, as no target of a lower one is ready",
        "reserve: priority 9, while a target of priority 1 is ready",
    ]


def test_keys_of_a_tier_do_not_move_for_what_happens_in_another():
    alone = Cast("consistent-hashing", {"a": 100, "b": 100})
    among = tiers("consistent-hashing")
    assert [among.pick(key) for key in KEYS] == [alone.pick(key) for key in KEYS]
    among["c"].healthy = False
    assert [among.pick(key) for key in KEYS] == [alone.pick(key) for key in KEYS]


def test_keys_come_back_when_their_tier_does():
    cast = tiers("consistent-hashing")
    before = [cast.pick(key) for key in KEYS]
    cast["a"].healthy = cast["b"].healthy = False
    assert picked(cast) == {"c", "d"}
    cast["a"].healthy = cast["b"].healthy = True
    assert [cast.pick(key) for key in KEYS] == before


@pytest.mark.parametrize(("threshold", "usable"), [(49, True), (50, False)])
def test_a_reserve_counts_for_the_threshold(threshold, usable):
    cast = Cast("round-robin", {"a": 1, "b": 1}, priorities={"b": 1}, healthchecks={"threshold": threshold})
    cast["a"].healthy = False
    assert (cast.pick() == "b") is usable


def test_an_edit_of_the_priority_takes_effect():
    cast = Cast("round-robin", {"a": 1, "b": 1})
    assert picked(cast) == {"a", "b"}
    cast.priorities = {"a": 3}
    cast.edit({"a": 1, "b": 1})
    assert picked(cast) == {"b"}


@each_algorithm
def test_a_replaced_balancer_is_let_go_with_its_reserves(algorithm):
    cast = tiers(algorithm)
    cast.pick(b"k", ["a", "b"])
    cast.priorities = {}
    cast.edit({"a": 100, "b": 100})
    assert set(cast.balancer._policies) == {0}
