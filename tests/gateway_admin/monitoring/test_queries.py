"""Kong's words for targets and upstreams, row by row; engines that are live, lost and behind."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import with_health
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from gateway_admin.monitoring.models import EngineNode
from gateway_admin.monitoring.queries import (
    engines,
    health_events,
    target_states,
    upstream_state,
    version_state,
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
        ({"kind": "grpc"}, {}, [], "HEALTHY"),
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
    [state] = target_states(healthchecks, [found])
    assert (state.state, state.mark) == ("HEALTHY", None)


# --- Names -------------------------------------------------------------------------------------------------


def unresolved(*workers):
    """A live engine whose workers cannot resolve these targets."""
    workers = [[str(target.pk) for target in worker] for worker in workers]
    record_engine(a_report(unresolved=workers, ejected=[()] * len(workers)))


def test_a_name_that_no_worker_can_resolve_is_a_dns_error():
    upstream = an_upstream()
    lost, found = a_target(upstream, "lost.example:80"), a_target(upstream, "found.example:80", weight=60)
    unresolved([lost, found], [lost])
    state = state_of(upstream)
    assert [(member.target.target, member.state) for member in state.targets] == [
        (found.target, "HEALTHY"),
        (lost.target, "DNS_ERROR"),
    ]
    assert (state.weight_total, state.weight_available) == (160, 60)


def test_it_matters_without_checks_too():
    upstream = an_upstream(**OFF)
    unresolved([a_target(upstream, "lost.example:80")])
    state = state_of(upstream)
    assert (state.targets[0].state, state.balancer_state) == ("HEALTHCHECKS_OFF", "UNHEALTHY")


def test_engines_that_fell_silent_or_are_older_say_nothing_of_names():
    upstream = an_upstream()
    lost = a_target(upstream, "lost.example:80")
    unresolved([lost])
    EngineNode.objects.update(seen_at=NOW)
    assert state_of(upstream).targets[0].state == "HEALTHY"
    record_engine(a_report())
    EngineNode.objects.update(workers=[{"pid": 1}])
    assert state_of(upstream).targets[0].state == "HEALTHY"


def test_names_cost_one_statement_more(django_assert_num_queries):
    upstream = an_upstream()
    a_target(upstream, "a.example:80"), a_target(upstream, "b.example:80")
    with django_assert_num_queries(2):
        upstream_state(upstream)


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
    assert [node.name for node in EngineNode.objects.live(NOW)] == ["young"]


def test_engines_that_run_an_older_version_are_behind():
    an_upstream()
    head = head_version()
    report("current", version=head)
    report("slow", version=head - 1)
    report("lost", version=head - 1, age_s=60)
    found = engines(now=NOW)
    assert [(state.node.name, state.behind) for state in found.behind] == [("slow", 1)]
    assert [node.name for node in version_state(head, now=NOW).waiting] == ["slow"]
    assert version_state(head - 1, now=NOW).is_live


def test_without_engines_nothing_is_live():
    assert not version_state(0, now=NOW).is_live


def running(version, *, after_ms, name="one", started_at=NOW - timedelta(days=1)):
    """An engine that reported the version for the first time so long after NOW."""
    since = NOW + timedelta(milliseconds=after_ms)
    node = {"name": name, "pid": 1, "workers": [], "problems": [], "seen_at": NOW, "started_at": started_at}
    return EngineNode.objects.create(version=version, version_since=since, **node)


def delay_ms(version=7):
    found = version_state(version, now=NOW).delay(NOW)
    return None if found is None else found / timedelta(milliseconds=1)


def test_the_delay_of_an_edit_is_that_of_the_last_engine():
    running(7, after_ms=4)
    running(7, after_ms=12, name="two")
    assert delay_ms() == 12


def test_a_clock_that_is_cut_to_milliseconds_makes_no_delay_negative():
    running(7, after_ms=-0.5)
    assert delay_ms() == 0


@pytest.mark.parametrize(
    "other",
    [
        {"version": 6, "after_ms": 1},  # not there yet
        {"version": 8, "after_ms": 1},  # already further: when it was at 7 nobody knows
        {"version": 7, "after_ms": 1, "started_at": NOW + timedelta(seconds=1)},  # was not there at the commit
    ],
)
def test_no_delay_is_told_where_it_is_not_known(other):
    running(7, after_ms=4)
    running(name="two", **other)
    assert delay_ms() is None


def test_no_delay_is_told_of_an_engine_that_an_older_release_recorded():
    node = running(7, after_ms=4)
    EngineNode.objects.filter(pk=node.pk).update(version_since=None)
    assert delay_ms() is None


def test_engines_are_two_statements(django_assert_num_queries):
    for number in range(5):
        report(f"engine-{number}")
    with django_assert_num_queries(2):
        engines(now=NOW)
