"""The retry table, row by row, what else a further try depends on, and the pause before it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.errors import FailureKind
from proxy_engine.proxy.retry import FINAL_STATUS, MAY_REPEAT, STATUS, Decision, decide, may_repeat, pause_s
from tests.proxy_engine.builders import an_upstream

SAFE_TO_REPEAT = (b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE")
NOT_SAFE = (b"POST", b"PATCH", b"LOCK", b"CONNECT", b"PURGE", b"get", b"")
CAUSES = (*FailureKind, STATUS)

KONGS = an_upstream().retry
ALL_ON = replace(KONGS, statuses=frozenset((503,)), on_read_timeout=True)

NO, NEXT, SAME = Decision.NO_MORE, Decision.NEXT_TARGET, Decision.SAME_TARGET

# cause, rules, other methods, idempotent methods
TABLE = [
    (FailureKind.CONNECT, KONGS, NEXT, NEXT),
    (FailureKind.CONNECT_TIMEOUT, KONGS, NEXT, NEXT),
    (FailureKind.STALE, KONGS, NO, SAME),
    (FailureKind.RESET, KONGS, NO, NEXT),
    (FailureKind.BAD_RESPONSE, KONGS, NO, NEXT),
    (FailureKind.TIMEOUT, KONGS, NO, NO),
    (STATUS, KONGS, NO, NO),
    (FailureKind.CONNECT, ALL_ON, NEXT, NEXT),
    (FailureKind.CONNECT_TIMEOUT, ALL_ON, NEXT, NEXT),
    (FailureKind.STALE, ALL_ON, NO, SAME),
    (FailureKind.RESET, ALL_ON, NO, NEXT),
    (FailureKind.BAD_RESPONSE, ALL_ON, NO, NEXT),
    (FailureKind.TIMEOUT, ALL_ON, NO, NEXT),
    (STATUS, ALL_ON, NO, NEXT),
    (FailureKind.TIMEOUT, replace(ALL_ON, on_read_timeout=False), NO, NO),
    (STATUS, replace(ALL_ON, statuses=frozenset()), NO, NO),
]


def decided(cause, method, **given):
    usual = {"body_at_hand": True, "rules": ALL_ON, "tries_left": 1, "time_left_s": 1.0, "has_budget": True}
    return decide(cause, method, **usual | given)


@pytest.mark.parametrize(("cause", "rules", "otherwise", "if_idempotent"), TABLE)
def test_the_table(cause, rules, otherwise, if_idempotent):
    assert {decided(cause, method, rules=rules) for method in SAFE_TO_REPEAT} == {if_idempotent}
    assert {decided(cause, method, rules=rules) for method in NOT_SAFE} == {otherwise}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_table_is_complete(cause):
    assert cause in MAY_REPEAT
    assert cause in {row[0] for row in TABLE}


@pytest.mark.parametrize("kind", FailureKind)
def test_a_timeout_is_504_and_the_rest_502(kind):
    assert FINAL_STATUS[kind] == (504 if "timeout" in kind.value else 502)


@pytest.mark.parametrize("cause", CAUSES)
def test_nothing_is_repeated_without_its_body(cause):
    assert not may_repeat(cause, b"GET", body_at_hand=False, rules=ALL_ON)
    assert decided(cause, b"GET", body_at_hand=False) is NO


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause is not FailureKind.STALE])
class TestTriesTimeAndBudget:
    def test_no_tries_left(self, cause):
        assert decided(cause, b"GET", tries_left=0) is NO

    @pytest.mark.parametrize("time_left_s", [0.0, -1.0])
    def test_no_time_left_after_the_pause(self, cause, time_left_s):
        assert decided(cause, b"GET", time_left_s=time_left_s) is NO

    def test_no_budget_is_told_apart(self, cause):
        assert decided(cause, b"GET", has_budget=False) is Decision.NO_BUDGET

    def test_the_budget_is_not_blamed_for_what_could_not_be_repeated_anyway(self, cause):
        assert decided(cause, b"GET", has_budget=False, tries_left=0) is NO
        assert decided(cause, b"GET", has_budget=False, body_at_hand=False) is NO


def test_a_stale_connection_costs_neither_a_try_nor_budget():
    assert decided(FailureKind.STALE, b"GET", tries_left=0, has_budget=False) is SAME


class TestPause:
    RULES = replace(KONGS, backoff=25, max_backoff=250)

    def test_there_is_none_unless_asked_for(self):
        assert pause_s(KONGS, 1, 0.999) == 0

    def test_it_doubles_up_to_its_limit(self):
        longest = [pause_s(self.RULES, tries, 1.0) for tries in range(1, 7)]

        assert longest == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]

    def test_a_first_pause_above_the_limit_is_cut_as_well(self):
        assert pause_s(replace(self.RULES, backoff=1000), 1, 1.0) == 0.25

    @given(
        backoff=st.integers(1, 60_000),
        most=st.integers(1, 60_000),
        tries=st.integers(1, 40_000),
        chance=st.floats(0, 1, exclude_max=True),
    )
    def test_it_is_never_longer_and_always_within_its_range(self, backoff, most, tries, chance):
        pause = pause_s(replace(KONGS, backoff=backoff, max_backoff=most), tries, chance)

        assert 0 <= pause <= min(backoff * 2 ** min(tries - 1, 40), most) / 1000
        assert pause == pytest.approx(chance * min(backoff * 2 ** min(tries - 1, 40), most) / 1000)
