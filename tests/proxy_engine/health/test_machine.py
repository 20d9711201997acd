"""Kong's health state machine, row by row, and against a second telling of its rules."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.health import Counters, Health, Kind, Outcome, interpret, observe, override
from proxy_engine.health.machine import MAX_COUNT, MAX_RECENT, TRANSITIONS
from proxy_engine.spec import HealthyRule, PassiveChecks, UnhealthyRule

H, MH, U, MU = Health
OK, BAD, UNLISTED = Outcome.answered(200), Outcome.answered(503), Outcome.answered(418)
REFUSED, LATE = Outcome.failed("connection refused"), Outcome.timed_out(1.0)


def a_rule(successes=0, tcp_failures=0, timeouts=0, http_failures=0):
    return PassiveChecks(
        type="http",
        healthy=HealthyRule(0, frozenset({200, 302}), successes),
        unhealthy=UnhealthyRule(0, frozenset({500, 503}), tcp_failures, timeouts, http_failures),
    )


def after(counters, *outcomes, rule):
    """The flips that the outcomes cause, None where they cause none."""
    return [observe(counters, outcome, rule, float(now)) for now, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (OK, Kind.SUCCESS),
        (Outcome.answered(302), Kind.SUCCESS),
        (BAD, Kind.HTTP_FAILURE),
        (Outcome.answered(0), Kind.HTTP_FAILURE),
        (UNLISTED, None),
        (Outcome.answered(404), None),
        (Outcome.answered(999), None),
        (Outcome.connected(), Kind.SUCCESS),
        (REFUSED, Kind.TCP_FAILURE),
        (LATE, Kind.TIMEOUT),
    ],
)
def test_it_interprets_outcomes_by_the_rules_lists(outcome, kind):
    assert interpret(outcome, a_rule()) is kind


def test_a_status_in_both_lists_is_a_success():
    rule = PassiveChecks("http", HealthyRule(0, frozenset({200}), 1), UnhealthyRule(0, frozenset({200}), 1, 1, 1))
    assert interpret(OK, rule) is Kind.SUCCESS


@pytest.mark.parametrize(
    ("start", "outcome", "limit", "end", "flips_to"),
    [
        (H, BAD, 2, MH, None),
        (H, BAD, 1, U, False),
        (H, OK, 2, H, None),
        (H, OK, 1, H, None),
        (MH, BAD, 2, MH, None),
        (MH, BAD, 1, U, False),
        (MH, OK, 2, MH, None),
        (MH, OK, 1, H, None),
        (U, OK, 2, MU, None),
        (U, OK, 1, H, True),
        (U, BAD, 2, U, None),
        (U, BAD, 1, U, None),
        (MU, OK, 2, MU, None),
        (MU, OK, 1, H, True),
        (MU, BAD, 2, MU, None),
        (MU, BAD, 1, U, None),
    ],
)
def test_each_row_of_the_machine(start, outcome, limit, end, flips_to):
    counters = Counters(health=start)
    flip = observe(counters, outcome, a_rule(successes=limit, http_failures=limit), now=7.0)
    assert counters.health is end
    assert (flip.healthy if flip else None) is flips_to
    assert flip is None or flip.at == 7.0


def test_the_table_has_no_row_for_news_that_are_none():
    assert len(TRANSITIONS) == 12
    assert not any((H, True, reached) in TRANSITIONS or (U, False, reached) in TRANSITIONS for reached in (True, False))


@pytest.mark.parametrize("outcome", [OK, BAD, REFUSED, LATE])
@pytest.mark.parametrize("start", Health)
def test_a_limit_of_0_ignores_the_kind_completely(outcome, start):
    counters = Counters(health=start)
    assert after(counters, *[outcome] * 300, rule=a_rule()) == [None] * 300
    assert counters == Counters(health=start)


def test_statuses_in_neither_list_count_for_nothing():
    counters = Counters()
    rule = a_rule(successes=1, http_failures=2)
    assert after(counters, BAD, UNLISTED, UNLISTED, BAD, rule=rule)[-1].healthy is False


def test_failures_must_follow_each_other_when_successes_count():
    counters = Counters()
    rule = a_rule(successes=1, http_failures=3)
    assert after(counters, BAD, BAD, OK, BAD, BAD, rule=rule) == [None] * 5
    assert after(counters, BAD, rule=rule)[0].healthy is False


def test_failures_add_up_over_any_time_when_successes_do_not_count():
    counters = Counters()
    flips = after(counters, BAD, *[OK] * 50, BAD, *[OK] * 50, BAD, *[OK] * 50, rule=a_rule(http_failures=3))
    assert [flip.at for flip in flips if flip] == [102.0]
    assert counters.health is U


def test_kinds_of_failure_add_up_apart_from_each_other():
    counters = Counters()
    rule = a_rule(tcp_failures=2, timeouts=2, http_failures=2)
    assert after(counters, BAD, REFUSED, LATE, rule=rule) == [None] * 3
    flip = after(counters, REFUSED, rule=rule)[0]
    assert (flip.kind, flip.limit) == (Kind.TCP_FAILURE, 2)


def test_a_failure_clears_only_the_successes():
    counters = Counters(health=U)
    rule = a_rule(successes=3, http_failures=5, timeouts=5)
    after(counters, OK, OK, BAD, OK, OK, rule=rule)
    assert counters.health is MU
    assert after(counters, OK, rule=rule)[0].healthy is True


def test_a_success_clears_all_failures():
    counters = Counters()
    rule = a_rule(successes=5, tcp_failures=2, http_failures=2, timeouts=2)
    assert after(counters, BAD, REFUSED, LATE, OK, BAD, REFUSED, LATE, rule=rule) == [None] * 7
    assert counters.health is MH


def test_active_and_passive_checks_share_counters_and_bring_their_own_limits():
    counters = Counters()
    patient, strict = a_rule(http_failures=5), a_rule(http_failures=3)
    assert after(counters, BAD, BAD, rule=patient) == [None, None]
    flip = after(counters, BAD, rule=strict)[0]
    assert (flip.healthy, flip.limit) == (False, 3)


def test_it_tells_of_the_outcomes_that_led_to_a_flip():
    counters = Counters()
    rule = a_rule(successes=1, http_failures=3, timeouts=9)
    flip = after(counters, BAD, OK, BAD, LATE, BAD, Outcome.answered(500), rule=rule)[-1]
    assert flip.outcomes == (BAD, LATE, BAD, Outcome.answered(500))


def test_it_remembers_no_more_outcomes_than_a_sentence_needs():
    counters = Counters()
    after(counters, *[BAD] * 100, rule=a_rule(http_failures=255))
    assert len(counters.recent) == MAX_RECENT


def test_counters_stop_at_the_largest_limit_there_is():
    counters = Counters(health=MH)
    after(counters, *[OK] * 300, rule=a_rule(successes=1000))
    assert counters.counts[Kind.SUCCESS] == MAX_COUNT


@pytest.mark.parametrize(
    ("start", "word", "flips_to"),
    [(H, True, None), (H, False, False), (MH, False, False), (MH, True, None), (U, True, True), (MU, False, None)],
)
def test_a_person_overrides_and_clears_the_counters(start, word, flips_to):
    counters = Counters(start, dict.fromkeys(Kind, 3), [BAD])
    flip = override(counters, word, now=5.0)
    assert counters == Counters(health=H if word else U)
    assert (flip.healthy if flip else None) is flips_to
    assert flip is None or (flip.kind, flip.at) == (None, 5.0)


OUTCOMES = st.sampled_from([OK, BAD, UNLISTED, REFUSED, LATE, Outcome.connected(), Outcome.answered(0)])
LIMITS = st.integers(0, 4)
RULES = st.builds(a_rule, LIMITS, LIMITS, LIMITS, LIMITS)


@given(st.lists(st.tuples(OUTCOMES, RULES), max_size=30))
def test_counters_survive_storage_between_any_two_outcomes(steps):
    kept, stored = Counters(), Counters()
    for outcome, rule in steps:
        stored = Counters.from_dict(json.loads(json.dumps(stored.to_dict())))
        assert observe(kept, outcome, rule, 1.0) == observe(stored, outcome, rule, 1.0)
        assert kept == stored


@pytest.mark.parametrize(
    "stored",
    [{}, {"health": "fine", "counts": {}, "recent": []}, {"health": "healthy", "counts": {"x": 1}, "recent": []}],
)
def test_it_refuses_stored_counters_that_are_none(stored):
    with pytest.raises((KeyError, ValueError)):
        Counters.from_dict(stored)


class SecondTelling:
    """The rules of lua-resty-healthcheck once more, told by hand."""

    def __init__(self):
        self.state, self.success, self.failures = "healthy", 0, {"tcp": 0, "http": 0, "timeout": 0}

    def report(self, kind, limit):
        good = kind == "success"
        if limit == 0 or (good and self.state == "healthy") or (not good and self.state == "unhealthy"):
            return
        if good:
            self.success += 1
            self.failures = dict.fromkeys(self.failures, 0)
            count = self.success
        else:
            self.failures[kind] += 1
            self.success = 0
            count = self.failures[kind]
        if count >= limit:
            self.state = "healthy" if good else "unhealthy"
        elif self.state in ("healthy", "unhealthy"):
            self.state = "mostly_" + self.state


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from([OK, BAD, REFUSED, LATE]), RULES), max_size=40))
def test_it_agrees_with_a_second_telling(steps):
    counters, other = Counters(), SecondTelling()
    for outcome, rule in steps:
        kind, limit = {
            OK: ("success", rule.healthy.successes),
            BAD: ("http", rule.unhealthy.http_failures),
            REFUSED: ("tcp", rule.unhealthy.tcp_failures),
            LATE: ("timeout", rule.unhealthy.timeouts),
        }[outcome]
        was_up = not other.state.endswith("unhealthy")
        other.report(kind, limit)
        is_up = not other.state.endswith("unhealthy")
        flip = observe(counters, outcome, rule, 0.0)
        assert counters.health.value == other.state
        assert (flip.healthy if flip else None) is (is_up if is_up != was_up else None)
