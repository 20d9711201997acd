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
the configured weights. Slow start is: a target's first points are entered before the others, so that with each step
some keys move to it, and none between others.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable
from hashlib import blake2b
from itertools import chain
from struct import unpack
from zlib import crc32

from proxy_engine.health import TargetState

from .policy import Key, Policy, Pool

POINTS_AT_AVERAGE_WEIGHT = 160
MIN_SLOTS = 1000  # Kong; fewer could not hold the shares
KEPT_FROM_SEATS = 16  # for fewer, a circle is made in 0.5 ms, and keeping it would treble what an upstream takes
MOST_GONE_SHARE = 8  # one in so many of those that are ready
_CIRCLE_BITS = 32
_POINTS_PER_DIGEST = 16
_NO_POINT = 1 << _CIRCLE_BITS
_SPREAD = 0x9E3779B1  # 2³² / golden ratio: CRC-32 alone leaves similar keys in neighbouring slots
_MASK = (1 << _CIRCLE_BITS) - 1


class ConsistentHashing:
    __slots__ = ("_circle", "_pool", "_slots")

    def __init__(self, pool: Pool, previous: Policy | None) -> None:
        before = previous._circle if isinstance(previous, ConsistentHashing) else None
        circle = Circle(pool, before)
        self._pool = pool
        self._slots = circle.filled()
        self._circle = circle if len(pool.seats) >= KEPT_FROM_SEATS else None

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


def _points_of_all(
    pool: Pool, known: dict[str, array[int]]
) -> tuple[dict[str, array[int]], dict[TargetState, array[int]]]:
    """Of all seats, as who is not ready may be in a moment: what was hashed by address, and what counts of it.

    Who starts slowly has a part of its points, the same that it had before and some more; the others keep theirs.
    """
    hashed, counted, total = {}, {}, sum(seat.weight for seat in pool.seats)
    parts = {state: part for state, _, part in pool.ready}
    for state, weight, _ in pool.seats:
        address = state.target.target
        count = max(1, POINTS_AT_AVERAGE_WEIGHT * weight * len(pool.seats) // total)
        count = max(1, count * parts.get(state, 100) // 100)
        before = known.get(address, ())
        points = before if len(before) >= count else points_of(address, count)
        hashed[address], counted[state] = points, points if len(points) == count else points[:count]
    return hashed, counted


def _begins_with(points: array[int], beginning: array[int]) -> bool:
    return points is beginning or points[: len(beginning)] == beginning


def points_of(address: str, count: int) -> array[int]:
    """The beginning of the target's endless sequence of points: ``count`` of them, and the rest of a digest."""
    start, digests = address.encode(), -(-count // _POINTS_PER_DIGEST)
    joined = b"".join([blake2b(b"%b %d" % (start, number)).digest() for number in range(digests)])
    return array("I", unpack(f">{digests * _POINTS_PER_DIGEST}I", joined))


class Circle:
    """Which ready target has the first point of each slot, if any has. Of equal points the earlier seat's comes first.

    Written for speed, as a worker stands still meanwhile: a hundred targets have 16,000 points. After an edit points
    that were hashed before are taken over; where only readiness changed, so is the circle, and only the points of
    those that came are entered, and the slots of those that went are looked through again.
    """

    __slots__ = ("_count", "_firsts", "_order", "_owners", "_points", "_ready", "hashed")

    def __init__(self, pool: Pool, before: Circle | None) -> None:
        self.hashed, self._points = _points_of_all(pool, before.hashed if before else {})
        self._order = {seat.state: number for number, seat in enumerate(pool.seats)}
        self._ready = {seat.state for seat in pool.ready}
        self._count = max(pool.slots, MIN_SLOTS)
        if before is not None and self._is_much_like(before):
            self._firsts, self._owners = before._firsts.copy(), before._owners.copy()
            self._remove(before._ready - self._ready)
            self._enter(self._ready - before._ready)
            self._enter_more(before)
        else:
            self._firsts = [_NO_POINT] * self._count
            self._owners: list[TargetState | None] = [None] * self._count
            self._enter(self._ready)

    def _is_much_like(self, before: Circle) -> bool:
        """Of those that stay none lost a point, and few went: to look through many slots again costs more than to begin
        anew."""
        gone = before._ready - self._ready
        if before._count != self._count or before._points.keys() != self._points.keys():
            return False
        stay_whole = all(_begins_with(self._points[state], before._points[state]) for state in before._ready)
        return stay_whole and len(gone) * MOST_GONE_SHARE <= len(self._ready)

    def _enter_more(self, before: Circle) -> None:
        """Who starts slowly gets more points from step to step."""
        for state in self._ready & before._ready:
            points, entered = self._points[state], len(before._points[state])
            if len(points) > entered:
                self._enter_points(state, points[entered:])

    def _enter(self, states: Iterable[TargetState]) -> None:
        for state in states:
            self._enter_points(state, self._points[state])

    def _enter_points(self, state: TargetState, points: Iterable[int]) -> None:
        firsts, owners, order, count = self._firsts, self._owners, self._order, self._count
        for point in points:
            slot = point * count >> _CIRCLE_BITS
            first = firsts[slot]
            if point <= first and (point < first or order[state] < order[owners[slot]]):
                firsts[slot] = point
                owners[slot] = state

    def _remove(self, states: Collection[TargetState]) -> None:
        count, owners = self._count, self._owners
        freed = {point * count >> _CIRCLE_BITS for state in states for point in self._points[state]}
        freed = {slot for slot in freed if owners[slot] in states}
        for slot in freed:
            self._firsts[slot], owners[slot] = _NO_POINT, None
        for state in self._ready if freed else ():
            points = [point for point in self._points[state] if point * count >> _CIRCLE_BITS in freed]
            self._enter_points(state, points)

    def filled(self) -> list[TargetState]:
        """The owner of each slot: its first point's, or that of the next slot."""
        owner = next(owner for owner in self._owners if owner is not None)  # round the circle
        slots = [owner := found or owner for found in reversed(self._owners)]
        slots.reverse()
        return slots
