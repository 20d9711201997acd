"""What is observed of one target in one process: whether it may be picked, and how it has been doing.

Spec is not state: ``target`` is what the operator asked for and may be exchanged by ``adopt``; everything
else survives reloads. Balancers that hold the state are told when it becomes ready or stops being so, and, if
they asked for it, when its load falls; so that a pick need not look at all targets. They are referred to
weakly: a replaced balancer simply goes.
"""

from __future__ import annotations

import math
from typing import Protocol, TypeVar
from weakref import ref

from proxy_engine.spec import Target

from .machine import Counters, Health, override

LATENCY_DECAY_S = 10.0  # Kong's decay constant of the EWMA
MIN_LATENCY_S = 1e-6  # keeps logarithms and quotients finite

_F = TypeVar("_F")


class Follower(Protocol):
    def readiness_changed(self) -> None: ...


class LoadFollower(Protocol):
    def load_fell(self, state: TargetState) -> None: ...


class Trials(Protocol):
    def began(self, state: TargetState) -> None: ...


class Starter(Protocol):
    def begin(self, state: TargetState) -> None: ...


class TargetState:
    """``ready`` = enabled ∧ healthy ∧ not ejected ∧ not draining ∧ weight > 0 ∧ its name resolves; kept by the setters.

    ``active`` is changed by ``begin`` and ``end`` only. ``trials`` is told of each attempt that begins while few may,
    ``starter`` when it turns ready.
    """

    __slots__ = (
        "__weakref__",
        "_addresses",
        "_ejected",
        "_followers",
        "_healthy",
        "_load_followers",
        "_part",
        "active",
        "counters",
        "failures",
        "latency",
        "latency_at",
        "ready",
        "requests",
        "starter",
        "target",
        "trials",
    )

    def __init__(self, target: Target, *, healthy: bool = True) -> None:
        self.target = target
        self._healthy = healthy
        self._ejected = False
        self._addresses = 1
        self._part = 100
        self.ready = False
        self.active = 0  # attempts in flight
        self.requests = 0  # attempts so far
        self.failures = 0  # of them failed
        self.latency: float | None = None  # s, peak EWMA; None until observed
        self.latency_at = 0.0  # when it was observed, on the caller's clock
        self.counters = Counters(Health.HEALTHY if healthy else Health.UNHEALTHY)  # of the passive checks
        self.trials: Trials | None = None  # a breaker that lets few attempts through
        self.starter: Starter | None = None  # where targets start slowly
        self._followers: tuple[ref[Follower], ...] = ()
        self._load_followers: tuple[ref[LoadFollower], ...] = ()
        self._settle()

    @property
    def healthy(self) -> bool:
        """What checks and people say."""
        return self._healthy

    @healthy.setter
    def healthy(self, value: bool) -> None:
        if value != self._healthy:
            self._healthy = value
            self._settle()

    def mark(self, healthy: bool) -> None:
        """Somebody else's word: a person's, an active check's, another process's. Passive checks count anew from it."""
        self.healthy = healthy
        self.count_anew()

    def count_anew(self) -> None:
        """What passive checks counted so far was by other rules, or of another server."""
        override(self.counters, self._healthy, now=0.0)  # nobody asks when: a flip of the counters alone is none

    @property
    def ejected(self) -> bool:
        """Out for a time after failures."""
        return self._ejected

    @ejected.setter
    def ejected(self, value: bool) -> None:
        if value != self._ejected:
            self._ejected = value
            self._settle()

    @property
    def draining(self) -> bool:
        """Gets no new work, finishes the old."""
        return self.target.drain is not None

    @property
    def addresses(self) -> int:
        """How many addresses its name has, each with the full weight; 0: the name does not resolve (Kong §8.1)."""
        return self._addresses

    @addresses.setter
    def addresses(self, value: int) -> None:
        if value != self._addresses:
            self._addresses = value
            self._settle()

    @property
    def part(self) -> int:
        """Percent of its weight that counts, 1…100; less than 100 while it starts slowly."""
        return self._part

    @part.setter
    def part(self, value: int) -> None:
        if value != self._part:
            self._part = value
            self._tell_readiness()

    @property
    def keeps_sticky(self) -> bool:
        """It drains, but clients whose hash leads to it may stay."""
        target = self.target
        drains_softly = target.drain is not None and target.drain.keep_sticky
        return drains_softly and target.enabled and self.weight > 0 and self.available

    @property
    def weight(self) -> int:
        """What it counts for in its pool, once it has its full share."""
        return self.target.weight * self._addresses

    @property
    def wanted(self) -> bool:
        """The operator wants it used, and it can be found."""
        return self.target.enabled and self.weight > 0 and not self.draining

    @property
    def available(self) -> bool:
        """Nothing observed speaks against it; whether the operator wants it used is another question."""
        return self._healthy and not self._ejected

    def adopt(self, target: Target) -> None:
        """Takes over an edited spec of the same target."""
        if target.target != self.target.target:
            self.count_anew()
            self.latency = None
        self.target = target
        self._settle()

    def begin(self) -> None:
        """An attempt starts."""
        self.active += 1
        self.requests += 1
        if self.trials is not None:
            self.trials.began(self)

    def end(self) -> None:
        """An attempt is over, well or not."""
        self.active -= 1
        if self._load_followers:
            self._tell_load()

    def observe_latency(self, seconds: float, now: float) -> None:
        """One more response time (connecting included), or the time waited in vain until a timeout.

        Other failures must not come here: they would look fast.

        Peak EWMA: a sample above the average replaces it, one below is averaged in with weight 1 − e^(−Δt/10 s); so a
        target that turns slow is noticed at once, and forgiven slowly.
        """
        sample = max(seconds, MIN_LATENCY_S)
        known = self.latency
        if known is not None and sample < known:
            kept = math.exp(-max(now - self.latency_at, 0.0) / LATENCY_DECAY_S)
            sample = known * kept + sample * (1.0 - kept)
        self.latency = sample
        self.latency_at = now
        if self._load_followers:
            self._tell_load()

    def follow(self, follower: Follower) -> None:
        self._followers = (*_alive(self._followers), ref(follower))

    def follow_load(self, follower: LoadFollower) -> None:
        self._load_followers = (*_alive(self._load_followers), ref(follower))

    def start_slowly(self) -> None:
        """It is back; where it is not ready yet, it will be asked again."""
        if self.ready and self.starter is not None:
            self.starter.begin(self)

    def _settle(self) -> None:
        was_ready, self.ready = self.ready, self.wanted and self.available
        if not was_ready and self.trials is None:
            self.start_slowly()
        self._tell_readiness()

    def _tell_readiness(self) -> None:
        for reference in self._followers:
            follower = reference()
            if follower is not None:
                follower.readiness_changed()

    def _tell_load(self) -> None:
        for reference in self._load_followers:
            follower = reference()
            if follower is not None:
                follower.load_fell(self)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why it is not ready, in words; empty when it is."""
        target = self.target
        reasons = {
            "disabled": not target.enabled,
            "weight 0": target.weight == 0,
            "name does not resolve": self._addresses == 0,
            "unhealthy": not self._healthy,
            "ejected": self._ejected,
            "draining": self.draining,
        }
        return tuple(word for word, applies in reasons.items() if applies)

    def __repr__(self) -> str:
        return f"<TargetState {self.target.target} {', '.join(self.obstacles) or 'ready'}, {self.active} active>"


def _alive(references: tuple[ref[_F], ...]) -> tuple[ref[_F], ...]:
    return tuple(reference for reference in references if reference() is not None)
