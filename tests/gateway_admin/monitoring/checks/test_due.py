"""Due times: no drift, no slip, no storms; steps between half an interval and one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_admin.monitoring.checks.due import next_due, phase_ms

MOMENTS = st.integers(min_value=0, max_value=2_000_000_000_000)
INTERVALS = st.integers(min_value=100, max_value=65_535_000)


def walk(start_ms, interval_ms, phase, steps):
    """Due times as they follow each other when every check runs in time."""
    due = start_ms
    yield due
    for _ in range(steps):
        due = next_due(due, due, interval_ms, phase)
        yield due


def test_on_the_grid_the_next_due_time_is_one_interval_later():
    assert next_due(10_730, 10_731, 1000, phase=730) == 11_730


def test_a_late_pick_shifts_nothing():
    assert next_due(10_730, 11_600, 1000, phase=730) == 11_730


@pytest.mark.parametrize(
    ("created", "walked"),
    [
        (10_000, [10_000, 10_730, 11_730, 12_730]),  # 730 ms to the grid: far enough for one step
        (10_600, [10_600, 11_165, 11_730, 12_730]),  # 130 ms would be too near: two steps of 565 ms
        (10_730, [10_730, 11_730, 12_730, 13_730]),
    ],
)
def test_a_target_that_was_just_created_walks_to_the_grid(created, walked):
    assert list(walk(created, 1000, 730, 3)) == walked


def test_after_a_pause_at_most_one_check_is_owed():
    following = next_due(10_730, 500_000, 1000, phase=730)
    assert following == 499_730
    assert next_due(following, 500_000, 1000, phase=730) == 500_730


@given(MOMENTS, INTERVALS, st.uuids())
def test_steps_are_never_longer_than_the_interval_nor_shorter_than_half(start, interval, target_id):
    moments = list(walk(start, interval, phase_ms(str(target_id), interval), steps=5))
    assert all(interval <= 2 * (later - earlier) <= 2 * interval for earlier, later in pairwise(moments))


@given(MOMENTS, INTERVALS, st.uuids())
def test_two_steps_reach_the_grid_and_stay_on_it(start, interval, target_id):
    phase = phase_ms(str(target_id), interval)
    _, _, *rest = walk(start, interval, phase, steps=5)
    assert {(moment - phase) % interval for moment in rest} == {0}


@given(MOMENTS, INTERVALS, st.uuids(), st.integers(min_value=0, max_value=10**9))
def test_whatever_the_delay_no_more_than_one_check_is_owed(start, interval, target_id, delay):
    now = start + delay
    following = next_due(start, now, interval, phase_ms(str(target_id), interval))
    assert following > start
    assert following > now - interval
