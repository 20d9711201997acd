"""Kong's health state machine: outcomes of probes and of traffic in, flips between up and down out.

Theory (lua-resty-healthcheck 3.1). A target has a health and four counters: successes, TCP failures, HTTP
failures and timeouts. Active and passive checks share both; each brings its own limits. An outcome of kind k,
with limit L:

1. L = 0: the check does not look at this kind; nothing changes.
2. A success of a healthy target, or a failure of an unhealthy one, says nothing new; nothing changes.
3. Counter k goes up. A success clears the three failure counters; a failure clears the success counter only,
   so failures of different kinds add up apart from each other.
4. At L the target is healthy (unhealthy); below, it is *mostly* what it was, and still up (down).

Hence with ``successes`` = 0 failures add up over any span of time and nothing but another check or a person
brings the target back; with ``successes`` ≥ 1 failures must follow each other without a success between.

Counters are plain and serialisable: probes run in tasks that keep them in a shared store between two rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from proxy_engine.spec import HealthyRule, UnhealthyRule

MAX_COUNT = 255  # the counters are bytes in the original, and limits are at most 255
MAX_RECENT = 8  # outcomes of a streak that are remembered for the sentence


class Health(StrEnum):
    HEALTHY = "healthy"
    MOSTLY_HEALTHY = "mostly_healthy"  # up, some failures counted
    UNHEALTHY = "unhealthy"
    MOSTLY_UNHEALTHY = "mostly_unhealthy"  # down, some successes counted

    @property
    def is_up(self) -> bool:
        return self in (Health.HEALTHY, Health.MOSTLY_HEALTHY)


class Kind(StrEnum):
    """What a check counts; the values name the counters."""

    SUCCESS = "successes"
    TCP_FAILURE = "tcp_failures"
    HTTP_FAILURE = "http_failures"
    TIMEOUT = "timeouts"


class Outcome(NamedTuple):
    """What one probe or one attempt came to: an answer, a connection, a timeout or a broken connection.

    ``accepted``: an answer that was judged by more than its status; ``words`` say how, as "SERVING".
    """

    status: int | None = None  # of the answer; 0 when it could not be read
    timeout_s: float | None = None  # how long it was waited for
    failure: str | None = None  # "connection refused", "reset", "TLS handshake failed", …
    accepted: bool | None = None
    words: str | None = None

    @classmethod
    def answered(cls, status: int) -> Outcome:
        return _ANSWERS.get(status) or cls(status=status)

    @classmethod
    def connected(cls) -> Outcome:
        """All that a TCP check asks for."""
        return cls()

    @classmethod
    def judged(cls, accepted: bool, words: str) -> Outcome:
        return cls(accepted=accepted, words=words)

    @classmethod
    def timed_out(cls, after_s: float) -> Outcome:
        return cls(timeout_s=after_s)

    @classmethod
    def failed(cls, reason: str) -> Outcome:
        return cls(failure=reason)


_ANSWERS = {status: Outcome(status) for status in range(100, 600)}  # one is needed for each answer of a target


class Rule(Protocol):
    """The part of ``ActiveChecks`` and ``PassiveChecks`` that the machine reads."""

    @property
    def healthy(self) -> HealthyRule: ...

    @property
    def unhealthy(self) -> UnhealthyRule: ...


@dataclass(slots=True)
class Counters:
    """One target's health as checks see it. ``recent``: what was counted since it last was fully up or down."""

    health: Health = Health.HEALTHY
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    recent: list[Outcome] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "health": self.health.value,
            "counts": {kind.value: count for kind, count in self.counts.items() if count},
            "recent": [list(outcome) for outcome in self.recent],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Counters:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` when ``to_dict`` did not write it."""
        counts = dict.fromkeys(Kind, 0) | {Kind(name): int(count) for name, count in stored["counts"].items()}
        return cls(Health(stored["health"]), counts, [Outcome(*outcome) for outcome in stored["recent"]])


class Flip(NamedTuple):
    """A target went up or down; ``words.cause_of`` makes a sentence of it. ``kind`` is None when a person said so."""

    healthy: bool
    at: float  # the caller's clock
    kind: Kind | None = None
    limit: int = 0
    outcomes: tuple[Outcome, ...] = ()


H, MH, U, MU = Health
_SUCCESS, _FAILURE = True, False
_REACHED, _BELOW = True, False

TRANSITIONS: dict[tuple[Health, bool, bool], Health] = {
    # (health, success or failure, limit reached or below) → health; what is missing is not counted at all
    (H, _FAILURE, _BELOW): MH,
    (H, _FAILURE, _REACHED): U,
    (MH, _FAILURE, _BELOW): MH,
    (MH, _FAILURE, _REACHED): U,
    (MH, _SUCCESS, _BELOW): MH,
    (MH, _SUCCESS, _REACHED): H,
    (U, _SUCCESS, _BELOW): MU,
    (U, _SUCCESS, _REACHED): H,
    (MU, _SUCCESS, _BELOW): MU,
    (MU, _SUCCESS, _REACHED): H,
    (MU, _FAILURE, _BELOW): MU,
    (MU, _FAILURE, _REACHED): U,
}


def interpret(outcome: Outcome, rule: Rule) -> Kind | None:
    """What the outcome counts as; None when a status is in neither list."""
    if outcome.timeout_s is not None:
        return Kind.TIMEOUT
    if outcome.failure is not None:
        return Kind.TCP_FAILURE
    if outcome.accepted is not None:
        return Kind.SUCCESS if outcome.accepted else Kind.HTTP_FAILURE
    if outcome.status is None or outcome.status in rule.healthy.http_statuses:
        return Kind.SUCCESS
    if outcome.status in rule.unhealthy.http_statuses or outcome.status == 0:
        return Kind.HTTP_FAILURE
    return None


def observe(counters: Counters, outcome: Outcome, rule: Rule, now: float) -> Flip | None:
    """Counts one outcome in ``counters``; tells when the target went up or down by it."""
    kind = interpret(outcome, rule)
    limit = _limit(kind, rule)
    success = kind is Kind.SUCCESS
    if kind is None or limit == 0 or (counters.health, success, _BELOW) not in TRANSITIONS:
        return None
    count = _count(counters, kind, outcome)
    before, after = counters.health, TRANSITIONS[counters.health, success, count >= limit]
    counters.health = after
    outcomes = tuple(counters.recent)
    if after in (H, U):
        counters.recent.clear()
    return Flip(after.is_up, now, kind, limit, outcomes) if before.is_up != after.is_up else None


def override(counters: Counters, healthy: bool, now: float) -> Flip | None:
    """A person's word: sets the health and clears all counters."""
    was_up = counters.health.is_up
    counters.health = H if healthy else U
    counters.counts = dict.fromkeys(Kind, 0)
    counters.recent.clear()
    return Flip(healthy, now) if was_up != healthy else None


def _limit(kind: Kind | None, rule: Rule) -> int:
    if kind is None:
        return 0
    return rule.healthy.successes if kind is Kind.SUCCESS else getattr(rule.unhealthy, kind.value)


def _count(counters: Counters, kind: Kind, outcome: Outcome) -> int:
    counts = counters.counts
    if kind is Kind.SUCCESS:
        if not counts[kind]:
            counters.recent.clear()
        counts[Kind.TCP_FAILURE] = counts[Kind.HTTP_FAILURE] = counts[Kind.TIMEOUT] = 0
    else:
        if counts[Kind.SUCCESS]:
            counters.recent.clear()
        counts[Kind.SUCCESS] = 0
    counts[kind] = min(counts[kind] + 1, MAX_COUNT)
    counters.recent = [*counters.recent, outcome][-MAX_RECENT:]
    return counts[kind]
