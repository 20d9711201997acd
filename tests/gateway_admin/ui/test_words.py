"""What the dashboard says of settings that do not do what they look like, of states, times and changes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gateway_admin.catalog.forms.hints import hints
from gateway_admin.catalog.forms.layout import nest
from gateway_admin.catalog.views.diff import ABSENT, Edit, edits
from gateway_admin.catalog.views.health_words import check_words
from gateway_admin.catalog.views.states import Readiness
from gateway_admin.common.templatetags import gatehouse
from proxy_engine import spec

ACTIVE, PASSIVE = "healthchecks.active.", "healthchecks.passive."
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


@pytest.mark.parametrize(("settings", "fields"), HINTS)
def test_settings_that_cannot_act_are_pointed_out(settings, fields):
    assert set(hints("upstreams", upstream(**settings))) == set(fields)


@pytest.mark.parametrize(
    ("settings", "pill", "words"),
    [
        ({}, "off", "not checked"),
        (WORKING, "ok", "GET / every 5 s; out after 1 bad status; back after 2 successes, 2 s apart."),
        ({f"{ACTIVE}healthy.interval": 5}, "warn", "no failure count is set"),
        (WORKING | {f"{ACTIVE}healthy.successes": 0}, "warn", "what is out stays out"),
        (WORKING | {f"{ACTIVE}type": "tcp"}, "ok", "A connection every 5 s"),
    ],
)
def test_active_checks_in_a_sentence(settings, pill, words):
    found = check_words(upstream(**settings)["healthchecks"])["active"]
    assert found.pill == pill
    assert words in found.sentence


def test_passive_checks_in_a_sentence():
    settings = {f"{PASSIVE}unhealthy.http_failures": 5, f"{PASSIVE}unhealthy.tcp_failures": 2}
    found = check_words(upstream(**settings)["healthchecks"])["passive"]
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
