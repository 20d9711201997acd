"""What attempts count as for passive checks: Kong's examples, and where we differ from it on purpose."""

from __future__ import annotations

import errno
import os
import timeit

import pytest

from proxy_engine.errors import FailureKind
from proxy_engine.health import Counters, Health, Kind, PassiveCheck, TargetState, cause_of
from tests.proxy_engine.builders import a_target, an_upstream

LIMIT = 2
NOW = 1_700_000_000.0


class Traffic:
    """What one target's attempts came to, and what became of it."""

    def __init__(self, *, successes=0, tcp_failures=LIMIT, timeouts=LIMIT, http_failures=LIMIT, **lists):
        unhealthy = {"tcp_failures": tcp_failures, "timeouts": timeouts, "http_failures": http_failures}
        passive = {"healthy": {"successes": successes}, "unhealthy": unhealthy}
        for name, statuses in lists.items():
            passive[name]["http_statuses"] = statuses
        rule = an_upstream(healthchecks={"passive": passive}).healthchecks.passive
        self.state = TargetState(a_target())
        self.flips = []
        self.check = PassiveCheck(rule, self._flipped, connect_s=1.5, read_s=60.0, clock=lambda: NOW)

    def _flipped(self, state, flip):
        assert state is self.state
        self.flips.append(flip)

    def sees(self, *attempts):
        """Statuses, and kinds of failure."""
        for attempt in attempts:
            if isinstance(attempt, int):
                self.check.answered(self.state, attempt)
            else:
                self.check.failed(self.state, attempt, "connection refused")
        return self

    @property
    def counted(self):
        return {kind: count for kind, count in self.state.counters.counts.items() if count}


@pytest.mark.parametrize(
    ("attempt", "counts_as"),
    [
        # Kong's default lists
        *((status, None) for status in (200, 226, 300, 308)),
        *((status, Kind.HTTP_FAILURE) for status in (429, 500, 503)),
        *((status, None) for status in (400, 404, 501, 502, 505)),
        # attempts without an answer
        (FailureKind.CONNECT, Kind.TCP_FAILURE),
        (FailureKind.RESET, Kind.TCP_FAILURE),
        (FailureKind.BAD_RESPONSE, Kind.TCP_FAILURE),
        (FailureKind.CONNECT_TIMEOUT, Kind.TIMEOUT),
        (FailureKind.TIMEOUT, Kind.TIMEOUT),
        (FailureKind.STALE, None),
        # Kong takes a genuine 504 for a timeout; here it is a status, which the default lists do not name
        (504, None),
    ],
)
def test_what_an_attempt_counts_as(attempt, counts_as):
    assert Traffic().sees(attempt).counted == ({counts_as: 1} if counts_as else {})


@pytest.mark.parametrize(
    ("rule", "attempts", "is_up"),
    [
        # Kong: a circuit breaker after N failures; without `successes` they add up over any time
        ({}, [500, 200, 200, 500], False),
        ({"successes": 1}, [500, 200, 500], True),
        ({"successes": 1}, [500, 500], False),
        ({"successes": 2}, [500, 200, 500], True),
        # kinds of failure add up apart from each other
        ({}, [500, FailureKind.CONNECT, FailureKind.TIMEOUT], True),
        ({}, [500, FailureKind.CONNECT, FailureKind.TIMEOUT, FailureKind.RESET], False),
        # a limit of 0: that kind is not looked at
        ({"http_failures": 0}, [500] * 9, True),
        ({"tcp_failures": 0}, [FailureKind.CONNECT] * 9, True),
        ({"timeouts": 0}, [FailureKind.TIMEOUT] * 9, True),
        # statuses in neither list say nothing, not even that the failures ended
        ({"successes": 1}, [500, 404, 500], False),
        # lists of one's own replace the default ones
        ({"unhealthy": [404]}, [500, 500, 404], True),
        ({"unhealthy": [404]}, [404, 404], False),
        ({"successes": 1, "healthy": [404]}, [500, 200, 500], False),
        ({"successes": 1, "healthy": [404]}, [500, 404, 500], True),
        # what was under way brings it back, where `successes` allows it
        ({"successes": 2}, [500, 500, 200], False),
        ({"successes": 2}, [500, 500, 200, 200], True),
        ({"successes": 2}, [500, 500, 200, 500, 200], False),
        ({"successes": 0}, [500, 500, 200, 200, 200], False),
        # Kong counts the last try of a request as HTTP 502, which is in no list; here it is what it was
        ({}, [FailureKind.CONNECT] * LIMIT, False),
    ],
)
def test_what_becomes_of_the_target(rule, attempts, is_up):
    assert Traffic(**rule).sees(*attempts).state.counters.health.is_up is is_up


def test_a_flip_says_when_and_why():
    (flip,) = Traffic().sees(500, 503).flips
    assert (flip.healthy, flip.at, cause_of(flip)) == (False, NOW, "2 of 2 HTTP failures: 500, 503")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FailureKind.CONNECT_TIMEOUT, "2 of 2 timeouts: timeout after 1.5 s, timeout after 1.5 s"),
        (FailureKind.TIMEOUT, "2 of 2 timeouts: timeout after 60 s, timeout after 60 s"),
        (FailureKind.CONNECT, "2 of 2 TCP failures: connection refused, connection refused"),
    ],
)
def test_the_words_for_failures(kind, words):
    (flip,) = Traffic().sees(kind, kind).flips
    assert cause_of(flip) == words


@pytest.mark.parametrize("reason", ["name resolution failed", os.strerror(errno.EMFILE)])
def test_what_is_not_the_targets_doing_does_not_count(reason):
    traffic = Traffic(tcp_failures=1)
    traffic.check.failed(traffic.state, FailureKind.CONNECT, reason)
    assert traffic.counted == {}


def test_a_success_of_a_healthy_target_leaves_everything_as_it_is():
    traffic = Traffic(successes=3).sees(*[200] * 5)
    assert traffic.state.counters == Counters(Health.HEALTHY)
    assert not traffic.flips


def test_and_costs_next_to_nothing():
    """The budget is 1 µs; the bound is wide because test machines are busy."""
    traffic = Traffic(successes=3)
    best_s = min(timeit.repeat(lambda: traffic.check.answered(traffic.state, 200), number=10_000, repeat=5)) / 10_000
    assert best_s < 5e-6
