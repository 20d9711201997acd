"""What holds for every algorithm."""

from __future__ import annotations

import gc

import pytest

from proxy_engine.balancing import ALGORITHMS, Balancer
from proxy_engine.health import TargetState

from .builders import Cast, a_target, an_upstream

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


def keys(count=200):
    return [f"10.0.{number >> 8}.{number & 255}".encode() for number in range(count)]


@each_algorithm
def test_it_picks_only_ready_targets(algorithm):
    cast = Cast(algorithm, {"up": 100, "sick": 100, "out": 100, "leaving": 100})
    cast["sick"].healthy = False
    cast["out"].ejected = True
    cast.drain("leaving")
    assert {cast.pick(key) for key in keys()} == {"up"}


@each_algorithm
def test_it_never_picks_a_target_of_weight_0(algorithm):
    cast = Cast(algorithm, {"a": 1, "none": 0, "b": 1})
    assert {cast.pick(key) for key in keys()} <= {"a", "b"}


@each_algorithm
def test_it_never_picks_a_disabled_target(algorithm):
    states = {}
    targets = [a_target("a"), a_target("off", enabled=False)]
    balancer = Balancer(
        an_upstream(algorithm=algorithm), targets, lambda target: states.setdefault(target.id, TargetState(target))
    )
    assert {balancer.pick(key).target.id for key in keys()} == {"a"}


@each_algorithm
def test_it_follows_health_at_once(algorithm):
    cast = Cast(algorithm, [100, 100])
    cast["t0"].healthy = False
    assert {cast.pick(key) for key in keys()} == {"t1"}
    cast["t0"].healthy, cast["t1"].healthy = True, False
    assert {cast.pick(key) for key in keys()} == {"t0"}


@each_algorithm
def test_it_passes_over_targets_that_were_tried(algorithm):
    cast = Cast(algorithm, {"a": 65535, "b": 1, "c": 100})
    for key in keys(50):
        first = cast.pick(key)
        second = cast.pick(key, [first])
        third = cast.pick(key, [first, second])
        assert {first, second, third} == {"a", "b", "c"}


@each_algorithm
def test_it_begins_again_when_all_ready_targets_were_tried(algorithm):
    cast = Cast(algorithm, {"a": 1, "b": 1, "sick": 1})
    cast["sick"].healthy = False
    assert cast.pick(b"k", ["a", "b"]) in {"a", "b"}
    assert cast.pick(b"k", ["a", "b", "sick"]) in {"a", "b"}


@each_algorithm
def test_then_it_prefers_names_with_addresses_that_were_not_tried(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 1, "c": 1})
    cast["b"].addresses = cast["c"].addresses = 2
    for key in keys(20):
        tried = [cast.pick(key)]
        for _ in range(4):
            tried.append(cast.pick(key, tried))
        assert sorted(tried) == ["a", "b", "b", "c", "c"]
        assert tried[2] != tried[3]


@each_algorithm
@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_it_picks_nothing_where_nothing_has_weight(algorithm, weights):
    cast = Cast(algorithm, weights)
    assert cast.pick(b"k") is None
    assert not cast.balancer.usable


@each_algorithm
def test_it_picks_nothing_while_nothing_is_ready(algorithm):
    cast = Cast(algorithm, [1, 1])
    cast["t0"].healthy = cast["t1"].healthy = False
    assert cast.pick(b"k") is None
    cast["t1"].healthy = True
    assert cast.pick(b"k") == "t1"


@pytest.mark.parametrize(
    ("threshold", "sick", "usable"),
    [
        (0, 0, True),
        (0, 3, True),
        (0, 4, False),
        (49, 2, True),
        (50, 2, False),
        (50, 1, True),
        (75, 1, False),
        (99.9, 0, True),
        (100, 0, False),
    ],
)
def test_more_than_the_threshold_of_the_weight_must_be_available(threshold, sick, usable):
    cast = Cast("round-robin", [25, 25, 25, 25], healthchecks={"threshold": threshold})
    for number in range(sick):
        cast[f"t{number}"].healthy = False
    assert (cast.pick() is not None) is usable
    assert cast.balancer.usable is usable


