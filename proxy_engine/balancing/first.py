"""What stands before a policy at the first try of a request, in the rare cases that ask for it: a drain that lets
sticky clients stay, and panic, which is counted. Further tries go to the policy itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from proxy_engine.health import TargetState

from .policy import Key, Policy


class PanicCounts(Protocol):
    """``panics``: how often an upstream began to use all its targets; ``panic_picks``: picks meanwhile."""

    panics: int
    panic_picks: int


class KeepsSticky:
    """While targets drain that clients may stay with: a key that leads to one of them does so as before, and who brings
    no key goes where nobody drains. All other keys lead to the same target in both rings."""

    __slots__ = ("_rest", "_whole")

    def __init__(self, whole: Policy, rest: Policy) -> None:
        """``whole``: the ring with those that drain; ``rest``: without."""
        self._whole = whole
        self._rest = rest

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        return (self._rest if key is None or key == b"" else self._whole).pick(key, tried)

    def takes_new(self, key: Key) -> bool:
        return not self._whole.pick(key, ()).draining


class CountsPanic:
    __slots__ = ("_counts", "_policy")

    def __init__(self, policy: Policy, counts: PanicCounts) -> None:
        self._policy = policy
        self._counts = counts

    def pick(self, key: Key, tried: Collection[TargetState]) -> TargetState:
        self._counts.panic_picks += 1
        return self._policy.pick(key, tried)
