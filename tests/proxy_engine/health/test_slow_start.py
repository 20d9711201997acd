"""How a target that is new, or came back, gets to its full share; the clock is the test's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy_engine.health import BreakerBook, SlowStartBook, TargetState
from proxy_engine.health.slow_start import percent_after
from proxy_engine.spec import Drain, SlowStart
from tests.proxy_engine.balancing.builders import a_target, an_upstream

RULE = SlowStart(window=20, min_share=10, aggression=1)
UPSTREAM = an_upstream(slow_start={"window": 20})


class Scene:
    def __init__(self, names="abc", upstream=UPSTREAM):
        self.now = 1000.0
        self.book = SlowStartBook(lambda: self.now)
        self.upstream = upstream
        self.states = {}
        self.have(names)

    def have(self, names, **targets):
        for name in names:
            target = targets.get(name) or a_target(name, upstream_id=self.upstream.id)
            self.states.setdefault(name, TargetState(target)).adopt(target)
        self.states = {name: self.states[name] for name in names}
        self.book.adopt(self.upstream, list(self.states.values()))

    def __getitem__(self, name):
        return self.states[name]

    def after(self, seconds):
        self.now += seconds
        self.book.sweep(self.now)
        return {name: state.part for name, state in self.states.items()}

    @property
    def parts(self):
        return self.after(0)


@pytest.mark.parametrize(
    ("rule", "percents"),
    [
        (RULE, [10, 10, 25, 50, 95, 100]),
        (replace(RULE, min_share=40), [40, 40, 40, 50, 95, 100]),
        (replace(RULE, aggression=2), [10, 32, 50, 71, 97, 100]),
        (replace(RULE, aggression=0.5), [10, 10, 10, 25, 90, 100]),
        (replace(RULE, min_share=1, aggression=0.1), [1, 1, 1, 1, 60, 100]),
    ],
)
def test_the_share_grows_over_the_window(rule, percents):
    assert [percent_after(rule, seconds) for seconds in (0, 2.9, 5, 10, 19.9, 20)] == percents


def test_targets_that_come_together_have_their_full_share():
    assert Scene().parts == {"a": 100, "b": 100, "c": 100}


def test_one_that_joins_others_starts_slowly():
    scene = Scene("ab")
    scene.have("abc")
    assert scene.parts == {"a": 100, "b": 100, "c": 10}
    assert scene.after(10)["c"] == 50
    assert scene.after(10)["c"] == 100
    assert list(scene.book) == []


def test_one_that_is_not_ready_when_it_joins_starts_when_it_is():
    scene = Scene("ab")
    scene.states["c"] = TargetState(a_target("c", upstream_id=UPSTREAM.id), healthy=False)
    scene.have("abc")
    assert scene.after(50)["c"] == 100
    scene["c"].healthy = True
    assert scene.parts["c"] == 10


@pytest.mark.parametrize("flag", ["healthy", "ejected"])
def test_one_that_comes_back_starts_slowly(flag):
    scene = Scene()
    setattr(scene["a"], flag, flag == "ejected")
    assert scene.after(5)["a"] == 100
    setattr(scene["a"], flag, flag == "healthy")
    assert scene.parts == {"a": 10, "b": 100, "c": 100}


def test_one_that_is_returned_from_a_drain_starts_slowly():
    scene = Scene()
    scene.have("abc", a=a_target("a", upstream_id=UPSTREAM.id, drain=Drain(keep_sticky=False)))
    assert scene.parts["a"] == 100
    scene.have("abc")
    assert scene.parts["a"] == 10


def test_one_that_is_out_again_begins_anew():
    scene = Scene("ab")
    scene.have("abc")
    assert scene.after(15)["c"] == 75
    scene["c"].healthy = False
    assert scene.after(1)["c"] == 100
    scene["c"].healthy = True
    assert scene.parts["c"] == 10


def test_a_ramp_goes_on_through_reloads_and_under_new_rules():
    scene = Scene("ab")
    scene.have("abc")
    scene.after(5)
    scene.have("abc")
    assert scene.parts["c"] == 25
    scene.upstream = an_upstream(slow_start={"window": 10})
    scene.have("abc")
    assert scene.parts["c"] == 50


def test_without_the_rule_it_has_its_full_share_at_once():
    scene = Scene("ab")
    scene.have("abc")
    scene.upstream = an_upstream()
    scene.have("abc")
    assert scene.parts["c"] == 100
    scene["a"].healthy = False
    scene["a"].healthy = True
    assert scene.parts["a"] == 100


def test_who_leaves_or_whose_upstream_goes_is_forgotten():
    scene = Scene("ab")
    scene.have("abc")
    gone = scene["c"]
    scene.have("ab")
    assert (gone.part, gone.starter, list(scene.book)) == (100, None, [])
    scene.have("abd")
    scene.book.keep(())
    assert (scene["d"].part, scene["a"].starter, list(scene.book)) == (100, None, [])


@pytest.mark.parametrize("trials", [1, 3])
def test_trials_come_with_the_full_share_and_the_closed_circuit_starts_slowly(trials):
    breaker = {"consecutive_failures": 1, "open_time": 5, "half_open_requests": trials}
    scene = Scene(upstream=an_upstream(slow_start={"window": 20}, circuit_breaker=breaker))
    breakers = BreakerBook(lambda: scene.now)
    breakers.adopt(scene.upstream, list(scene.states.values()))
    judge, target = breakers.get(scene.upstream.id), scene["a"]
    judge.answered(target, 503)
    assert target.ejected
    scene.now += 5
    breakers.sweep(scene.now)
    assert (target.ready, scene.parts["a"]) == (True, 100)
    for _ in range(trials):
        target.begin()
        target.end()
        judge.answered(target, 200)
        breakers.sweep(scene.now)
    assert (breakers.circuit_of(target).is_closed, scene.parts["a"]) == (True, 10)
