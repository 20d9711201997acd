"""What a worker counts: plain integers, incremented on the hot path, read by the once-a-second report."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any

# fmt: off
LATENCY_BOUNDS_MS = (
    0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70,
    100, 150, 200, 300, 500, 700, 1_000, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000,
)
# fmt: on
"""Upper ends of the histogram's steps, inclusive; the last step has none. A quantile read from it is off by a third at
the worst where requests are counted in milliseconds; Kong's begins at 25 ms."""

_BOUNDS_S = tuple(bound / 1000 for bound in LATENCY_BOUNDS_MS)

# The step of a time by its number of half milliseconds: all bounds up to there are multiples of them.
_STEPPED_S = 0.1
_STEPS = [bisect_left(_BOUNDS_S, (half + 0.5) / 2000) for half in range(200)]


class Counters:
    __slots__ = (
        "budget_refusals",
        "cut_responses",
        "failed_attempts",
        "latency",
        "latency_s",
        "own_answers",
        "panic_picks",
        "panics",
        "requests",
        "retries",
        "statuses",
    )

    def __init__(self) -> None:
        self.requests = 0  # request heads that were understood
        self.failed_attempts = 0  # attempts that ended without a response
        self.retries: Counter[str] = Counter()  # further tries, by what the one before came to
        self.budget_refusals = 0  # further tries that were not made for want of budget
        self.panics = 0  # upstreams that began to use all targets, as too few are healthy
        self.panic_picks = 0  # first tries that got a target so
        self.cut_responses = 0  # responses that broke off under way
        self.own_answers: Counter[int] = Counter()  # responses of the gateway's own, by status
        self.statuses = [0] * 1000  # responses of targets that were passed on whole, by status
        self.latency = [0] * (len(_BOUNDS_S) + 1)  # the same responses, by time from the request's head to their end
        self.latency_s = 0.0  # the sum of those times

    def answered(self, status: int, seconds: float) -> None:
        """A response of a target went through."""
        self.statuses[status] += 1
        if seconds < _STEPPED_S:
            step = _STEPS[int(seconds * 2000 - 1e-9)]  # the bounds are inclusive
        else:
            step = bisect_left(_BOUNDS_S, seconds)
        self.latency[step] += 1
        self.latency_s += seconds

    def facts(self) -> dict[str, Any]:
        """For the worker's report."""
        return {
            "requests": self.requests,
            "failed_attempts": self.failed_attempts,
            "retries": self.retries,
            "budget_refusals": self.budget_refusals,
            "cut_responses": self.cut_responses,
            "panics": self.panics,
            "panic_picks": self.panic_picks,
            "own_answers": self.own_answers,
            "statuses": {status: count for status, count in enumerate(self.statuses) if count},
            "latency": self.latency,
            "latency_s": round(self.latency_s, 6),
        }


def quantile_ms(counts: list[int], share: float) -> float | None:
    """The time that ``share`` of the responses kept within: the upper end of its step, None without responses."""
    wanted = share * sum(counts)
    seen = 0
    for bound, count in zip(LATENCY_BOUNDS_MS, counts, strict=False):
        seen += count
        if count and seen >= wanted:
            return float(bound)
    return float(LATENCY_BOUNDS_MS[-1]) if any(counts) else None


def merged(histograms: list[list[int]]) -> list[int]:
    """One histogram of several workers'."""
    return [sum(step) for step in zip(*histograms, strict=True)] or [0] * (len(_BOUNDS_S) + 1)
