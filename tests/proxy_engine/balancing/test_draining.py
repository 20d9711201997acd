"""Who still gets to a target that drains: nobody, or clients whose hash leads to it."""

from __future__ import annotations

import pytest

from proxy_engine.balancing import ALGORITHMS, issue_cookie

from .builders import Cast

KEYS = [f"192.0.2.{number}".encode() for number in range(256)]
INPUTS = {
    "ip": {"hash_on": "ip"},
    "header": {"hash_on": "header", "hash_on_header": "x-user"},
    "cookie": {"hash_on": "cookie", "hash_on_cookie": "sid"},
    "consumer": {"hash_on": "consumer"},
}


def a_ring(hash_on="ip", names="abc", **given):
    return Cast("consistent-hashing", dict.fromkeys(names, 100), **INPUTS[hash_on] | given)


def placed(cast):
    return {key: cast.pick(key) for key in KEYS}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nobody_does(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 100})
    cast.drain("a")
    assert {cast.pick(key) for key in KEYS} == {"b"}


@pytest.mark.parametrize("hash_on", INPUTS)
def test_clients_whose_hash_leads_to_it_may_stay(hash_on):
    cast = a_ring(hash_on)
    before = placed(cast)
    cast.drain("a", keep_sticky=True)
    assert placed(cast) == before


@pytest.mark.parametrize("key", [None, b""])
def test_who_brings_nothing_to_hash_goes_elsewhere(key):
    for names in ("abc", "cab", "xyz", "uvw"):
        cast = a_ring(names=names)
        cast.drain(cast.pick(key), keep_sticky=True)
        assert not cast.states[cast.pick(key)].draining


def test_what_is_asked_for_makes_nobody_sticky():
    cast = Cast("consistent-hashing", dict.fromkeys("abc", 100), hash_on="path")
    cast.drain("a", keep_sticky=True)
    assert set(placed(cast).values()) == {"b", "c"}


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name != "consistent-hashing"])
def test_without_a_ring_there_is_no_sticky_client(algorithm):
    cast = Cast(algorithm, {"a": 100, "b": 100})
    cast.drain("a", keep_sticky=True)
    assert {cast.pick(key) for key in KEYS} == {"b"}


def test_sticky_clients_leave_when_it_fails_or_is_unhealthy():
    cast = a_ring()
    before = placed(cast)
    cast.drain("a", keep_sticky=True)
    for key in (key for key in KEYS if before[key] == "a"):
        assert cast.pick(key, ["a"]) != "a"
    cast["a"].healthy = False
    after = placed(cast)
    assert "a" not in after.values()
    assert all(after[key] == before[key] for key in KEYS if before[key] != "a")


def test_a_new_cookie_leads_to_nobody_that_drains():
    cast = a_ring("cookie")
    assert cast.balancer.takes_new(b"any")
    cast.drain("a", "b", keep_sticky=True)
    for number in range(100):
        key, _ = issue_cookie(cast.upstream, number.to_bytes(16, "big"))
        assert cast.balancer.takes_new(key) is (cast.pick(key) == "c")


def test_it_is_told_who_stays():
    cast = a_ring()
    cast.drain("a", keep_sticky=True)
    assert cast.balancer.remark(cast["a"]) == "clients whose hash leads to it stay until the drain ends"
    assert cast["a"].obstacles == ("draining",)
    cast.drain("a")
    assert cast.balancer.remark(cast["a"]) == ""
