"""What a worker counts: plain integers, incremented on the hot path, read by the once-a-second report."""

from __future__ import annotations

from collections import Counter


class Counters:
    __slots__ = ("cut_responses", "failed_attempts", "own_answers", "requests")

    def __init__(self) -> None:
        self.requests = 0  # request heads that were understood
        self.failed_attempts = 0  # attempts that ended without a response
        self.cut_responses = 0  # responses that broke off under way
        self.own_answers: Counter[int] = Counter()  # responses of the gateway's own, by status
