"""The target with the lowest score: least-connections and latency.

Both keep the targets in a heap by score. A score that falls is posted anew, and the older entry is dropped when it
comes up (its ticket is no longer the target's latest). A score that rises is found out when its entry comes up, and put
back in its place. So a pick looks at the top, and a change costs at most O(log targets). Equal scores go in order of
tickets: to whoever was picked longest ago.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from heapq import heapify, heappop, heappush, heapreplace

from proxy_engine.health import LATENCY_DECAY_S, MIN_LATENCY_S, TargetState

from .policy import Key, Policy, Pool

_GARBAGE_SHARE = 4  # the heap is swept when it holds more than so many entries a target


class _LowestScore:
    """The heap. A subclass says what the score is, and calls ``_post`` when it may have fallen."""

    __slots__ = ("__weakref__", "_heap", "_indices", "_latest", "_pool", "_posted", "_size_limit", "_states", "_ticket")

    def __init__(self, pool: Pool, previous: Policy | None) -> None:
        size = len(pool.ready)
        self._pool = pool
        self._states = [seat.state for seat in pool.ready]
        self._indices = {state: index for index, state in enumerate(self._states)}
        self._posted = [0.0] * size  # the score in a seat's latest entry
        self._latest = list(range(size))  # and its ticket
        self._ticket = size
        self._size_limit = size * _GARBAGE_SHARE + 16
        self._prepare()
        self._sweep()
        for state in self._states:
            state.follow_load(self)

    def _prepare(self) -> None:
        """Whatever the score needs."""

    def _score(self, index: int) -> float:
        raise NotImplementedError

    def load_fell(self, state: TargetState) -> None:
        self._post(self._indices[state])

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        if tried:
            untried = (index for index, state in enumerate(self._states) if state not in tried)
            return self._states[min(untried, key=self._score)]
        return self._states[self._take_lowest()]

    def shares(self) -> list[float]:
        return self._pool.weight_shares()

    def _sweep(self) -> None:
        """Scores all anew, leaving outdated entries behind."""
        indices = range(len(self._states))
        self._posted = [self._score(index) for index in indices]
        self._heap = list(zip(self._posted, self._latest, indices, strict=True))
        heapify(self._heap)

    def _post(self, index: int) -> None:
        score = self._score(index)
        if score < self._posted[index]:
            if len(self._heap) >= self._size_limit:
                self._sweep()
            heappush(self._heap, self._entry(score, index))

    def _take_lowest(self) -> int:
        heap = self._heap
        while True:
            posted, ticket, index = heap[0]
            if self._latest[index] != ticket:
                heappop(heap)
                continue
            score = self._score(index)
            heapreplace(heap, self._entry(score, index))
            if score <= posted:
                return index

    def _entry(self, score: float, index: int) -> tuple[float, int, int]:
        self._ticket += 1
        self._latest[index] = self._ticket
        self._posted[index] = score
        return score, self._ticket, index


class LeastConnections(_LowestScore):
    """Lowest (attempts in flight + 1) / weight (Kong §8.3)."""

    __slots__ = ("_weights",)

    def _prepare(self) -> None:
        self._weights = [seat.weight for seat in self._pool.ready]

    def _score(self, index: int) -> float:
        return (self._states[index].active + 1) / self._weights[index]


class LowestLatency(_LowestScore):
    """Lowest peak EWMA of the response time × (attempts in flight + 1) / weight.

    An average decays while nothing is observed: L·e^(−(now − t)/10 s). The factor e^(−now/10 s) is the same for all
    targets, so they keep their order as time goes by, and scores can be compared as ln L + t/10 s + ln((active + 1)
    / weight) without asking for the time. Targets of which nothing is known yet count as the average of the others,
    as in Kong: neither shunned nor flooded.
    """

    __slots__ = ("_levels", "_mean", "_unknown", "_weight_levels")

    def _prepare(self) -> None:
        self._unknown = {index for index, state in enumerate(self._states) if state.latency is None}
        known = [(state.latency, state.latency_at) for state in self._states if state.latency is not None]
        newest = max((at for _, at in known), default=0.0)
        decayed = [latency * math.exp((at - newest) / LATENCY_DECAY_S) for latency, at in known]
        self._mean = max(sum(decayed) / len(decayed), MIN_LATENCY_S) if decayed else None
        assumed = _level(self._mean, newest) if self._mean else 0.0
        self._levels = [
            assumed if state.latency is None else _level(state.latency, state.latency_at) for state in self._states
        ]
        self._weight_levels = [math.log(seat.weight) for seat in self._pool.ready]

    def _score(self, index: int) -> float:
        return self._levels[index] + math.log(self._states[index].active + 1) - self._weight_levels[index]

    def load_fell(self, state: TargetState) -> None:
        index, latency = self._indices[state], state.latency
        if latency is not None:
            self._levels[index] = _level(latency, state.latency_at)
            if self._unknown:
                self._learn(index, latency, state.latency_at)
        self._post(index)

    def _learn(self, index: int, latency: float, at: float) -> None:
        """While some are unknown, what is assumed of them follows what is observed of the others."""
        self._unknown.discard(index)
        known = len(self._states) - len(self._unknown)
        self._mean = latency if self._mean is None else self._mean + (latency - self._mean) / known
        assumed = _level(self._mean, at)
        for unknown in self._unknown:
            self._levels[unknown] = assumed
            self._post(unknown)

    def shares(self) -> list[float]:
        """In proportion to weight / latency: at equal scores, twice as fast serves twice as much."""
        known = [state.latency for state in self._states if state.latency is not None]
        average = sum(known) / len(known) if known else 1.0
        speeds = [weight / (state.latency or average) for state, weight, _ in self._pool.ready]
        return [speed / sum(speeds) for speed in speeds]


def _level(latency: float, at: float) -> float:
    return math.log(latency) + at / LATENCY_DECAY_S
