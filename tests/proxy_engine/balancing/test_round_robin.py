from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.balancing import Balancer
from proxy_engine.balancing.round_robin import MAX_LISTED_PLACES, ListedTurn, LongTurn

from .builders import Cast, a_target

WEIGHTS = st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(any)


def turn_of(weights):
    divisor = math.gcd(*weights)
    return {f"t{number}": weight // divisor for number, weight in enumerate(weights) if weight}


def test_it_takes_turns():
    assert Cast("round-robin", [1, 1, 1]).picks(6) == ["t0", "t1", "t2", "t0", "t1", "t2"]


def test_weights_3_and_1_share_every_four_requests_3_to_1():
    picks = Cast("round-robin", [3, 1]).picks(40)
    assert all(Counter(picks[start : start + 4]) == {"t0": 3, "t1": 1} for start in range(36))


def test_it_spreads_light_targets_among_a_heavy_ones_turns():
    picks = Cast("round-robin", [4, 1, 1, 1, 1]).picks(8)
    assert all(one == "t0" or other == "t0" for one, other in pairwise(picks))


@given(WEIGHTS, st.floats(0, 1, exclude_max=True))
def test_every_full_turn_gives_each_exactly_its_weight(weights, offset):
    cast = Cast("round-robin", weights)
    targets = [state.target for state in cast.balancer.states]
    cast.balancer = Balancer(cast.upstream, targets, cast.state_of, offset=offset)
    turn = turn_of(weights)
    picks = cast.picks(3 * sum(turn.values()))
    for start in range(2 * sum(turn.values())):
        assert Counter(picks[start : start + sum(turn.values())]) == turn


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 900), min_size=2, max_size=40).filter(lambda weights: math.gcd(*weights) == 1),
    st.floats(0, 1, exclude_max=True),
)
def test_a_long_turn_goes_as_the_listed_one_would(weights, start):
    pool = type("AnyPool", (), {"ready": tuple((type("Seat", (), {"state": n})()) for n in range(len(weights)))})
    listed, long = ListedTurn(pool, weights, 0), LongTurn(pool, weights, 0)
    length = sum(weights)
    whole = [listed.pick(None, ()) for _ in range(length)]
    assert [long.pick(None, ()) for _ in range(2 * length)] == whole * 2
    place = int(start * length)
    begun = LongTurn(pool, weights, place)
    assert begun.done == place
    assert [begun.pick(None, ()) for _ in range(length)] == whole[place:] + whole[:place]


def test_huge_weights_are_exact_without_a_huge_list():
    weights = [65535, 65534, 3]
    cast = Cast("round-robin", weights)
    assert sum(weights) > MAX_LISTED_PLACES
    for _ in range(2):
        assert Counter(cast.picks(sum(weights))) == {"t0": 65535, "t1": 65534, "t2": 3}


def test_a_hundred_huge_weights_stay_near_their_shares_at_any_time():
    weights = [60_000 + 7 * number for number in range(100)]
    picks = Counter(Cast("round-robin", weights).picks(10_000))
    for number, weight in enumerate(weights):
        assert abs(picks[f"t{number}"] - 10_000 * weight / sum(weights)) <= 1


@given(WEIGHTS, st.data())
def test_targets_that_are_not_ready_leave_the_others_their_proportions(weights, data):
    cast = Cast("round-robin", weights)
    cast.picks(data.draw(st.integers(0, 10)))
    sick = data.draw(st.sets(st.sampled_from(sorted(cast.states))))
    for name in sick:
        cast[name].healthy = False
    left = [0 if f"t{number}" in sick else weight for number, weight in enumerate(weights)]
    if not any(left):
        assert cast.pick() is None
        return
    turn = turn_of(left)
    assert Counter(cast.picks(sum(turn.values()))) == turn


@pytest.mark.parametrize("weights", [[1, 1, 1, 1], [3, 1], [1] * 49, [65535, 65534, 65533]])
def test_an_edit_between_any_two_requests_does_not_disturb_the_turns(weights):
    undisturbed = Cast("round-robin", weights).picks(100)
    cast = Cast("round-robin", weights)
    seen = []
    for _ in range(100):
        seen.append(cast.pick())
        cast.edit(weights)
    assert seen == undisturbed


@pytest.mark.parametrize(("before", "after"), [([1, 1], [65535, 65534]), ([65535, 65534], [1, 1])])
def test_the_place_in_the_turn_survives_a_change_between_short_and_long(before, after):
    cast = Cast("round-robin", before)
    first = cast.pick()
    cast.edit(after)
    assert [first, cast.pick()] == ["t0", "t1"]


def test_a_finished_long_turn_hands_over_its_beginning():
    cast = Cast("round-robin", [4000, 4001])
    cast.picks(8001)
    cast.edit([1, 1])
    assert cast.picks(4) == ["t0", "t1", "t0", "t1"]


def test_workers_may_begin_at_different_places():
    cast = Cast("round-robin", [1, 1, 1, 1])
    targets = [a_target(f"t{number}") for number in range(4)]
    firsts = [
        Balancer(cast.upstream, targets, cast.state_of, offset=worker / 4).pick().target.id for worker in range(4)
    ]
    assert firsts == ["t0", "t1", "t2", "t3"]


def test_a_dead_targets_share_goes_to_all_others_alike_when_requests_are_retried():
    cast = Cast("round-robin", {"dead": 1, "a": 1, "b": 1, "c": 1})
    served = Counter()
    for _ in range(300):
        name = cast.pick()
        served[name if name != "dead" else cast.pick(tried=["dead"])] += 1
    assert max(served.values()) - min(served.values()) <= 3


@pytest.mark.parametrize("weights", [[1, 1], [4000, 4001], [2, 1, 1]])
def test_further_tries_take_nobodys_turn(weights):
    """With two targets of which one always fails, each request began at that one once the other served its retry."""
    cast, undisturbed = Cast("round-robin", weights), Cast("round-robin", weights).picks(200)
    firsts = []
    for _ in range(200):
        firsts.append(cast.pick())
        if firsts[-1] == "t0":
            cast.pick(tried=["t0"])
    assert firsts == undisturbed


def test_nor_does_one_that_finds_nobody_left():
    cast = Cast("round-robin", [1, 1])
    firsts = []
    for _ in range(20):
        firsts.append(cast.pick())
        second = cast.pick(tried=[firsts[-1]])
        cast.pick(tried=[firsts[-1], second])
    assert Counter(firsts) == {"t0": 10, "t1": 10}


def test_further_tries_beside_a_long_turn_go_by_weight():
    cast = Cast("round-robin", {"dead": 4001, "a": 30000, "b": 10000})
    served = Counter(cast.pick(tried=["dead"]) for _ in range(4000))
    assert served["a"] == pytest.approx(3000, abs=200)
