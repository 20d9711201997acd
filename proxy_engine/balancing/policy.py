"""What all algorithms have in common: they choose among seats.

A policy is made for the targets that are ready at that moment and replaced when that changes; so it needs to
look at nothing but who was tried already. It never sees an empty pool.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from proxy_engine.health import TargetState

Key = bytes | int | None


class Seat(NamedTuple):
    state: TargetState
    weight: int  # > 0, compared with those it sits with
    part: int = 100  # percent of its full weight that this is; less while it starts slowly


class Pool(NamedTuple):
    ready: tuple[Seat, ...]  # at least one
    seats: tuple[Seat, ...]  # all of its priority with a weight, ready or not; with their full weights
    slots: int  # of a hash ring
    offset: float  # 0 ≤ offset < 1: where in its turn a rotating policy begins

    def weight_shares(self) -> list[float]:
        total = sum(seat.weight for seat in self.ready)
        return [seat.weight / total for seat in self.ready]


class Policy(Protocol):
    def __init__(self, pool: Pool, previous: Policy | None) -> None:
        """``previous`` chose for this upstream before: go on from there where that means anything."""

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        """``tried`` never holds all ready targets."""
        ...

    def shares(self) -> list[float]:
        """The share of traffic each ready seat can expect, in their order; adds up to 1."""
        ...
