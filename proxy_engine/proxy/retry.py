"""Whether a try that came to nothing is followed by another one, as a table.

Rules (RFC 9110 §9.2.2, Kong's behaviour): nothing is repeated once a byte of a response was passed on or a part of the
request is no longer at hand. What was never sent may be sent again whatever it is. A request that may have been
processed is repeated only if its method is idempotent. After a timeout the target may still be at work, and an answer
is an answer: these two lead to another try only where the upstream's ``retry`` rules ask for it.

    cause              what was sent                     POST, PATCH …    GET, HEAD, OPTIONS, TRACE, PUT, DELETE
    connect            nothing                           next target      next target
    connect timeout    nothing                           next target      next target
    stale connection   all, to a target that had gone    no               same target, at once, not counted
    connection lost    some or all                       no               next target
    bad response       all                               no               next target
    timeout            some or all                       no               next target if ``on_read_timeout``
    status             some or all                       no               next target if in ``statuses``
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from proxy_engine.errors import FailureKind
from proxy_engine.spec import RetryRules

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))

MOST_DOUBLINGS = 16  # 1 ms doubled so often is above the longest pause that the rules can ask for

STATUS: Final = "status"
"""A cause beside the kinds of failure: the target answered, with a status that the rules list."""

Cause = FailureKind | str

ALWAYS, IF_IDEMPOTENT, IF_ASKED = "always", "if idempotent", "if idempotent, and the rules say so"

MAY_REPEAT: dict[Cause, str] = {
    FailureKind.CONNECT: ALWAYS,
    FailureKind.CONNECT_TIMEOUT: ALWAYS,
    FailureKind.STALE: IF_IDEMPOTENT,
    FailureKind.RESET: IF_IDEMPOTENT,
    FailureKind.BAD_RESPONSE: IF_IDEMPOTENT,
    FailureKind.TIMEOUT: IF_ASKED,
    STATUS: IF_ASKED,
}

FINAL_STATUS = {
    FailureKind.CONNECT: 502,
    FailureKind.CONNECT_TIMEOUT: 504,
    FailureKind.STALE: 502,
    FailureKind.RESET: 502,
    FailureKind.BAD_RESPONSE: 502,
    FailureKind.TIMEOUT: 504,
}
"""The client's answer when no further try is made (Kong: 504 if the last try timed out, else 502)."""


class Decision(Enum):
    NEXT_TARGET = "another target is tried, if there is one"
    SAME_TARGET = "the same target is asked again, at once and without counting"
    NO_BUDGET = "no further try: as many as the upstream's budget allows are under way"
    NO_MORE = "no further try"


def may_repeat(cause: Cause, method: bytes, *, body_at_hand: bool, rules: RetryRules) -> bool:
    """The table alone. ``cause`` STATUS: whether any listed one would be tried again."""
    rule = MAY_REPEAT[cause]
    if not body_at_hand or (rule is not ALWAYS and method not in IDEMPOTENT):
        return False
    return rule is not IF_ASKED or bool(rules.statuses if cause is STATUS else rules.on_read_timeout)


def decide(
    cause: Cause,
    method: bytes,
    *,
    body_at_hand: bool,
    rules: RetryRules,
    tries_left: int,
    time_left_s: float,
    has_budget: bool,
) -> Decision:
    """``tries_left``: how many more Kong's ``retries`` allows. ``time_left_s``: after the pause before the next one."""
    if not may_repeat(cause, method, body_at_hand=body_at_hand, rules=rules):
        return Decision.NO_MORE
    if cause is FailureKind.STALE:
        return Decision.SAME_TARGET
    if tries_left <= 0 or time_left_s <= 0:
        return Decision.NO_MORE
    return Decision.NEXT_TARGET if has_budget else Decision.NO_BUDGET


def pause_s(rules: RetryRules, tries: int, chance: float) -> float:
    """How long to wait after ``tries`` tries. ``chance``: a random number, 0 ≤ chance < 1.

    Exponential back-off with full jitter: anything from 0 to ``backoff`` × 2^(tries − 1), at most ``max_backoff``.
    Requests that failed together would come again together if they all waited as long (Marc Brooker, "Exponential
    Backoff And Jitter", AWS 2015; Envoy's back-off is fully jittered, too).
    """
    return chance * min(rules.backoff << min(tries - 1, MOST_DOUBLINGS), rules.max_backoff) / 1000
