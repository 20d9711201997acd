"""Random choices in proportion to weight: one draw, or the less busy of two."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from itertools import accumulate
from random import random

from proxy_engine.health import TargetState

from .policy import Key, Policy, Pool, Seat


class Random:
    __slots__ = ("_ends", "_pool", "_total")

    def __init__(self, pool: Pool, previous: Policy | None) -> None:
        self._pool = pool
        self._ends = list(accumulate(seat.weight for seat in pool.ready))
        self._total = self._ends[-1]

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        if tried:
            return self._without(tried).pick(key, ())
        return self._pool.ready[bisect_right(self._ends, random() * self._total)].state

    def _without(self, tried: Collection[TargetState]) -> Random:
        untried = tuple(seat for seat in self._pool.ready if seat.state not in tried)
        return type(self)(self._pool._replace(ready=untried), None)

    def shares(self) -> list[float]:
        return self._pool.weight_shares()


class PowerOfTwo(Random):
    """Of two different targets drawn, the one with fewer attempts in flight for its weight; of equals, the first.

    Needs no order of all targets, and many workers that know nothing of each other do not rush to the same
    one (Mitzenmacher, "The power of two choices in randomized load balancing", 2001).
    """

    __slots__ = ()

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        if tried:
            return self._without(tried).pick(key, ())
        ready = self._pool.ready
        first = bisect_right(self._ends, random() * self._total)
        if len(ready) == 1:
            return ready[0].state
        one, other = ready[first], ready[self._other_than(first)]
        return (other if _is_less_busy(other, one) else one).state

    def _other_than(self, first: int) -> int:
        """A second draw as if the first target were not there: its stretch is skipped."""
        weight = self._pool.ready[first].weight
        point = random() * (self._total - weight)
        if point >= self._ends[first] - weight:
            point += weight
        return bisect_right(self._ends, point)


def _is_less_busy(one: Seat, other: Seat) -> bool:
    return one.state.active * other.weight < other.state.active * one.weight
