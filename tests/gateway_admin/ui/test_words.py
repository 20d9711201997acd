"""What the dashboard says of settings that do not do what they look like, of states, times and changes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from gateway_admin.catalog.differences import ABSENT, Edit, edits
from gateway_admin.catalog.forms.hints import hints
from gateway_admin.catalog.neighbours import Neighbours, ServiceTimes
from gateway_admin.catalog.views.policy_words import policy_words
from gateway_admin.catalog.views.states import Readiness
from gateway_admin.common.templatetags import gatehouse
from proxy_engine import spec
from proxy_engine.spec.schema import nest

ACTIVE, PASSIVE, PROBE = "healthchecks.active.", "healthchecks.passive.", "probe."
BLIND = {
    f"{ACTIVE}healthy.interval": 5,
    f"{ACTIVE}healthy.successes": 0,
    f"{ACTIVE}unhealthy.http_failures": 1,
    f"{ACTIVE}unhealthy.http_statuses": [],
}
WORKING = {
    f"{ACTIVE}healthy.interval": 5,
    f"{ACTIVE}healthy.successes": 2,
    f"{ACTIVE}unhealthy.interval": 2,
    f"{ACTIVE}unhealthy.http_failures": 1,
}


def upstream(**changes):
    flat = {name.replace("__", "."): value for name, value in changes.items()}
    return spec.check(
        "upstreams", spec.merge("upstreams", spec.defaults("upstreams") | {"name": "a"}, nest(flat))
    ).values


HINTS = [
    ({}, {}),
    (WORKING, {}),
    ({f"{ACTIVE}healthy.interval": 5}, {f"{ACTIVE}healthy.interval"}),
    ({f"{ACTIVE}unhealthy.timeouts": 3}, {f"{ACTIVE}healthy.interval"}),
    (WORKING | {f"{ACTIVE}unhealthy.interval": 0}, {f"{ACTIVE}unhealthy.interval"}),
    (WORKING | {f"{ACTIVE}healthy.successes": 0}, {f"{ACTIVE}healthy.successes"}),
    (WORKING | {f"{ACTIVE}type": "tcp"}, {f"{ACTIVE}unhealthy.http_failures"}),
    ({f"{PASSIVE}unhealthy.timeouts": 3}, {f"{PASSIVE}unhealthy.http_failures"}),
    (WORKING | {f"{PASSIVE}unhealthy.timeouts": 3}, set()),
    ({"algorithm": "consistent-hashing"}, {"algorithm"}),
    ({"hash_on": "ip"}, {"hash_on"}),
    ({"algorithm": "consistent-hashing", "hash_on": "ip"}, set()),
]


HINTS += [
    (WORKING | {f"{ACTIVE}unhealthy.http_statuses": []}, {f"{ACTIVE}unhealthy.http_statuses"}),
    (WORKING | {f"{ACTIVE}healthy.http_statuses": []}, {f"{ACTIVE}healthy.http_statuses"}),
    (
        WORKING | {f"{PASSIVE}unhealthy.http_failures": 3, f"{PASSIVE}unhealthy.http_statuses": []},
        {f"{PASSIVE}unhealthy.http_statuses"},
    ),
    (WORKING | {f"{PROBE}contains": "x", f"{PROBE}method": "POST", f"{PROBE}body": "x"}, {}),
    (WORKING | {f"{PROBE}contains": "x", f"{PROBE}method": "HEAD"}, {f"{PROBE}method"}),
    (WORKING | {f"{ACTIVE}type": "grpc", f"{PROBE}json": ["a=1"]}, {f"{PROBE}json"}),
    (WORKING | {f"{ACTIVE}type": "grpc", f"{PROBE}grpc_service": "x"}, {}),
    (WORKING | {f"{PROBE}grpc_service": "x"}, {f"{PROBE}grpc_service"}),
    (WORKING | {f"{ACTIVE}type": "tcp", f"{PROBE}host": "x"}, {f"{ACTIVE}unhealthy.http_failures", f"{PROBE}host"}),
    (WORKING | {f"{PROBE}start_unhealthy": True, f"{PROBE}jitter": 5, f"{PROBE}port": 1}, {}),
    ({f"{PROBE}start_unhealthy": True}, {f"{PROBE}start_unhealthy"}),
]


BREAKER, RETRY, CONNECTIONS = "circuit_breaker.", "retry.", "connections."
BREAKS = {f"{BREAKER}consecutive_failures": 5}
HINTS += [
    (BREAKS, {}),
    ({f"{BREAKER}failure_percentage": 50, f"{BREAKER}minimum_requests": 10, f"{BREAKER}window": 5}, {}),
    (BREAKS | {f"{BREAKER}max_ejected": 0}, {f"{BREAKER}max_ejected"}),
    (BREAKS | {f"{BREAKER}window": 5}, {f"{BREAKER}failure_percentage"}),
    ({f"{BREAKER}open_time": 5}, {f"{BREAKER}consecutive_failures"}),
    ({f"{RETRY}statuses": [502]}, {}),
    ({f"{RETRY}backoff": 25}, {f"{RETRY}backoff"}),
    ({f"{RETRY}backoff": 25, f"{RETRY}on_read_timeout": True}, {}),
    ({f"{RETRY}backoff": 2000, f"{RETRY}statuses": [502]}, {f"{RETRY}max_backoff"}),
    ({f"{RETRY}budget_min": 5}, {f"{RETRY}budget_min"}),
    ({f"{RETRY}budget_min": 5, f"{RETRY}budget": 20}, {}),
    ({f"{RETRY}total_timeout": 500, f"{CONNECTIONS}connect_timeout": 501}, {f"{RETRY}total_timeout"}),
    ({f"{RETRY}total_timeout": 500, f"{CONNECTIONS}connect_timeout": 500}, {}),
    ({f"{CONNECTIONS}pool_size": 0}, {}),
    ({f"{CONNECTIONS}pool_size": 0, f"{CONNECTIONS}max_requests": 7}, {f"{CONNECTIONS}pool_size"}),
    ({f"{CONNECTIONS}tcp_keepalive_count": 9}, {f"{CONNECTIONS}tcp_keepalive_idle"}),
    ({f"{CONNECTIONS}tcp_keepalive_count": 9, f"{CONNECTIONS}tcp_keepalive_idle": 60}, {}),
    ({"when_all_unhealthy": "use_all"}, {"when_all_unhealthy"}),
    (WORKING | {"when_all_unhealthy": "use_all"}, {}),
    (BREAKS | {"when_all_unhealthy": "use_all"}, {}),
    ({"when_all_unhealthy": "threshold"}, {"when_all_unhealthy"}),
    (BREAKS | {"when_all_unhealthy": "threshold", "healthchecks.threshold": 49.5}, {}),
    (BREAKS | {"when_all_unhealthy": "threshold", "healthchecks.threshold": 50}, {"panic_threshold"}),
    (BREAKS | {"when_all_unhealthy": "use_all", "panic_threshold": 60}, {"panic_threshold"}),
    ({"slow_start.window": 30}, {}),
    ({"slow_start.min_share": 30}, {"slow_start.window"}),
    ({"slow_start.min_share": 100, "slow_start.window": 5}, {"slow_start.min_share"}),
]


@pytest.mark.parametrize(("settings", "fields"), HINTS)
def test_settings_that_cannot_act_are_pointed_out(settings, fields):
    assert set(hints("upstreams", upstream(**settings))) == set(fields)


SLOW, NEVER_AGAIN = ServiceTimes("slow", 5, 60_000), ServiceTimes("never-again", 0, 100)


@pytest.mark.parametrize(
    ("settings", "around", "field", "words"),
    [
        ({f"{RETRY}statuses": [502]}, {"services": (SLOW, NEVER_AGAIN)}, f"{RETRY}statuses", "for never-again: 0"),
        ({f"{RETRY}on_read_timeout": True}, {"services": (NEVER_AGAIN,) * 3}, f"{RETRY}on_read_timeout", "and 2 more"),
        ({f"{RETRY}total_timeout": 500}, {"services": (SLOW, NEVER_AGAIN)}, f"{RETRY}total_timeout", "of slow, 60000"),
        (BREAKS, {"in_use": 1}, f"{BREAKER}max_ejected", "single target"),
    ],
)
def test_an_upstream_is_judged_together_with_its_services_and_targets(settings, around, field, words):
    found = hints("upstreams", upstream(**settings), Neighbours(**around))
    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize(
    ("settings", "around"),
    [
        ({f"{RETRY}statuses": [502]}, {"services": (SLOW,)}),
        ({f"{RETRY}total_timeout": 500}, {"services": (NEVER_AGAIN,)}),
        ({f"{RETRY}total_timeout": 500, f"{CONNECTIONS}connect_timeout": 90}, {"services": (SLOW,)}),
        (BREAKS, {"in_use": 2}),
        (BREAKS | {f"{BREAKER}max_ejected": 100}, {"in_use": 1}),
    ],
)
def test_what_can_act_goes_without_a_hint(settings, around):
    assert hints("upstreams", upstream(**settings), Neighbours(**around)) == {}


def service(**values):
    return spec.check("services", {"host": "pool"} | values).values


def test_a_service_says_where_its_upstream_overrules_it():
    pool = upstream(connections__read_timeout=500, connections__connect_timeout=60000, retry__statuses=[503])
    assert hints("services", service(retries=0), Neighbours(upstream=pool)) == {
        "retries": "0: what upstream a says about retries has no effect.",
        "read_timeout": "No effect: upstream a sets 500 ms.",
    }
    assert hints("services", service(read_timeout=500), Neighbours(upstream=pool)) == {}
    assert hints("services", service(retries=0), Neighbours(upstream=upstream())) == {}


@pytest.mark.parametrize(("others", "is_reserve"), [(set(), False), ({2, 3}, False), ({0}, True), ({1, 2}, True)])
def test_a_reserve_needs_something_to_be_a_reserve_for(others, is_reserve):
    target = spec.check("targets", {"target": "a:1", "upstream": {"id": str(uuid4())}, "priority": 2}).values
    found = hints("targets", target, Neighbours(priorities=frozenset(others)))
    assert set(found) == (set() if is_reserve else {"priority"})


@pytest.mark.parametrize(
    ("settings", "pill", "words"),
    [
        ({}, "off", "not checked"),
        (WORKING, "ok", "GET / every 5 s; out after 1 bad status; back after 2 successes, 2 s apart."),
        ({f"{ACTIVE}healthy.interval": 5}, "off", "no failure count is set"),
        (
            WORKING | {f"{ACTIVE}unhealthy.http_statuses": []},
            "ok",
            "GET / of unhealthy targets; back after 2 successes",
        ),
        (BLIND, "off", "GET / every 5 s; nothing of it counts as failure, so nothing follows from it."),
        ({f"{ACTIVE}unhealthy.interval": 2, f"{ACTIVE}healthy.successes": 1}, "ok", "Healthy ones are not taken out."),
        (WORKING | {f"{ACTIVE}type": "grpc"}, "ok", "gRPC health every 5 s; out after 1 bad status"),
        (WORKING | {f"{ACTIVE}type": "https", f"{PROBE}method": "HEAD"}, "ok", "HEAD / over TLS every 5 s"),
        (WORKING | {f"{ACTIVE}healthy.successes": 0}, "warn", "what is out stays out"),
        (WORKING | {f"{ACTIVE}type": "tcp", f"{ACTIVE}unhealthy.timeouts": 1}, "ok", "A connection every 5 s"),
    ],
)
def test_active_checks_in_a_sentence(settings, pill, words):
    found = policy_words(upstream(**settings))["active"]
    assert found.pill == pill
    assert words in found.sentence


@pytest.mark.parametrize(
    ("key", "settings", "pill", "sentence"),
    [
        ("all_unhealthy", {}, "", "Requests are answered with 503 while no target is healthy."),
        ("all_unhealthy", {"healthchecks.threshold": 30}, "", "503 while 30 % of the weight or less is available."),
        ("all_unhealthy", {"when_all_unhealthy": "use_all"}, "ok", "All targets get requests while no target is"),
        (
            "all_unhealthy",
            {"when_all_unhealthy": "threshold", "healthchecks.threshold": 20},
            "ok",
            "All targets get requests while less than 50 % of the weight is available.",
        ),
        (
            "all_unhealthy",
            {"when_all_unhealthy": "threshold", "healthchecks.threshold": 50},
            "ok",
            "All targets get requests while 50 % of the weight or less is available.",
        ),
        ("slow_start", {}, "off", "their full share at once."),
        ("slow_start", {"slow_start.window": 30}, "ok", "From 10 % to the full share in 30 s."),
        ("slow_start", {"slow_start.window": 30, "slow_start.min_share": 100}, "warn", "begins with 100 %"),
        ("probe", {}, "", "As Kong asks; the status decides."),
        ("probe", {f"{PROBE}contains": "UP", f"{PROBE}json": ["a=1"]}, "", "The body must contain “UP” and say a=1."),
        ("probe", {f"{PROBE}start_unhealthy": True}, "", "New targets wait for their first success."),
        (
            "passive",
            {f"{PASSIVE}unhealthy.http_failures": 1, f"{PASSIVE}unhealthy.http_statuses": []},
            "off",
            "No stat",
        ),
        ("breaker", {}, "off", "Failed requests do not eject a target."),
        ("breaker", BREAKS, "ok", "Out for 10 s after 5 failures in a row; back after 1 trial request; at most 50 %"),
        (
            "breaker",
            {f"{BREAKER}failure_percentage": 12.5},
            "ok",
            "after 12.5 % failures of at least 20 requests in 10 s;",
        ),
        ("breaker", BREAKS | {f"{BREAKER}max_ejected": 0}, "warn", "so never"),
        ("retries", {}, "off", "Only failed connections are tried again."),
        ("retries", {f"{RETRY}backoff": 25}, "off", "Only failed connections are tried again; first after 25 ms."),
        (
            "retries",
            {f"{RETRY}statuses": [502, 503], f"{RETRY}on_read_timeout": True, f"{RETRY}budget": 20},
            "ok",
            "502, 503, read timeouts: tried again if the method is idempotent; at most 20 % of the requests under way.",
        ),
        ("retries", {f"{RETRY}statuses": [502], f"{RETRY}total_timeout": 900}, "ok", "; 900 ms for all tries."),
        ("connections", {}, "", "Up to 512 idle connections per target, kept for 60 s."),
        ("connections", {f"{CONNECTIONS}pool_size": 1}, "", "Up to 1 idle connection per target"),
        ("connections", {f"{CONNECTIONS}pool_size": 0}, "", "A new connection for each request."),
    ],
)
def test_every_policy_in_a_sentence(key, settings, pill, sentence):
    found = policy_words(upstream(**settings))[key]
    assert found.pill == pill
    assert sentence in found.sentence


def test_passive_checks_in_a_sentence():
    settings = {f"{PASSIVE}unhealthy.http_failures": 5, f"{PASSIVE}unhealthy.tcp_failures": 2}
    found = policy_words(upstream(**settings))["passive"]
    assert found == ("ok", "on", "Out after 5 bad statuses or 2 failed connections.")


@pytest.mark.parametrize(
    ("ready", "total", "troubled", "pill", "word"),
    [
        (0, 0, 0, "off", "no targets"),
        (3, 3, 0, "ok", "3 of 3 targets ready"),
        (2, 3, 1, "warn", "2 of 3 targets ready"),
        (2, 3, 0, "ok", "2 of 3 targets ready"),  # the third is switched off
        (0, 1, 0, "bad", "0 of 1 target ready"),
    ],
)
def test_readiness_as_a_pill(ready, total, troubled, pill, word):
    found = Readiness(ready, total, troubled)
    assert (found.pill, found.word) == (pill, word)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-3, "just now"),
        (12, "12 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (3 * 86400, "3 d ago"),
    ],
)
def test_times_are_relative_with_the_exact_one_on_hover(seconds, text):
    moment = timezone.now() - timedelta(seconds=seconds)
    found = gatehouse.ago(moment)
    assert f">{text}</time>" in found
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in found


def test_long_ago_is_a_date():
    assert ">2020-02-03</time>" in gatehouse.ago(datetime(2020, 2, 3, tzinfo=UTC))
    assert "2020-02-03 04:05" in gatehouse.clock(datetime(2020, 2, 3, 4, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (40, "40 s"), (60, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (3601, "1 h"), (273600, "3 d 4 h")],
)
def test_durations_have_two_units(seconds, text):
    assert gatehouse.duration(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(2 / 3, "66.7 %"), (0.25, "25 %"), (0, "0 %"), (1, "100 %"), (None, "–")]
)
def test_shares_are_percent(fraction, text):
    assert gatehouse.percent(fraction) == text


def test_a_bar_is_as_wide_as_its_share():
    assert 'width="66.7"' in gatehouse.share_bar(2 / 3)
    assert 'width="100.0"' in gatehouse.share_bar(7)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "on"),
        (False, "off"),
        (0, "0"),
        ([], "none"),
        (["a", "b"], "a, b"),
        ({"a": [1]}, '{"a": [1]}'),
    ],
)
def test_stored_values_in_one_line(value, text):
    assert gatehouse.as_text(value) == text


def test_a_diff_goes_into_records_and_leaves_out_what_the_control_plane_writes():
    before = {"id": "1", "updated_at": 1, "a": {"b": 1, "c": 2}, "tags": None}
    after = {"id": "1", "updated_at": 2, "a": {"b": 1, "c": 3}, "tags": ["x"]}
    assert edits("services", before, after) == [Edit("a.c", 2, 3), Edit("tags", None, ["x"])]


def test_a_creation_tells_only_what_was_chosen():
    made = spec.check("services", {"host": "a", "retries": 5, "port": 81}).values
    assert edits("services", None, made) == [Edit("host", ABSENT, "a"), Edit("port", ABSENT, 81)]
