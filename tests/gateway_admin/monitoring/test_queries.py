"""Kong's words for targets and upstreams, row by row; engines that are live, lost and behind."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import with_health
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from gateway_admin.monitoring.queries import (
    engines,
    engines_below,
    health_events,
    live_engines,
    target_state,
    upstream_state,
)
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_upstream, edit

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 11, 3, 14, 2, 11, tzinfo=UTC)
OFF = {"interval": 0}
PASSIVE = {"passive": {"unhealthy": {"http_failures": 3}}}


def mark(target, *, healthy=False):
    mark_targets([a_flip(target, healthy=healthy)], source=Source.ACTIVE)


def state_of(upstream):
    return upstream_state(Upstream.objects.get(pk=upstream.pk))


# --- Targets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "fields", "marks", "word"),
    [
        ({}, {}, [], "HEALTHY"),
        ({}, {}, [False], "UNHEALTHY"),
        ({}, {}, [False, True], "HEALTHY"),
        ({}, {"enabled": False}, [False], "UNHEALTHY"),
        ({}, {"weight": 0}, [], "HEALTHCHECKS_OFF"),
        (OFF, {}, [], "HEALTHCHECKS_OFF"),
        (OFF, {}, [False], "HEALTHCHECKS_OFF"),
        ({"kind": "grpc"}, {}, [], "HEALTHCHECKS_OFF"),
        ({"active": {"healthy": {"interval": 0}}}, {}, [], "HEALTHY"),
        ({"active": {"unhealthy": {"interval": 0}}}, {}, [], "HEALTHY"),
    ],
)
def test_the_word_for_a_target(checks, fields, marks, word):
    upstream = an_upstream(**checks)
    target = a_target(upstream, **fields)
    for healthy in marks:
        mark(target, healthy=healthy)
    [found] = state_of(upstream).targets
    assert found.state == word


def test_passive_checks_alone_are_checks():
    upstream = an_upstream(**OFF)
    edit(upstream, healthchecks=PASSIVE)
    target = a_target(upstream)
    mark(target)
    assert state_of(upstream).targets[0].state == "UNHEALTHY"


def test_a_mark_about_another_address_does_not_count():
    target = a_target(an_upstream())
    mark(target)
    edit(target, target="10.9.9.9:80")
    found = with_health(Target.objects.all()).get()
    healthchecks = state_of(target.upstream).healthchecks
    assert (target_state(healthchecks, found).state, target_state(healthchecks, found).mark) == ("HEALTHY", None)


# --- Upstreams ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("threshold", "weights", "down", "word"),
    [
        (0, [100, 100], [], "HEALTHY"),
        (0, [100, 100], [0], "HEALTHY"),
        (0, [100, 100], [0, 1], "UNHEALTHY"),
        (50, [100, 100], [0], "UNHEALTHY"),  # the share must exceed the threshold
        (49, [100, 100], [0], "HEALTHY"),
        (100, [100], [], "UNHEALTHY"),
        (0, [], [], "UNHEALTHY"),
        (0, [0], [], "UNHEALTHY"),
        (25, [300, 100], [0], "UNHEALTHY"),
        (24, [300, 100], [0], "HEALTHY"),
    ],
)
def test_an_upstream_is_up_while_enough_weight_is(threshold, weights, down, word):
    upstream = an_upstream(threshold=threshold)
    targets = [a_target(upstream, weight=weight) for weight in weights]
    for number in down:
        mark(targets[number])
    assert state_of(upstream).state == word


def test_weights_add_up():
    upstream = an_upstream()
    first, _, off = a_target(upstream, weight=30), a_target(upstream, weight=60), a_target(upstream, weight=10)
    edit(off, enabled=False)
    mark(first)
    state = state_of(upstream)
    assert (state.weight_total, state.weight_available) == (90, 60)


def test_without_checks_the_balancer_still_has_a_state():
    upstream = an_upstream(**OFF)
    a_target(upstream)
    state = state_of(upstream)
    assert (state.state, state.balancer_state) == ("HEALTHCHECKS_OFF", "HEALTHY")


def test_one_statement_however_many_targets(django_assert_num_queries):
    upstream = an_upstream()
    for _ in range(5):
        mark(a_target(upstream))
    with django_assert_num_queries(1):
        upstream_state(upstream)


def test_targets_come_newest_first():
    upstream = an_upstream()
    a_target(upstream, "10.0.0.1:80")
    a_target(upstream, "10.0.0.2:80")
    assert [found.target.target for found in state_of(upstream).targets] == ["10.0.0.2:80", "10.0.0.1:80"]


# --- Events ------------------------------------------------------------------------------------------------


def test_events_of_an_upstream_and_of_a_target():
    first, second = a_target(an_upstream()), a_target(an_upstream())
    mark(first)
    mark(second)
    mark(first, healthy=True)
    assert [event.healthy for event in health_events(target_id=first.pk)] == [True, False]
    assert [event.label for event in health_events(upstream_id=second.upstream_id)] == [second.target]
    assert health_events().count() == 3


# --- Engines -----------------------------------------------------------------------------------------------


def report(name, *, version=0, age_s=0):
    record_engine(a_report(name=name, version=version), now=NOW - timedelta(seconds=age_s))


def test_an_engine_that_was_silent_for_ten_seconds_is_lost():
    report("young", age_s=9)
    report("old", age_s=10)
    found = engines(now=NOW)
    assert [state.node.name for state in found.live] == ["young"]
    assert [state.node.name for state in found.lost] == ["old"]
    assert [node.name for node in live_engines(now=NOW)] == ["young"]


def test_engines_that_run_an_older_version_are_behind():
    an_upstream()
    head = head_version()
    report("current", version=head)
    report("slow", version=head - 1)
    report("lost", version=head - 1, age_s=60)
    found = engines(now=NOW)
    assert [(state.node.name, state.behind) for state in found.behind] == [("slow", 1)]
    assert [node.name for node in engines_below(head, now=NOW)] == ["slow"]
    assert engines_below(head - 1, now=NOW) == []


def test_engines_are_two_statements(django_assert_num_queries):
    for number in range(5):
        report(f"engine-{number}")
    with django_assert_num_queries(2):
        engines(now=NOW)
