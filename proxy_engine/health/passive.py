"""Passive checks: what real traffic shows of a target goes into the state machine.

Each attempt counts once, when it is over: by the status of its answer, as a timeout, or as a TCP failure. The limits
are those of the upstream's ``healthchecks.passive``. A broken answer counts as what broke it, whatever its status said.

Deviations from Kong. The last attempt of an exchange counts as what it was, like those before it: Kong reports it by
the status the client got, so that a refused connection counts as HTTP 502, which its default list ignores. A genuine
answer of 504 is a status, not a timeout. And each worker process counts by itself, as do active checks: what they share
is the verdict, the moment one of them reaches its limit, not the counts on the way there.

Failures that say nothing about the target count nowhere: an idle connection that it closed as we used it, a name
that could not be resolved (it would take out all targets of an upstream at once), and want of files or ports here.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

from proxy_engine.errors import FailureKind
from proxy_engine.http.reply import NAME_RESOLUTION
from proxy_engine.spec import PassiveChecks

from .machine import Flip, Health, Outcome, observe
from .state import TargetState

_HEALTHY = Health.HEALTHY
_OUR_WANTS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)
_NOT_THE_TARGETS = frozenset({NAME_RESOLUTION, *map(os.strerror, _OUR_WANTS)})

OnFlip = Callable[[TargetState, Flip], None]


class PassiveCheck:
    """The passive checks of an upstream for the requests of one service; the counts are kept with the targets' states.

    ``connect_s`` and ``read_s`` are the service's timeouts, for the sentence about one that struck.
    """

    __slots__ = ("_clock", "_connect_s", "_flipped", "_good", "_read_s", "rule")

    def __init__(
        self,
        rule: PassiveChecks,
        flipped: OnFlip,
        *,
        connect_s: float,
        read_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.rule = rule
        self._connect_s = connect_s
        self._read_s = read_s
        self._flipped = flipped
        self._clock = clock
        self._good = rule.healthy.http_statuses

    def __repr__(self) -> str:
        return f"<PassiveCheck {self.rule.unhealthy}>"

    def answered(self, state: TargetState, status: int) -> None:
        if status in self._good and state.counters.health is _HEALTHY:
            return  # the machine's rule 2, applied here because nearly all answers are this one
        self._observe(state, Outcome.answered(status))

    def failed(self, state: TargetState, kind: FailureKind, detail: str) -> None:
        after_s = self._connect_s if kind is FailureKind.CONNECT_TIMEOUT else self._read_s
        outcome = outcome_of(kind, detail, after_s)
        if outcome is not None:
            self._observe(state, outcome)

    def _observe(self, state: TargetState, outcome: Outcome) -> None:
        flip = observe(state.counters, outcome, self.rule, self._clock())
        if flip is not None:
            self._flipped(state, flip)


def concerns_target(kind: FailureKind, detail: str) -> bool:
    """Whether a failed attempt says anything about its target."""
    return kind is not FailureKind.STALE and detail not in _NOT_THE_TARGETS


def outcome_of(kind: FailureKind, detail: str, after_s: float) -> Outcome | None:
    """What a failed attempt counts as; None when it says nothing about the target. ``after_s``: until a timeout."""
    if not concerns_target(kind, detail):
        return None
    if kind in (FailureKind.CONNECT_TIMEOUT, FailureKind.TIMEOUT):
        return Outcome.timed_out(after_s)
    return Outcome.failed(detail)
