"""What each condition finds, row by row."""

import pytest

from gateway_admin.alerts.conditions import CONDITIONS, findings

from .builders import NOON, an_engine, down, facts, weights

ROWS = [
    ("target_down", None, facts(), []),
    ("target_down", None, facts(targets_down=(down(),)), [("target", "t1", "10.0.0.1:80", "refused")]),
    ("upstream_below", 50, facts(upstreams=(weights(100, 50),)), []),
    (
        "upstream_below",
        50,
        facts(upstreams=(weights(300, 100),)),
        [("upstream", "u1", "pool", "33.3 % of its weight is available, below 50 %")],
    ),
    ("upstream_below", 100, facts(upstreams=(weights(100, 100),)), []),
    ("upstream_down", None, facts(upstreams=(weights(100, 1),)), []),
    (
        "upstream_down",
        None,
        facts(upstreams=(weights(100, 0),)),
        [("upstream", "u1", "pool", "none of its 2 targets is available")],
    ),
    (
        "upstream_down",
        None,
        facts(upstreams=(weights(100, 0, targets=1),)),
        [("upstream", "u1", "pool", "its only target is not available")],
    ),
    ("probe_lag", 5, facts(lag_s=5.0), []),
    (
        "probe_lag",
        5,
        facts(lag_s=7.4),
        [("checks", "lag", "health checks", "the oldest check has been due for 7 s, longer than 5 s")],
    ),
    ("engine_silent", None, facts(engines=(an_engine(),)), []),
    (
        "engine_silent",
        None,
        facts(engines=(an_engine(is_live=False),)),
        [("engine", "e1", "engine-1", "no report since 2027-01-31 12:00:00 UTC")],
    ),
    ("engine_behind", None, facts(engines=(an_engine(), an_engine(is_live=False, version=1))), []),
    (
        "engine_behind",
        None,
        facts(engines=(an_engine(version=3),)),
        [("engine", "e1", "engine-1", "runs version 3 of 5")],
    ),
]


@pytest.mark.parametrize(("condition", "threshold", "known", "expected"), ROWS)
def test_what_a_condition_finds(condition, threshold, known, expected):
    found = findings(condition, threshold, None, known)
    assert [(*finding.subject, finding.label, finding.cause) for finding in found] == expected


def test_each_condition_has_a_row_that_finds_something():
    assert {condition for condition, _, _, expected in ROWS if expected} == set(CONDITIONS)


def test_a_rule_may_be_limited_to_some_upstreams():
    known = facts(targets_down=(down(id="a", upstream="one"), down(id="b", upstream="two")))
    assert [finding.subject.id for finding in findings("target_down", None, ["two"], known)] == ["b"]


def test_a_target_is_down_since_its_mark():
    [finding] = findings("target_down", None, None, facts(targets_down=(down(since=NOON),)))
    assert finding.since == NOON
