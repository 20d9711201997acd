"""Sentences for health changes: "3 of 3 HTTP failures: 503, 503, 500"."""

from __future__ import annotations

from .machine import Flip, Kind, Outcome

_NAMES = {
    Kind.SUCCESS: ("success", "successes"),
    Kind.TCP_FAILURE: ("TCP failure", "TCP failures"),
    Kind.HTTP_FAILURE: ("HTTP failure", "HTTP failures"),
    Kind.TIMEOUT: ("timeout", "timeouts"),
}


def cause_of(flip: Flip, by: str = "") -> str:
    """Why the target went up or down; ``by`` names the person of a manual change."""
    if flip.kind is None:
        word = "healthy" if flip.healthy else "unhealthy"
        return f"set {word} by {by}" if by else f"set {word} by hand"
    name = _NAMES[flip.kind][flip.limit != 1]
    counted = [outcome_text(outcome) for outcome in flip.outcomes if _is_of(outcome, flip.kind)]
    others = [outcome_text(outcome) for outcome in flip.outcomes if not _is_of(outcome, flip.kind)]
    lead = ":" if len(counted) >= flip.limit else ", last"
    besides = f" (besides: {', '.join(others)})" if others else ""
    return f"{flip.limit} of {flip.limit} {name}{lead} {', '.join(counted)}{besides}"


def _is_of(outcome: Outcome, kind: Kind) -> bool:
    """A streak holds successes or failures, never both, so an answer is of the streak's kind."""
    if outcome.timeout_s is not None:
        return kind is Kind.TIMEOUT
    if outcome.failure is not None:
        return kind is Kind.TCP_FAILURE
    return kind in (Kind.SUCCESS, Kind.HTTP_FAILURE)


def outcome_text(outcome: Outcome) -> str:
    if outcome.timeout_s is not None:
        return f"timeout after {outcome.timeout_s:g} s"
    if outcome.failure is not None:
        return outcome.failure
    if outcome.words is not None:
        return outcome.words
    if outcome.status is None:
        return "connected"
    return str(outcome.status) if outcome.status else "unreadable answer"
