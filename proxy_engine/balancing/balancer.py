"""One balancer for all algorithms: who is ready, whether the pool may be used at all, and a policy that picks.

The work is done when something changes, not when a target is picked: a state that becomes ready or stops being so
marks the balancer, and the next pick first makes the policy anew for the targets that are ready then. Edited targets
or weights are a new balancer over the same states; given its predecessor, it goes on where that one was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from proxy_engine.health import TargetState
from proxy_engine.spec import Target, Upstream

from .chance import PowerOfTwo, Random
from .least import LeastConnections, LowestLatency
from .policy import Key, Policy, Pool, Seat
from .ring import ConsistentHashing
from .round_robin import round_robin

ALGORITHMS: dict[str, Callable[[Pool, Policy | None], Policy]] = {
    "round-robin": round_robin,
    "least-connections": LeastConnections,
    "latency": LowestLatency,
    "consistent-hashing": ConsistentHashing,
    "random": Random,
    "power-of-two": PowerOfTwo,
}


class Balancer:
    __slots__ = ("__weakref__", "_make_policy", "_offset", "_policy", "_stale", "_usable", "states", "upstream")

    def __init__(
        self,
        upstream: Upstream,
        targets: Sequence[Target],
        states: Callable[[Target], TargetState],
        *,
        previous: Balancer | None = None,
        offset: float = 0.0,
    ) -> None:
        """``states`` gives each target's state, the same one for the same target id every time.

        ``previous`` is the balancer this one replaces. ``offset`` (0 ≤ offset < 1) shifts where rotation
        begins: workers that start together should not all begin with the same target. Raises ``KeyError`` for
        an unknown algorithm.
        """
        self.upstream = upstream
        self.states = tuple(map(states, targets))
        self._make_policy = ALGORITHMS[upstream.algorithm]
        self._offset = offset
        self._policy: Policy | None = previous._policy if previous is not None else None
        self._usable = False
        self._stale = True
        for state, target in zip(self.states, targets, strict=True):
            if state.target != target:
                state.adopt(target)
            state.follow(self)

    def pick(self, key: Key = None, tried: Collection[TargetState] = ()) -> TargetState | None:
        """The target for the next attempt; None when the pool may not be used.

        ``key`` is what consistent hashing hashes. Targets in ``tried`` are passed over while others are ready.
        """
        if self._stale:
            self._refresh()
        if not self._usable:
            return None
        if tried and all(state in tried for state in self.states if state.ready):
            tried = ()
        return self._policy.pick(key, tried)

    def shares(self) -> dict[str, float]:
        """The share of traffic each target can expect now, by target id; 0 for those that get none."""
        if self._stale:
            self._refresh()
        shares = dict.fromkeys((state.target.id for state in self.states), 0.0)
        if self._usable:
            ready = (state.target.id for state in self.states if state.ready)
            shares.update(zip(ready, self._policy.shares(), strict=True))
        return shares

    @property
    def usable(self) -> bool:
        """Whether enough of the weight is available (Kong's ``healthchecks.threshold``)."""
        if self._stale:
            self._refresh()
        return self._usable

    def readiness_changed(self) -> None:
        self._stale = True

    def _refresh(self) -> None:
        seats = tuple(Seat(state, state.target.weight) for state in self.states if state.target.weight)
        ready = tuple(seat for seat in seats if seat.state.ready)
        self._usable = bool(ready) and _is_enough(seats, self.upstream.healthchecks.threshold)
        if self._usable:
            pool = Pool(ready, seats, self.upstream.slots, self._offset)
            self._policy = self._make_policy(pool, self._policy)
        self._stale = False

    def __repr__(self) -> str:
        ready = sum(state.ready for state in self.states)
        return f"<Balancer {self.upstream.name} {self.upstream.algorithm}, {ready} of {len(self.states)} ready>"


def _is_enough(seats: Sequence[Seat], threshold: float) -> bool:
    """More than ``threshold`` percent of the weight is available.

    What the operator took out himself (disabled, draining) counts neither way: taking out most targets by
    hand is no reason to refuse the rest.
    """
    wanted = [seat for seat in seats if seat.state.target.enabled and not seat.state.draining]
    total = sum(seat.weight for seat in wanted)
    available = sum(seat.weight for seat in wanted if seat.state.available)
    return available * 100 > threshold * total
