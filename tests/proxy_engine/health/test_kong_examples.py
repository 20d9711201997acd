"""What Kong documents of its health checks, as tables: what happens one after the other, and the state after each.

Sources: Kong's pages on health checks and circuit breakers, and those of its library lua-resty-healthcheck 3.1: the
four states, counters that active and passive checks share, what clears them, and what a person's word does.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from proxy_engine.health import Counters, Health, Outcome, observe, override
from proxy_engine.spec import HealthyRule, PassiveChecks, UnhealthyRule

WORDS = {"H": Health.HEALTHY, "mh": Health.MOSTLY_HEALTHY, "U": Health.UNHEALTHY, "mu": Health.MOSTLY_UNHEALTHY}
EVENTS = {
    "refused": Outcome.failed("connection refused"),
    "timeout": Outcome.timed_out(1.0),
    "connected": Outcome.connected(),
    "unreadable": Outcome.answered(0),
    "SERVING": Outcome.judged(True, "SERVING"),
    "NOT_SERVING": Outcome.judged(False, "NOT_SERVING"),
}


class Limits(NamedTuple):
    successes: int = 1
    tcp_failures: int = 0
    timeouts: int = 0
    http_failures: int = 0

    def rule(self) -> PassiveChecks:
        healthy = HealthyRule(0, frozenset({200, 302}), self.successes)
        bad = frozenset({429, 500, 503})
        return PassiveChecks(
            "http", healthy, UnhealthyRule(0, bad, self.tcp_failures, self.timeouts, self.http_failures)
        )


EXAMPLES = [
    # A target is healthy until as many failures follow each other as its limit says.
    (Limits(http_failures=3), "503 503 503", "mh mh U"),
    (Limits(http_failures=1), "500", "U"),
    (Limits(tcp_failures=2), "refused refused", "mh U"),
    (Limits(timeouts=3), "timeout timeout timeout", "mh mh U"),
    # Healthy again after as many successes; until then mostly unhealthy, which is down all the same.
    (Limits(2, http_failures=1), "503 200 200", "U mu H"),
    (Limits(3, tcp_failures=1), "refused connected connected connected", "U mu mu H"),
    (Limits(1, timeouts=1), "timeout 302", "U H"),
    # One success between them ends a row of failures, one failure a row of successes.
    (Limits(http_failures=3), "503 503 200 503 503 503", "mh mh H mh mh U"),
    (Limits(2, http_failures=1), "503 200 503 200 200", "U mu U mu H"),
    (Limits(2, http_failures=3), "503 200 503 503 200 200", "mh mh mh mh mh H"),
    (Limits(2, http_failures=2), "503 503 200 503 200 200", "mh U mu mu mu H"),
    # Kinds of failures are counted apart from each other.
    (Limits(1, 2, 2, 2), "503 refused timeout 503", "mh mh mh U"),
    (Limits(1, 3, 3, 3), "refused timeout refused timeout refused", "mh mh mh mh U"),
    # A limit of 0: that kind does not count, whatever happens.
    (Limits(http_failures=3), "refused refused timeout timeout refused refused", "H H H H H H"),
    (Limits(0, http_failures=2), "503 503 200 200 200", "mh U U U U"),
    # Without a limit for successes nothing clears failures: they add up over any time (a circuit breaker that stays).
    (Limits(0, http_failures=3), "503 200 200 503 200 503", "mh mh mh mh mh U"),
    # A status in neither list says nothing; one that cannot be read is a failure.
    (Limits(http_failures=2), "503 404 418 503", "mh mh mh U"),
    (Limits(http_failures=2), "unreadable unreadable", "mh U"),
    # What agrees with the state is not counted: healthy targets do not collect successes for later.
    (Limits(2, http_failures=1), "200 200 200 503", "H H H U"),
    (Limits(1, http_failures=1), "503 503 503 200", "U U U H"),
    # gRPC's health protocol has one good answer.
    (Limits(1, http_failures=2), "NOT_SERVING NOT_SERVING SERVING", "mh U H"),
    # A person's word sets the state and clears every counter.
    (Limits(2, http_failures=3), "503 503 +healthy 503 503 503", "mh mh H mh mh U"),
    (Limits(2, http_failures=3), "+unhealthy 200 +unhealthy 200 200", "U mu U mu H"),
    (Limits(0, http_failures=1), "503 200 +healthy 503", "U U H U"),
]


@pytest.mark.parametrize(("limits", "events", "states"), EXAMPLES)
def test_what_follows_from_what_happens(limits, events, states):
    counters, rule = Counters(), limits.rule()
    seen = []
    for event in events.split():
        happen(counters, event, rule)
        seen.append(counters.health)
    assert seen == [WORDS[word] for word in states.split()]


def happen(counters, event, rule):
    if event.startswith("+"):
        override(counters, event == "+healthy", 0.0)
    else:
        observe(counters, EVENTS.get(event) or Outcome.answered(int(event)), rule, 0.0)


SHARED = [
    # Active checks with their limits (A), traffic with its own (P), one set of counters.
    ("P:503 A:503 P:503", "mh mh U"),  # three in all reach traffic's limit of 3
    ("P:503 A:503", "mh mh"),  # two do not reach active's limit of 3
    ("P:503 A:200 P:503 P:503", "mh H mh mh"),  # a success of an active check clears what traffic counted
    ("P:503 P:503 P:503 P:200 A:200", "mh mh U U H"),  # traffic cannot lift (its limit is 0), an active check can
]


@pytest.mark.parametrize(("events", "states"), SHARED)
def test_active_and_passive_checks_share_the_counters(events, states):
    rules = {"A": Limits(1, http_failures=3).rule(), "P": Limits(0, http_failures=3).rule()}
    counters = Counters()
    seen = []
    for event in events.split():
        check, _, what = event.partition(":")
        happen(counters, what, rules[check])
        seen.append(counters.health)
    assert seen == [WORDS[word] for word in states.split()]