def test_the_threshold_counts_weight_not_targets():
    cast = Cast("round-robin", {"big": 90, "small": 10}, healthchecks={"threshold": 50})
    cast["small"].healthy = False
    assert cast.pick() == "big"
    cast["small"].healthy, cast["big"].healthy = True, False
    assert cast.pick() is None


def test_what_the_operator_took_out_counts_neither_way():
    cast = Cast("round-robin", [10, 10, 10, 0], healthchecks={"threshold": 60})
    cast.drain("t0", "t1")
    assert cast.pick() == "t2"


@each_algorithm
def test_shares_add_up_to_1_over_the_ready_targets(algorithm):
    cast = Cast(algorithm, {"a": 300, "b": 100, "sick": 100, "none": 0})
    cast["sick"].healthy = False
    shares = cast.balancer.shares()
    assert shares == pytest.approx({"a": 0.75, "b": 0.25, "sick": 0, "none": 0}, abs=0.06)
    assert sum(shares.values()) == pytest.approx(1)


def test_there_are_no_shares_while_the_pool_may_not_be_used():
    cast = Cast("round-robin", [1, 1], healthchecks={"threshold": 60})
    cast["t0"].healthy = False
    assert cast.balancer.shares() == {"t0": 0, "t1": 0}


@each_algorithm
def test_an_edit_takes_the_observed_states_over(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 100})
    cast["a"].healthy = False
    cast["b"].begin()
    cast.edit({"a": 50, "b": 100, "c": 100})
    assert {cast.pick(key) for key in keys()} <= {"b", "c"}
    assert (cast["a"].target.weight, cast["b"].active) == (50, 1)


def test_edited_targets_are_adopted_by_their_states():
    cast = Cast("round-robin", {"a": 100})
    cast.edit({"a": 0})
    assert not cast["a"].ready
    assert cast.pick() is None


@each_algorithm
def test_states_hold_no_replaced_balancer(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 100})
    for _ in range(50):
        cast.pick(b"k")
        cast.edit({"a": 100, "b": 100})
    gc.collect()
    assert len(cast["a"]._followers) <= 2
    assert len(cast["a"]._load_followers) <= 2


@each_algorithm
def test_two_balancers_over_the_same_states_do_not_disturb_each_other(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 100})
    preview = Balancer(cast.upstream, [a_target("a"), a_target("b")], cast.state_of)
    preview.pick(b"k")
    del preview
    cast["a"].healthy = False
    assert {cast.pick(key) for key in keys(20)} == {"b"}


def test_an_unknown_algorithm_is_refused():
    upstream = an_upstream()
    object.__setattr__(upstream, "algorithm", "guess")
    with pytest.raises(KeyError):
        Balancer(upstream, [], TargetState)


@each_algorithm
def test_a_name_with_several_addresses_has_their_weight_together(algorithm):
    cast = Cast(algorithm, {"one": 100, "three": 100})
    cast.pick(b"k")
    cast["three"].addresses = 3
    assert cast.balancer.shares() == pytest.approx({"one": 0.25, "three": 0.75}, abs=0.06)


def test_a_name_that_does_not_resolve_counts_neither_way_for_the_threshold():
    cast = Cast("round-robin", [10, 10, 10], healthchecks={"threshold": 60})
    cast["t0"].addresses = cast["t1"].addresses = 0
    assert cast.pick() == "t2"


@each_algorithm
def test_asking_for_usability_leaves_the_next_pick_up_to_date(algorithm):
    cast = Cast(algorithm, [1, 1])
    cast.pick(b"k")
    cast["t0"].healthy = False
    assert cast.balancer.usable
    assert {cast.pick(key) for key in keys()} == {"t1"}


@pytest.mark.parametrize(("sick", "usable"), [(("t0", "t1"), True), (("t2",), False)])
def test_the_health_of_what_the_operator_took_out_counts_neither_way(sick, usable):
    cast = Cast("round-robin", [10, 10, 10, 10], healthchecks={"threshold": 60})
    cast.drain("t0", "t1")
    for name in sick:
        cast[name].healthy = False
    assert cast.balancer.usable is usable
