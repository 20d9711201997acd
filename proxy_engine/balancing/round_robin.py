"""Weighted round-robin: over every full turn each target gets exactly its weight, spread evenly.

Theory. Weights are divided by their greatest common divisor; a turn has as many places as the sum of what
remains. Target i with weight w wants its k-th place at (k + o) / w of the turn, k = 0 … w − 1, and the places
are taken in order of these wishes. Targets of equal weight get different o, evenly over 0 … 1, so that they
alternate rather than come in a bunch.

A short turn is laid out as a list and a pick is one look-up. A turn of weights such as 65535 and 65534 would
be a list of 131,069, and of a hundred such weights of millions: there the same order comes from a heap with
the next wish of each target. Both are exact, and both begin anew with each turn, so that no rounding adds up.

Further tries of a request stay out of the turn: one that took the next place would take it from the request that comes
next. With two targets of which one always fails, the good one's places would all go to further tries, and every request
would begin at the bad one. They go round in a rotation of their own; beside a long turn they are drawn by weight.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from heapq import heapify, heapreplace
from random import choices

from proxy_engine.health import TargetState

from .policy import Key, Policy, Pool

MAX_LISTED_PLACES = 4096  # laying out that many takes about 2 ms, once after each change


def round_robin(pool: Pool, previous: Policy | None) -> Policy:
    divisor = math.gcd(*(seat.weight for seat in pool.ready))
    weights = [seat.weight // divisor for seat in pool.ready]
    length = sum(weights)
    turn = ListedTurn if length <= MAX_LISTED_PLACES else LongTurn
    return turn(pool, weights, _places_done(previous, pool.offset, length))


def _places_done(previous: Policy | None, offset: float, length: int) -> int:
    """How far into the new turn we are when the old one was as far in its own; never back to a place that was taken."""
    if not isinstance(previous, ListedTurn | LongTurn):
        return int(offset * length)
    return -(-previous.done * length // previous.length) % length


class ListedTurn:
    """A turn laid out as a list of targets."""

    __slots__ = ("_done_again", "_places", "_pool", "done", "length")

    def __init__(self, pool: Pool, weights: Sequence[int], done: int) -> None:
        wishes = sorted(
            ((number + offset) / weight, index)
            for index, (weight, offset) in enumerate(zip(weights, _offsets(weights), strict=True))
            for number in range(weight)
        )
        self._pool = pool
        self._places = [pool.ready[index].state for _, index in wishes]
        self.length = len(wishes)
        self.done = done  # places of this turn that are taken
        self._done_again = done  # by further tries, of theirs

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        if tried:
            return self._pick_untried(tried)
        done = self.done
        state = self._places[done]
        self.done = done + 1 if done + 1 < self.length else 0
        return state

    def _pick_untried(self, tried: Collection[TargetState]) -> TargetState:
        done, places = self._done_again, self._places
        while (state := places[done]) in tried:
            done = (done + 1) % self.length
        self._done_again = (done + 1) % self.length
        return state

    def shares(self) -> list[float]:
        return self._pool.weight_shares()


class LongTurn:
    """The same order without the list, at O(log targets) a pick."""

    __slots__ = ("_heap", "_offsets", "_pool", "_taken", "_weights", "done", "length")

    def __init__(self, pool: Pool, weights: Sequence[int], done: int) -> None:
        self._pool = pool
        self._weights = weights
        self._offsets = _offsets(weights)
        self.length = sum(weights)
        self._begin(done)

    def _begin(self, done: int) -> None:
        # So many places before, no more than ``done`` wishes can lie; the few that are missing are taken one by one.
        part = max(done - len(self._weights), 0) / self.length
        pairs = list(zip(self._weights, self._offsets, strict=True))
        self._taken = [max(math.ceil(part * weight - offset), 0) for weight, offset in pairs]
        self._heap = [(self._wish(index), index) for index in range(len(pairs))]
        heapify(self._heap)
        self.done = sum(self._taken)
        while self.done < done:
            heapreplace(self._heap, self._take(self._heap[0][1]))

    def _wish(self, index: int) -> float:
        return (self._taken[index] + self._offsets[index]) / self._weights[index]

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        if tried:
            untried = [seat for seat in self._pool.ready if seat.state not in tried]
            return choices(untried, [seat.weight for seat in untried])[0].state
        if self.done >= self.length:
            self._begin(0)
        index = self._heap[0][1]
        heapreplace(self._heap, self._take(index))
        return self._pool.ready[index].state

    def _take(self, index: int) -> tuple[float, int]:
        self._taken[index] += 1
        self.done += 1
        return self._wish(index), index

    def shares(self) -> list[float]:
        return self._pool.weight_shares()


def _offsets(weights: Sequence[int]) -> list[float]:
    sizes = Counter(weights)
    seen: Counter[int] = Counter()
    offsets = []
    for weight in weights:
        offsets.append((seen[weight] + 0.5) / sizes[weight])
        seen[weight] += 1
    return offsets
