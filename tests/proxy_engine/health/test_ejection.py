"""The circuits of an upstream together: how many may be out, what a reload keeps, and what nobody may break."""

from __future__ import annotations

import errno
import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy_engine.errors import FailureKind
from proxy_engine.health import BreakerBook, Phase, TargetState
from proxy_engine.health.ejection import most_ejected
from proxy_engine.http.reply import NAME_RESOLUTION
from proxy_engine.spec import check, to_spec

from .test_state import a_target

RESET = FailureKind.RESET


def an_upstream(id="u", **rules):
    rules = {"consecutive_failures": 2} | rules
    checked = check("upstreams", {"name": "pool.test", "circuit_breaker": rules})
    assert checked.problems == [], checked.problems
    return to_spec("upstreams", {**checked.values, "id": id})


class Pool:
    """An upstream of some targets, with its breaker and a clock."""

    def __init__(self, count=4, **rules):
        self.now = 100.0
        self.book = BreakerBook(lambda: self.now)
        self.states = [TargetState(a_target(id=f"t{number}", target=f"t{number}.test:80")) for number in range(count)]
        self.edit(**rules)

    def edit(self, count=None, **rules):
        self.upstream = an_upstream(**rules)
        self.book.adopt(self.upstream, self.states[:count])

    @property
    def breaker(self):
        return self.book.get("u")

    def fail(self, number, times=2):
        for _ in range(times):
            self.breaker.failed(self.states[number], RESET, "reset")

    def pass_time(self, seconds):
        self.now += seconds
        self.book.sweep(self.now)

    @property
    def ejected(self):
        return [number for number, state in enumerate(self.states) if state.ejected]


@pytest.mark.parametrize(
    ("targets", "percent", "most"),
    [
        (0, 50, 0),
        (1, 50, 0),
        (1, 99.9, 0),
        (1, 100, 1),
        (2, 50, 1),
        (3, 50, 1),
        (4, 50, 2),
        (5, 10, 1),
        (5, 0, 0),
        (100, 29, 29),
        (7, 100, 7),
    ],
)
def test_how_many_may_be_ejected(targets, percent, most):
    assert most_ejected(targets, percent) == most


def test_no_more_than_the_share_is_ejected_until_one_is_back():
    pool = Pool(4, open_time=10)
    for number in range(4):
        pool.fail(number)
    assert pool.ejected == [0, 1]
    pool.pass_time(10)
    pool.states[0].begin()
    pool.breaker.answered(pool.states[0], 200)
    pool.fail(2, times=1)
    assert pool.states[2].ejected
    assert pool.book.get("u").has_some_out


def test_a_single_target_is_ejected_only_where_all_may_be():
    pool = Pool(1, max_ejected=50)
    pool.fail(0, times=10)
    assert pool.ejected == []
    pool.edit(max_ejected=100)
    pool.fail(0)
    assert pool.ejected == [0]


def test_targets_that_get_no_traffic_do_not_count_among_them():
    pool = Pool(4)
    for state, spec in zip(pool.states[2:], ({"enabled": False}, {"weight": 0}), strict=True):
        state.adopt(a_target(id=state.target.id, target=state.target.target, **spec))
    pool.edit()
    pool.fail(0)
    pool.fail(1)
    assert pool.ejected == [0]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_listed_statuses_are_failures(status):
    pool = Pool()
    for _ in range(2):
        pool.breaker.answered(pool.states[0], status)
    assert pool.ejected == [0]


@pytest.mark.parametrize("status", [101, 200, 404, 429, 501])
def test_other_answers_are_successes(status):
    pool = Pool()
    for _ in range(3):
        pool.fail(0, times=1)
        pool.breaker.answered(pool.states[0], status)
    assert pool.ejected == []


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind is not FailureKind.STALE])
def test_failures_count_whatever_their_kind(kind):
    pool = Pool()
    for _ in range(2):
        pool.breaker.failed(pool.states[0], kind, "it failed")
    assert pool.ejected == [0]


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (FailureKind.STALE, "closed"),
        (FailureKind.CONNECT, NAME_RESOLUTION),
        (FailureKind.CONNECT, os.strerror(errno.EMFILE)),
    ],
)
def test_what_says_nothing_about_the_target_does_not_count(kind, detail):
    pool = Pool()
    for _ in range(10):
        pool.breaker.failed(pool.states[0], kind, detail)
    assert pool.ejected == []


def test_edits_that_leave_the_rules_alone_keep_what_was_observed():
    pool = Pool()
    pool.fail(0)
    pool.fail(1, times=1)
    pool.edit()
    assert pool.ejected == [0]
    pool.fail(1, times=1)
    assert pool.ejected == [0, 1]


def test_other_rules_begin_anew():
    pool = Pool()
    pool.fail(0)
    before = pool.breaker
    pool.edit(open_time=5)
    assert (pool.ejected, pool.book.get("u") is before) == ([], False)
    before.failed(pool.states[1], RESET, "reset")  # by an exchange that began under the old ones
    before.failed(pool.states[1], RESET, "reset")
    assert pool.ejected == []


def test_a_breaker_that_is_turned_off_lets_all_back_in():
    pool = Pool()
    pool.fail(0)
    pool.pass_time(10)
    pool.edit(consecutive_failures=0)
    assert (pool.ejected, pool.breaker, pool.states[0].trials) == ([], None, None)


