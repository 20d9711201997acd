"""What processes count of their checks, put together: rate, lateness, and what was lost on the way."""

import time

import pytest

from gateway_admin.monitoring.checks.load import (
    TOTALS,
    WINDOW_MS,
    WINDOWS,
    Counted,
    LoadStore,
    quantile,
    read_load,
)
from gateway_admin.monitoring.checks.schedule import Due, Schedule
from tests.gateway_admin.monitoring.builders import a_check, a_plan

NOW = 1_700_000_000_000  # the beginning of a window
RECENT, SETTLED, OLD = NOW - 1, NOW - 3 * WINDOW_MS, NOW - 20 * WINDOW_MS


def tell(store, *, made=(), claimed=0, done=0, left_out=0, due_ms=RECENT):
    """One process's say: ``made`` are the delays in ms."""
    counted = Counted()
    counted.claimed([Due("t", due_ms)] * claimed)
    for late_ms in made:
        counted.made(due_ms, late_ms)
    for _ in range(done):
        counted.done(due_ms)
    for _ in range(left_out):
        counted.left_out(due_ms)
    LoadStore(store).tell(counted.take())


def test_processes_add_up(store):
    tell(store, made=[3, 4])
    tell(store, made=[700])
    load = read_load(store, NOW)
    assert (load.made, load.lag_max_ms, load.late) == (3, 700, 0)
    assert load.per_s == pytest.approx(3 / (WINDOWS * WINDOW_MS / 1000))


def test_only_the_last_minute_counts_but_for_the_totals(store):
    tell(store, made=[3] * 5, due_ms=OLD)
    tell(store, made=[2000], due_ms=RECENT)
    load = read_load(store, NOW)
    assert (load.made, load.late) == (1, 1)
    assert (load.totals["made"], load.totals["lag_ms"]) == (6, 2015)
    assert (load.lags[5.0], load.lags[2000.0]) == (5, 1)


def test_what_is_under_way_is_not_lost(store):
    tell(store, claimed=5, due_ms=RECENT)
    assert read_load(store, NOW).lost == 0


def test_what_was_claimed_long_ago_and_never_done_with_is_lost(store):
    tell(store, claimed=5, done=3, due_ms=SETTLED)
    assert read_load(store, NOW).lost == 2


def test_what_had_no_room_in_time_is_lost(store):
    tell(store, claimed=2, done=2, left_out=1)
    assert read_load(store, NOW).lost == 1


def test_nothing_counted_is_nothing_told(store):
    load = read_load(store, NOW)
    assert (load.made, load.lag_p99_ms, load.lag_max_ms, load.tick_age_s) == (0, 0.0, 0, None)
    assert load.state == "stopped"


def test_windows_do_not_stay(store):
    tell(store, made=[1])
    assert all(0 < store.ttl(key) <= 300 for key in store.keys("*:load:*"))


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"made": [5] * 100}, "in time"),
        ({"made": [5] * 90 + [1500] * 10}, "late"),
        ({"left_out": 1}, "late"),
    ],
)
def test_the_state_in_a_word(store, told, state):
    follow(store, NOW)
    store.hset(TOTALS, "tick_ms", NOW - 1000)
    tell(store, **told)
    assert read_load(store, NOW).state == state


def test_without_targets_there_is_nothing_to_be_late_with(store):
    store.hset(TOTALS, "tick_ms", NOW)
    assert read_load(store, NOW).state == "idle"


def test_without_ticks_it_stands_still_however_it_was_before(store):
    tell(store, made=[5])
    store.hset(TOTALS, "tick_ms", NOW - 11_000)
    load = read_load(store, NOW)
    assert (load.state, load.tick_age_s) == ("stopped", 11.0)


def test_targets_that_nobody_claims_are_overdue(store):
    follow(store, NOW - 30_000)
    store.hset(TOTALS, "tick_ms", NOW)
    load = read_load(store, NOW)
    assert (load.targets, load.overdue_ms, load.state) == (1, 30_000, "late")


def follow(store, at):
    Schedule(store).follow(a_plan(a_check()), at)


@pytest.mark.parametrize(
    ("lags", "share", "worst_ms", "found"),
    [
        ({}, 0.99, 0, 0.0),
        ({10.0: 100}, 0.5, 10, 5.0),
        ({10.0: 98, 1000.0: 2}, 0.99, 400, 205.0),  # half of the step from 10 to the worst
        ({10.0: 1, float("inf"): 99}, 0.5, 30_000, 14849.5),
    ],
)
def test_a_quantile_lies_within_its_step(lags, share, worst_ms, found):
    assert quantile(lags, share, worst_ms) == pytest.approx(found, rel=0.01)


def test_a_later_read_is_by_the_clock_not_by_the_last_word(store):
    tell(store, made=[1], due_ms=round(time.time() * 1000))
    assert read_load(store, NOW).made == 0
