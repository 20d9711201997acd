"""One balancer for all algorithms: who is ready, whether the pool may be used at all, and a policy that picks.

The work is done when something changes, not when a target is picked: a state that becomes ready or stops being so
marks the balancer, and the next pick first makes the policy anew for the targets that are ready then. Edited targets
or weights are a new balancer over the same states; given its predecessor, it goes on where that one was.

Priorities. Targets of one priority are a *tier*, with a policy and, where a hash decides, a ring of its own. The lowest
tier with a ready target serves; the others are its reserve. A further try of a request goes on to the next tier once
all ready targets of a tier were tried. There is no spill-over by share as in Envoy: a tier serves with its last target,
as ``backup`` servers of HAProxy and nginx do.

When health leaves nothing to use, ``when_all_unhealthy`` decides. ``refuse`` is Kong's answer, 503. With ``use_all``
what was observed is taken for wrong: all wanted targets of all tiers are one pool, as in Envoy's panic mode. That goes
for a pool with too little available for its threshold, too: to serve with none healthy, yet refuse with one, would help
nobody. With ``threshold`` panic begins before that: as soon as less than ``panic_threshold`` of the weight is
available, before those that are left break down under the load of all. What the operator took out, and names that do
not resolve, stay out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from proxy_engine.health import TargetState
from proxy_engine.spec import STICKY_INPUTS, Target, Upstream

from .chance import PowerOfTwo, Random
from .first import CountsPanic, KeepsSticky, PanicCounts
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
ALL_TIERS = -1
"""In place of a priority: the one tier of a pool that uses all its targets."""


class Tier(NamedTuple):
    """Targets of one priority of which at least one may be picked."""

    priority: int
    ready: tuple[Seat, ...]
    seats: tuple[Seat, ...]  # all with a weight

    @property
    def states(self) -> list[TargetState]:
        return [seat.state for seat in self.ready]


class Balancer:
    __slots__ = (
        "__weakref__",
        "_fresh",
        "_is_sticky",
        "_make_policy",
        "_offset",
        "_panics",
        "_policies",
        "_policy",
        "_stale",
        "_tiers",
        "_was_in_panic",
        "states",
        "upstream",
    )

    def __init__(
        self,
        upstream: Upstream,
        targets: Sequence[Target],
        states: Callable[[Target], TargetState],
        *,
        previous: Balancer | None = None,
        offset: float = 0.0,
        panics: PanicCounts | None = None,
    ) -> None:
        """``states`` gives each target's state, the same one for the same target id every time.

        ``previous`` is the balancer this one replaces. ``offset`` (0 ≤ offset < 1) shifts where rotation
        begins: workers that start together should not all begin with the same target. Raises ``KeyError`` for
        an unknown algorithm. ``panics`` counts, where somebody wants to know.
        """
        self.upstream = upstream
        self.states = tuple(map(states, targets))
        self._make_policy = ALGORITHMS[upstream.algorithm]
        self._offset = offset
        self._tiers: tuple[Tier, ...] | None = None  # what may be picked, in order; None: not known at the moment
        self._policy: Policy | KeepsSticky | CountsPanic | None = None  # of the first tier, for first tries
        self._policies = _policies_of(previous, {target.priority for target in targets})
        self._fresh: set[int] = set()  # priorities whose policy knows who is ready now
        self._stale = True
        self._is_sticky = upstream.algorithm == "consistent-hashing" and upstream.hash_on in STICKY_INPUTS
        self._panics = panics
        self._was_in_panic = previous is not None and previous._was_in_panic
        for state, target in zip(self.states, targets, strict=True):
            if state.target != target:
                state.adopt(target)
            state.follow(self)

    def pick(self, key: Key = None, tried: Sequence[TargetState] = ()) -> TargetState | None:
        """The target for the next attempt; None when the pool may not be used.

        ``key`` is what consistent hashing hashes. Targets in ``tried`` are passed over while others are ready; then
        those that were tried as often as their names have addresses, while there are others.
        """
        if self._stale:
            self._refresh()
        policy = self._policy
        if policy is None:
            return None
        return self._pick_untried(key, tried) if tried else policy.pick(key, ())

    def takes_new(self, key: Key) -> bool:
        """Whether a new client may get this key: none that leads to a target which drains."""
        if self._stale:
            self._refresh()
        return not isinstance(self._policy, KeepsSticky) or self._policy.takes_new(key)

    def _pick_untried(self, key: Key, tried: Sequence[TargetState]) -> TargetState:
        for tier in self._known_tiers():
            untried = sum(state not in tried for state in tier.states)
            if untried:
                return self._policy_of(tier).pick(key, tried if untried < len(tier.ready) else ())
        return self._pick_again(key, tried)

    def _pick_again(self, key: Key, tried: Sequence[TargetState]) -> TargetState:
        for tier in self._known_tiers():
            left = [state for state in tier.states if tried.count(state) < state.addresses]
            if len(left) > 1:  # not the same at once
                return self._policy_of(tier).pick(key, [*(set(tier.states) - set(left)), tried[-1]])
            if left:
                return left[0]
        return tried[0]

    def shares(self) -> dict[str, float]:
        """The share of traffic each target can expect now, by target id; 0 for those that get none."""
        shares = dict.fromkeys((state.target.id for state in self.states), 0.0)
        if self.usable:
            first = self._known_tiers()[0]
            ids = (state.target.id for state in first.states)
            shares.update(zip(ids, self._policy_of(first).shares(), strict=True))
        return shares

    @property
    def usable(self) -> bool:
        """Whether any target may be picked: enough of the weight is available (Kong's ``healthchecks.threshold``),
        or all are used whatever their health."""
        return bool(self._known_tiers())

    @property
    def uses_all(self) -> bool:
        """Whether health was of no use, and all wanted targets are used."""
        return self.usable and self._known_tiers()[0].priority == ALL_TIERS

    def remark(self, state: TargetState) -> str:
        """What else decides on the part of a target of this pool than its own obstacles; empty: nothing does."""
        if self.usable and self._is_sticky and state.keeps_sticky:
            return "clients whose hash leads to it stay until the drain ends"
        if not self.usable or not state.wanted:
            return ""
        priority, serving = state.target.priority, self._known_tiers()[0].priority
        if serving == ALL_TIERS:
            return "used all the same: too few targets are healthy"
        if priority > serving:
            return f"reserve: priority {priority}, while a target of priority {serving} is ready"
        if 0 < priority == serving and state.ready:
            return f"reserve in use: priority {priority}, as no target of a lower one is ready"
        if state.ready and state.part < 100:
            return f"slow start: {state.part} % of its share"
        return ""

    def readiness_changed(self) -> None:
        self._stale = True
        self._tiers = None

    def _refresh(self) -> None:
        tiers = self._known_tiers()
        self._policy = self._first_choice(tiers[0]) if tiers else None
        self._stale = False

    def _first_choice(self, tier: Tier) -> Policy | KeepsSticky | CountsPanic:
        policy = self._policy_of(tier)
        staying = tuple(seat for seat in tier.seats if seat.state.keeps_sticky) if self._is_sticky else ()
        if staying:
            pool = Pool((*tier.ready, *staying), tier.seats, self.upstream.slots, self._offset)
            return KeepsSticky(ConsistentHashing(pool, None), policy)
        return self._counted(policy, is_panic=tier.priority == ALL_TIERS)

    def _counted(self, policy: Policy, *, is_panic: bool) -> Policy | CountsPanic:
        began, self._was_in_panic = is_panic and not self._was_in_panic, is_panic
        if self._panics is None or not is_panic:
            return policy
        self._panics.panics += began
        return CountsPanic(policy, self._panics)

    def _known_tiers(self) -> tuple[Tier, ...]:
        """None: the pool may not be used. Without policies, which nobody needs who only asks."""
        if self._tiers is None:
            self._tiers = self._usable_tiers()
            self._fresh.clear()
        return self._tiers

    def _usable_tiers(self) -> tuple[Tier, ...]:
        seats = tuple(Seat(state, weight) for state in self.states if (weight := state.weight))
        tiers = _ready_tiers(seats)
        if tiers and self._has_enough(seats):
            return tiers
        wanted = tuple(seat for seat in seats if seat.state.wanted)
        if wanted and self.upstream.when_all_unhealthy != "refuse":
            return (Tier(ALL_TIERS, wanted, seats),)
        return ()

    def _has_enough(self, seats: Sequence[Seat]) -> bool:
        """More of the weight than Kong's threshold is available, and where there may be panic, not less than its."""
        upstream = self.upstream
        threshold, panics = upstream.healthchecks.threshold, upstream.when_all_unhealthy == "threshold"
        if not threshold and not panics:
            return True  # one ready target is enough
        percent = _available_percent(seats)
        return percent > threshold and (not panics or percent >= upstream.panic_threshold)

    def _policy_of(self, tier: Tier) -> Policy:
        """Made when it is first needed: most reserves never are."""
        priority = tier.priority
        if priority not in self._fresh:
            pool = Pool(tier.ready, tier.seats, self.upstream.slots, self._offset)
            self._policies[priority] = self._make_policy(pool, self._policies.get(priority))
            self._fresh.add(priority)
        return self._policies[priority]

    def __repr__(self) -> str:
        ready = sum(state.ready for state in self.states)
        return f"<Balancer {self.upstream.name} {self.upstream.algorithm}, {ready} of {len(self.states)} ready>"


def _policies_of(previous: Balancer | None, priorities: set[int]) -> dict[int, Policy]:
    """By priority, the policies that were needed so far, up to date or not; each goes on in its successor."""
    if previous is None:
        return {}
    return {priority: policy for priority, policy in previous._policies.items() if priority in priorities}


def _ready_tiers(seats: Sequence[Seat]) -> tuple[Tier, ...]:
    """In order of priority."""
    by_priority: dict[int, list[Seat]] = defaultdict(list)
    for seat in seats:
        by_priority[seat.state.target.priority].append(seat)
    tiers = []
    for priority in sorted(by_priority):
        of_tier = by_priority[priority]
        ready = tuple(seat for seat in of_tier if seat.state.ready)
        if ready:
            tiers.append(Tier(priority, _as_they_count(ready), tuple(of_tier)))
    return tuple(tiers)


def _as_they_count(ready: tuple[Seat, ...]) -> tuple[Seat, ...]:
    """While one of them starts slowly, in hundredths."""
    if all(seat.state.part == 100 for seat in ready):
        return ready
    return tuple(Seat(state, weight * state.part, state.part) for state, weight, _ in ready)


def _available_percent(seats: Sequence[Seat]) -> float:
    """Of the weight, over all tiers: a reserve that can take over keeps the upstream available.

    What the operator took out himself (disabled, draining) counts neither way: taking out most targets by hand is no
    reason to refuse the rest.
    """
    wanted = [seat for seat in seats if seat.state.wanted]
    total = sum(seat.weight for seat in wanted)
    return 100 * sum(seat.weight for seat in wanted if seat.state.available) / total if total else 0.0
