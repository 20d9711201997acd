"""What is kept between two checks, and which of two opinions holds."""

import pytest

from gateway_admin.monitoring.actions import FIRST_CHECK
from gateway_admin.monitoring.checks.marks import NEVER_FAILED, Mark
from gateway_admin.monitoring.checks.tally import Tally
from proxy_engine.health import Health, Kind, Outcome
from tests.gateway_admin.monitoring.builders import a_check

DOWN = Mark(healthy=False, seq=5, address="127.0.0.1:9000", judged_by="check")
UP_AGAIN = DOWN._replace(healthy=True, seq=6)


def counted(*statuses, mark=NEVER_FAILED, **checks):
    """The tally after these answers, and the flips on the way."""
    tally, check = Tally.load("", mark), a_check(**checks)
    flips = [tally.add(Outcome.answered(status), check, now=0.0) for status in statuses]
    return tally, [flip for flip in flips if flip]


def test_nothing_to_remember_is_nothing_to_store():
    tally, _ = counted(200, 200)
    assert tally.dump() == ""


def test_failures_below_the_limit_are_remembered():
    tally, _ = counted(503, 503)
    again = Tally.load(tally.dump(), NEVER_FAILED)
    assert again.counters.health is Health.MOSTLY_HEALTHY
    assert again.counters.counts[Kind.HTTP_FAILURE] == 2


def test_once_all_is_well_again_they_are_forgotten():
    tally, _ = counted(503, 503, 200)
    assert tally.dump() == ""


def test_a_flip_says_what_happened():
    _, [flip] = counted(503, 500, 503)
    assert (flip.healthy, flip.cause) == (False, "3 of 3 HTTP failures: 503, 500, 503")


@pytest.mark.parametrize(("mark", "health"), [(NEVER_FAILED, Health.HEALTHY), (DOWN, Health.UNHEALTHY)])
def test_without_a_tally_counting_starts_at_the_mark(mark, health):
    assert Tally.load("", mark).counters.health is health


def test_a_tally_of_the_same_mark_goes_on():
    tally, _ = counted(200, mark=DOWN, successes=3)
    assert Tally.load(tally.dump(), DOWN).counters.counts[Kind.SUCCESS] == 1


def test_a_younger_mark_starts_anew():
    tally, _ = counted(200, mark=DOWN, successes=3)
    again = Tally.load(tally.dump(), UP_AGAIN)
    assert (again.counters.health, again.counters.counts[Kind.SUCCESS]) == (Health.HEALTHY, 0)


def test_a_younger_tally_holds_against_an_older_mark():
    """Another process stored a flip that the reader of the mark had not seen yet."""
    tally, _ = counted(200, mark=UP_AGAIN)
    tally.counters.health = Health.UNHEALTHY
    assert Tally.load(tally.dump(), DOWN).counters.health is Health.UNHEALTHY
    assert Tally.load(tally.dump(), NEVER_FAILED).seq == UP_AGAIN.seq


@pytest.mark.parametrize("stored", ["{", "[]", "{}", '{"seq": 9}', '{"seq": 9, "counters": {"health": "ill"}}'])
def test_what_cannot_be_read_is_as_good_as_lost(stored):
    assert Tally.load(stored, DOWN).seq == DOWN.seq


NEW = Mark(healthy=False, seq=5, address="127.0.0.1:9000", judged_by=FIRST_CHECK)


def test_one_success_lets_a_new_target_in_whatever_the_limit():
    _, [flip] = counted(503, 200, mark=NEW, successes=3)
    assert (flip.healthy, flip.cause) == (True, "1 of 1 success: 200")


def test_once_it_is_in_it_is_a_target_as_any():
    tally, _ = counted(200, mark=NEW, successes=3)
    tally.seq = 6  # as stored with the flip
    again = Tally.load(tally.dump(), NEW)  # by a process that has not seen the flip
    assert not again.is_first
