"""All pools of a worker, by address and rules, shared by the services that reach the same address by the same rules.

Pools retire by generation: an edit of the rules makes new pools, and the old ones go when nobody uses them any more,
which is when their last request is over. They stay in the rounds until then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from .dial import Address, PoolRules
from .pool import Counts

if TYPE_CHECKING:
    from proxy_engine.health import TargetState

ROUND = 50  # sweeps in which every pool is visited once; a sweep comes each 0.1 s
SLICE = 64  # pools that a sweep visits at least
BRISK_S = 10.0  # pools with a shorter idle timeout are visited at each sweep, so that it holds to the tenth of a second


class AnyPool(Protocol):
    """A ``Pool``, a ``NamedPool``, or what stands for them where nothing is connected."""

    address: Address
    rules: PoolRules

    def attach(self, state: TargetState) -> None: ...
    def detach(self, state: TargetState) -> None: ...
    def sweep(self, now: float) -> None: ...
    def retire(self) -> None: ...

    @property
    def is_empty(self) -> bool: ...

    @property
    def counts(self) -> Counts: ...


class PoolBook:
    def __init__(self, make: Callable[[Address, PoolRules], AnyPool]) -> None:
        self.totals = Counts()  # as of the last round; of all pools there ever were
        self._make = make
        self._pools: dict[tuple[Address, PoolRules], AnyPool] = {}
        self._users: dict[tuple[Address, PoolRules], int] = defaultdict(int)
        self._brisk: set[AnyPool] = set()
        self._parting: list[AnyPool] = []  # retired, not yet empty
        self._gone = Counts()  # of those that are
        self._round: Iterator[AnyPool] = iter(())
        self._sum = Counts()  # of those visited in this round

    def __repr__(self) -> str:
        return f"<PoolBook pools={len(self._pools)} parting={len(self._parting)}>"

    def __iter__(self) -> Iterator[AnyPool]:
        return iter(self._pools.values())

    def acquire(self, address: Address, rules: PoolRules, state: TargetState) -> AnyPool:
        """The pool by which the target behind ``state`` is reached; to be released once for each time."""
        key = (address, rules)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = self._make(address, rules)
            if rules.idle_timeout < BRISK_S:
                self._brisk.add(pool)
        self._users[key] += 1
        pool.attach(state)
        return pool

    def release(self, uses: Iterable[tuple[TargetState, AnyPool]]) -> None:
        for state, pool in uses:
            pool.detach(state)
            key = (pool.address, pool.rules)
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                self._retire(self._pools.pop(key))

    def _retire(self, pool: AnyPool) -> None:
        pool.retire()
        self._brisk.discard(pool)
        self._parting.append(pool)

    def sweep(self, now: float) -> None:
        """Visits a part of the pools: at 10,000 all of them at once would hold requests up."""
        for pool in self._brisk:
            pool.sweep(now)
        wanted = max(SLICE, len(self._pools) // ROUND)
        visited = 0
        for pool in islice(self._round, wanted):
            pool.sweep(now)
            self._sum += pool.counts
            visited += 1
        if visited < wanted:
            self._end_round()

    def _end_round(self) -> None:
        self.totals = self._gone + self._sum
        staying = []
        for pool in self._parting:
            if pool.is_empty:
                self._gone += pool.counts
            else:
                staying.append(pool)
        self._parting = staying
        self._sum = Counts()
        self._round = iter([*self._pools.values(), *staying])