def test_upstreams_that_are_gone_are_forgotten():
    pool = Pool()
    pool.fail(0)
    pool.book.keep({"another"})
    assert (pool.ejected, pool.breaker, list(pool.book.out())) == ([], None, [])


def test_what_was_observed_belongs_to_the_address():
    pool = Pool()
    pool.fail(0)
    pool.states[0].adopt(a_target(id="t0", target="elsewhere.test:80"))
    pool.edit()
    assert pool.ejected == []


def test_a_target_that_leaves_frees_its_place():
    pool = Pool(4)
    pool.states.reverse()
    pool.edit()
    pool.fail(3)
    pool.edit(count=3)
    assert not pool.states[3].ejected
    pool.fail(0)
    assert pool.ejected == [0]


def test_those_out_longest_come_back_when_targets_that_serve_are_taken_away():
    pool = Pool(4)
    pool.fail(1)
    pool.fail(0)
    pool.edit(count=2)
    assert pool.ejected == [0]


def test_a_sweep_touches_only_upstreams_with_someone_out():
    pool = Pool()
    pool.pass_time(1)
    pool.fail(0)
    pool.pass_time(10)
    pool.states[0].begin()
    pool.breaker.answered(pool.states[0], 200)
    pool.pass_time(1)
    assert repr(pool.book) == "<BreakerBook 1 upstreams, 0 with ejected targets>"


class Traffic(RuleBasedStateMachine):
    """Any order of attempts, ends, verdicts, clients that go away, and time."""

    TRIALS, COUNT, MOST = 2, 4, 2

    def __init__(self):
        super().__init__()
        self.pool = Pool(self.COUNT, half_open_requests=self.TRIALS, open_time=5, failure_percentage=60)
        self.attempts = []  # (target, when, whether it began as a trial)

    @rule(number=st.integers(0, COUNT - 1))
    def begin(self, number):
        state = self.pool.states[number]
        if state.ready:
            self.attempts.append((number, self.pool.now, state.trials is not None))
            state.begin()

    @rule(which=st.integers(0, 50), verdict=st.sampled_from([200, 503, "reset", "abandoned"]))
    def end(self, which, verdict):
        if not self.attempts:
            return
        number, _, _ = self.attempts.pop(which % len(self.attempts))
        state, breaker = self.pool.states[number], self.pool.breaker
        if verdict == "reset":
            state.end()
            breaker.failed(state, RESET, "reset")
        else:
            if verdict != "abandoned":
                breaker.answered(state, verdict)
            state.end()

    @rule(seconds=st.sampled_from([0.125, 1.0, 5.0]))
    def pass_time(self, seconds):
        self.pool.pass_time(seconds)

    @rule(number=st.integers(0, COUNT - 1))
    def go_bad(self, number):
        self.pool.fail(number)

    @invariant()
    def no_more_than_the_share_is_out(self):
        out = [circuit for circuit in self.pool.breaker if circuit.phase is not Phase.CLOSED]
        assert len(out) <= self.MOST
        assert len(self.pool.ejected) <= len(out)
        assert {id(circuit) for circuit in self.pool.book.out()} == {id(circuit) for circuit in out}

    @invariant()
    def no_more_trials_are_under_way_than_may_be(self):
        for number, circuit in enumerate(self.pool.breaker):
            if circuit.phase is Phase.HALF_OPEN:
                lapsed = self.pool.now - circuit.rule.open_time
                begun = [at for which, at, is_trial in self.attempts if which == number and is_trial]
                assert sum(at >= circuit.since and at > lapsed for at in begun) <= self.TRIALS

    def teardown(self):
        """Whatever happened: with no attempt left, time brings every target back to where it may be tried."""
        while self.attempts:
            self.end(0, "abandoned")
        for _ in range(3):
            self.pool.pass_time(5.0)
        assert self.pool.ejected == []


Traffic.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestTraffic = Traffic.TestCase


class TestSomebodyElsesWord:
    @pytest.mark.parametrize("seconds", [1, 10])  # open, half-open
    def test_ends_an_ejection(self, seconds):
        pool = Pool(4, open_time=10)
        pool.fail(0)
        pool.pass_time(seconds)

        pool.book.vouch_for(pool.states[0])

        assert pool.book.circuit_of(pool.states[0]).is_closed
        assert not pool.breaker.has_some_out
        assert pool.ejected == []
        assert pool.states[0].trials is None

    def test_makes_room_for_another_one(self):
        pool = Pool(4, max_ejected=25)
        pool.fail(0)
        pool.book.vouch_for(pool.states[0])
        pool.fail(1)
        assert pool.ejected == [1]

    def test_is_no_news_of_one_that_is_not_ejected(self):
        pool = Pool(4)
        pool.fail(0, times=1)
        pool.book.vouch_for(pool.states[0])
        pool.fail(0, times=1)
        assert pool.ejected == [0]

    def test_concerns_nobody_without_a_breaker(self):
        stranger = TargetState(a_target(id="x", target="x.test:80"))
        Pool(4).book.vouch_for(stranger)
        assert Pool(4).book.circuit_of(stranger) is None
