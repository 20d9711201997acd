"""The agenda in Redis: who is due, and that each due time is claimed once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier

import pytest

from gateway_admin.monitoring.checks.schedule import Schedule, first_dues
from tests.gateway_admin.monitoring.builders import a_check, a_plan

NOW = 1_700_000_000_000
NOBODY = frozenset()


@pytest.fixture
def schedule(store):
    return Schedule(store)


def claim(schedule, plan, at, *, unhealthy=NOBODY, ahead=0):
    return schedule.claim(plan, unhealthy, now_ms=at, until_ms=at + ahead)


def test_a_new_target_is_due_at_once(schedule):
    check = a_check()
    plan = a_plan(check)
    assert schedule.follow(plan, NOW)
    assert claim(schedule, plan, NOW) == [(check.target_id, NOW)]
    assert claim(schedule, plan, NOW) == []


@pytest.mark.parametrize(("number", "interval", "spread_ms"), [(1, 5, 0), (3, 5, 2), (3000, 5, 2000), (3000, 1, 1000)])
def test_very_many_new_targets_are_due_as_fast_as_they_can_be_checked(number, interval, spread_ms):
    dues = list(first_dues([a_check(interval=interval)] * number, NOW))
    assert dues == sorted(dues)
    assert dues[0] == NOW
    assert spread_ms - 1 <= dues[-1] - NOW <= spread_ms


def test_the_next_due_time_follows_from_the_last_one_not_from_the_pick(schedule):
    check = a_check(interval=10)
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    claim(schedule, plan, NOW + 900)
    _, following = claim(schedule, plan, NOW + 10_000)[0]
    assert NOW + 5_000 <= following <= NOW + 10_000


def test_an_unhealthy_target_has_its_own_interval(schedule):
    check = a_check(interval=1, active={"unhealthy": {"interval": 60}})
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    claim(schedule, plan, NOW, unhealthy={check.target_id})
    assert claim(schedule, plan, NOW + 29_000, unhealthy={check.target_id}) == []
    assert claim(schedule, plan, NOW + 60_000, unhealthy={check.target_id}) != []


def test_interval_0_parks_the_target_until_something_moves_it(schedule):
    check = a_check(active={"unhealthy": {"interval": 0}})
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    claim(schedule, plan, NOW, unhealthy={check.target_id})
    assert claim(schedule, plan, NOW + 10**9) == []
    schedule.hasten([(check.target_id, NOW + 5)])
    assert claim(schedule, plan, NOW + 5) == [(check.target_id, NOW + 5)]


def test_hastening_never_puts_off(schedule):
    check = a_check()
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    schedule.hasten([(check.target_id, NOW + 500)])
    assert claim(schedule, plan, NOW) == [(check.target_id, NOW)]


def test_a_window_longer_than_the_interval_brings_a_target_several_times(schedule):
    check = a_check(interval=0.5)
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    due = [due_ms for _, due_ms in claim(schedule, plan, NOW, ahead=2000)]
    assert due[0] == NOW
    assert all(250 <= later - earlier <= 500 for earlier, later in pairwise(due))
    assert due[-1] > NOW + 1500


def test_after_a_pause_there_is_no_storm(schedule):
    check = a_check(interval=1)
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    assert len(claim(schedule, plan, NOW + 3_600_000)) <= 2


@pytest.mark.parametrize("pickers", [2, 4])
def test_pickers_at_the_same_time_never_claim_the_same_due_time(store, pickers):
    plan = a_plan(*(a_check(f"127.0.0.1:{port}", interval=0.25) for port in range(9000, 9200)))
    Schedule(store).follow(plan, NOW)
    together = Barrier(pickers)

    def pick(_):
        together.wait()
        return claim(Schedule(store), plan, NOW, ahead=1000)

    with ThreadPoolExecutor(pickers) as pool:
        claimed = [due for picked in pool.map(pick, range(pickers)) for due in picked]
    assert len(claimed) == len(set(claimed))
    assert {target_id for target_id, _ in claimed} == set(plan.checks)


# --- Following the configuration ----------------------------------------------------------------------------


def test_an_edited_check_is_due_at_once_and_counted_anew(schedule, store):
    check = a_check(interval=60)
    schedule.follow(a_plan(check), NOW)
    claim(schedule, a_plan(check), NOW)
    store.hset("{gatehouse:checks}:tallies", check.target_id, "counted so far")
    edited = a_check(interval=60, target_id=check.target_id, timeout=2)
    plan = a_plan(edited, version=2)
    assert schedule.follow(plan, NOW + 1000)
    assert claim(schedule, plan, NOW + 1000) == [(check.target_id, NOW + 1000)]
    assert not store.hexists("{gatehouse:checks}:tallies", check.target_id)


def test_an_edit_elsewhere_moves_nothing(schedule):
    check, other = a_check(interval=60), a_check("127.0.0.1:9001")
    schedule.follow(a_plan(check), NOW)
    claim(schedule, a_plan(check), NOW)
    plan = a_plan(check, other, version=2)
    schedule.follow(plan, NOW + 1000)
    assert claim(schedule, plan, NOW + 1000) == [(other.target_id, NOW + 1000)]


def test_a_target_that_left_is_forgotten(schedule, store):
    check = a_check()
    schedule.follow(a_plan(check), NOW)
    schedule.follow(a_plan(version=2), NOW)
    assert claim(schedule, a_plan(version=2), NOW + 10_000) == []
    assert store.zcard("{gatehouse:checks}:due") == 0


def test_an_older_configuration_changes_nothing_and_claims_nothing(schedule):
    check = a_check()
    newer, older = a_plan(check, version=8), a_plan(version=7)
    schedule.follow(newer, NOW)
    assert not schedule.follow(older, NOW)
    assert claim(schedule, older, NOW) == []
    assert claim(schedule, newer, NOW) == [(check.target_id, NOW)]


def test_a_redis_that_forgot_everything_is_filled_again(schedule, store):
    check = a_check(interval=60)
    plan = a_plan(check)
    schedule.follow(plan, NOW)
    claim(schedule, plan, NOW)
    store.flushall()
    assert schedule.follow(plan, NOW + 1000)
    assert claim(schedule, plan, NOW + 1000) == [(check.target_id, NOW + 1000)]


def test_the_lag_is_the_wait_of_the_most_overdue_target(schedule):
    assert schedule.lag_ms(NOW) == 0
    plan = a_plan(a_check())
    schedule.follow(plan, NOW)
    assert schedule.lag_ms(NOW + 1500) == 1500
    claim(schedule, plan, NOW + 1500)
    assert schedule.lag_ms(NOW) == 0
