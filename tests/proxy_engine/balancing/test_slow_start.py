"""What a target that starts slowly gets, in every algorithm."""

from __future__ import annotations

from collections import Counter, deque

import pytest

from proxy_engine.balancing import ALGORITHMS

from .builders import Cast

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
PICKS = 3_000
ROUNDS = 12  # with others beside it: on a ring a few points more or less make a difference
FOUR = {"new": 100, "b": 100, "c": 100, "d": 100}


def casts(algorithm, others):
    return [
        Cast(algorithm, {"new": 100} | {f"other-{number}-{round_}": 100 for number in range(others)})
        for round_ in range(ROUNDS)
    ]


def mean_share(casts, part):
    for cast in casts:
        cast["new"].part = part
    return sum(map(share, casts)) / len(casts)


def share(cast, name="new", in_flight=200):
    """Of many picks by different keys, with a load that stays the same: each attempt ends when ``in_flight`` others
    have begun."""
    counted, under_way = Counter(), deque()
    for number in range(PICKS):
        state = cast.balancer.pick(b"client-%d" % number)
        state.begin()
        under_way.append(state)
        if len(under_way) > in_flight:
            under_way.popleft().end()
        counted[state.target.id] += 1
    for state in under_way:
        state.end()
    return counted[name] / PICKS


@each_algorithm
@pytest.mark.parametrize("part", [10, 34, 75])
def test_it_gets_its_part_of_its_share(algorithm, part):
    scenes, expected = casts(algorithm, 3), part / (part + 300)
    assert mean_share(scenes, part) == pytest.approx(expected, rel=0.4)
    shares = [cast.balancer.shares() for cast in scenes]
    assert sum(found["new"] for found in shares) / ROUNDS == pytest.approx(expected, rel=0.4)
    assert [sum(found.values()) for found in shares] == pytest.approx([1] * ROUNDS)


def test_a_turn_of_round_robin_holds_exactly_its_part():
    cast = Cast("round-robin", FOUR)
    cast["new"].part = 50
    assert Counter(cast.picks(7)) == {"new": 1, "b": 2, "c": 2, "d": 2}


@each_algorithm
def test_it_follows_each_step(algorithm):
    scenes = casts(algorithm, 1)
    found = [mean_share(scenes, part) for part in (10, 50, 100)]
    assert found == pytest.approx([10 / 110, 50 / 150, 1 / 2], rel=0.25)


@each_algorithm
def test_those_that_start_together_share_as_ever(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 100})
    cast["a"].part = cast["b"].part = 10
    assert share(cast, "a") == pytest.approx(0.5, rel=0.25)


@each_algorithm
def test_the_only_one_that_is_ready_gets_everything(algorithm):
    cast = Cast(algorithm, {"new": 100, "sick": 100})
    cast["new"].part, cast["sick"].healthy = 10, False
    assert share(cast) == 1


def keys_of(cast, count=4000):
    return {number: cast.pick(b"client-%d" % number) for number in range(count)}


@pytest.mark.parametrize("size", [4, 40])
def test_a_hashed_key_moves_once_at_most_and_only_to_it(size):
    names = ["new", *(f"t{number}" for number in range(size - 1))]
    cast = Cast("consistent-hashing", dict.fromkeys(names, 100))
    whole = keys_of(cast)
    cast["new"].healthy = False
    before = keys_of(cast)
    cast["new"].healthy = True
    for part in (10, 35, 60, 100):
        cast["new"].part = part
        now = keys_of(cast)
        moved = {number for number in now if now[number] != before[number]}
        assert {now[number] for number in moved} == {"new"}
        assert len(moved) > 0
        before = now
    assert before == whole


def test_a_ring_of_many_steps_is_the_one_that_is_made_at_once():
    weights = {f"t{number}": 100 + number for number in range(20)}
    cast, fresh = Cast("consistent-hashing", weights), Cast("consistent-hashing", weights)
    for part in (10, 20, 55):
        cast["t3"].part = part
        keys_of(cast, 10)
    cast["t5"].healthy = False
    fresh["t3"].part, fresh["t5"].healthy = 55, False
    assert keys_of(cast) == keys_of(fresh)


def test_health_counts_with_full_weights():
    cast = Cast("round-robin", {"new": 100, "sick": 100}, healthchecks={"threshold": 40})
    cast["new"].part, cast["sick"].healthy = 10, False
    assert cast.pick() == "new"


def test_it_is_told():
    cast = Cast("round-robin", FOUR)
    cast["new"].part = 34
    assert cast.balancer.remark(cast["new"]) == "slow start: 34 % of its share"
    assert cast.balancer.remark(cast["b"]) == ""
