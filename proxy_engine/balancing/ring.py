"""Consistent hashing: a key keeps its target while that is ready, whatever happens to others.

Theory (Karger et al. 1997; Kong §8.3). Each target owns points on a circle of 2³² positions, 160 for the
average weight, and serves the keys between the previous point and its own. A target that comes or goes moves
only the keys on its own stretches, which are many and short, so they spread over all others. Points follow
from the target's address alone: all workers and nodes agree without speaking.

The circle is cut into ``slots`` stretches of equal length, and each belongs to the first point from its
beginning on. So a pick is one look-up in a list, and nothing but whole slots ever moves. A slot whose target
was tried goes to the next slot's.

How many points the others own depends on the average weight, as in Kong: where weights differ, an edit of one
moves a few keys between the others, too; where they are equal, none. Health is no edit: points follow from
the configured weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from hashlib import blake2b
from itertools import chain
from struct import unpack
from zlib import crc32

from proxy_engine.health import TargetState

from .policy import Key, Policy, Pool, Seat

POINTS_AT_AVERAGE_WEIGHT = 160
MIN_SLOTS = 1000  # Kong; fewer could not hold the shares
_CIRCLE_BITS = 32
_POINTS_PER_DIGEST = 16
_INDEX_BITS = 20
_INDEX_MASK = (1 << _INDEX_BITS) - 1
_NO_POINT = 1 << _CIRCLE_BITS + _INDEX_BITS
_SPREAD = 0x9E3779B1  # 2³² / golden ratio: CRC-32 alone leaves similar keys in neighbouring slots
_MASK = (1 << _CIRCLE_BITS) - 1


class ConsistentHashing:
    __slots__ = ("_pool", "_slots")

    def __init__(self, pool: Pool, previous: Policy | None) -> None:
        self._pool = pool
        self._slots = _lay_out(pool, max(pool.slots, MIN_SLOTS))

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        """``key``: bytes, or a number that is a hash already. None is hashed as no bytes."""
        value = key if key.__class__ is int else crc32(key or b"")
        slots = self._slots
        slot = (value * _SPREAD & _MASK) * len(slots) >> _CIRCLE_BITS
        state = slots[slot]
        return self._after(slot, tried) if tried and state in tried else state

    def _after(self, slot: int, tried: Collection[TargetState]) -> TargetState:
        slots = self._slots
        for state in chain(slots[slot:], slots[:slot], (seat.state for seat in self._pool.ready)):
            if state not in tried:
                return state
        raise AssertionError("the balancer asks only while a ready target is untried")

    def shares(self) -> list[float]:
        """The slots a target holds; when keys are few or unequal, traffic differs from that."""
        held = Counter(self._slots)
        return [held[seat.state] / len(self._slots) for seat in self._pool.ready]


def _point_count(seat: Seat, pool: Pool) -> int:
    total = sum(weight for _, weight in pool.seats)
    return max(1, POINTS_AT_AVERAGE_WEIGHT * seat.weight * len(pool.seats) // total)


def points_of(address: str, count: int) -> list[int]:
    """The first ``count`` of the target's endless sequence of points."""
    digests = -(-count // _POINTS_PER_DIGEST)
    points: list[int] = []
    for number in range(digests):
        points += unpack(">16I", blake2b(f"{address} {number}".encode()).digest())
    return points[:count]


def _lay_out(pool: Pool, count: int) -> list[TargetState]:
    """The owner of each slot: its first point's, or that of the next slot."""
    firsts = [_NO_POINT] * count
    for index, seat in enumerate(pool.ready):
        for point in points_of(seat.state.target.target, _point_count(seat, pool)):
            slot = point * count >> _CIRCLE_BITS
            marked = point << _INDEX_BITS | index
            if marked < firsts[slot]:
                firsts[slot] = marked
    states = [seat.state for seat in pool.ready]
    owner = states[next(marked for marked in firsts if marked < _NO_POINT) & _INDEX_MASK]  # round the circle
    owners = []
    for marked in reversed(firsts):
        if marked < _NO_POINT:
            owner = states[marked & _INDEX_MASK]
        owners.append(owner)
    owners.reverse()
    return owners
