"""When an unhealthy mark goes because the configuration changed, row by row."""

import pytest

from gateway_admin.monitoring.checks.lifts import (
    CANNOT_RECOVER,
    DELETED,
    PASSIVE_SWITCHED_OFF,
    SWITCHED_OFF,
    WEIGHT_0,
    Stored,
    why_planned,
    why_unplanned,
)
from gateway_admin.monitoring.checks.marks import Mark
from tests.gateway_admin.monitoring.builders import a_check

ADDRESS = "127.0.0.1:9000"
MOVED = f"its address changed from {ADDRESS} to 127.0.0.1:9001"
NO_WAY_BACK = {"unhealthy": {"interval": 0}}
EDITED, SAME = "an older check", "the same check"
BY_HAND = ""


def a_mark(judged_by=EDITED, source="active"):
    return Mark(healthy=False, seq=1, address=ADDRESS, judged_by=judged_by, source=source)


def stored(address=ADDRESS, *, weight=100, has_passive_checks=False):
    return Stored(address, weight, has_passive_checks)


@pytest.mark.parametrize(
    ("check", "judged_by", "cause"),
    [
        # a mark of the check as it is now stays, as in Kong, even where no check could lift it
        (a_check(ADDRESS), SAME, ""),
        (a_check(ADDRESS, active=NO_WAY_BACK), SAME, ""),
        # a mark of the check as it was stays as long as the new one could lift it
        (a_check(ADDRESS), EDITED, ""),
        (a_check(ADDRESS, active=NO_WAY_BACK), EDITED, CANNOT_RECOVER),
        # what somebody said by hand is not for checks to take back
        (a_check(ADDRESS), BY_HAND, ""),
        (a_check(ADDRESS, active=NO_WAY_BACK), BY_HAND, ""),
        # another address is another server
        (a_check("127.0.0.1:9001"), SAME, MOVED),
        (a_check("127.0.0.1:9001"), EDITED, MOVED),
        (a_check("127.0.0.1:9001"), BY_HAND, MOVED),
    ],
)
def test_a_target_that_is_checked(check, judged_by, cause):
    mark = a_mark(check.fingerprint if judged_by == SAME else judged_by)
    assert why_planned(check, mark) == cause


@pytest.mark.parametrize(
    ("target", "judged_by", "cause"),
    [
        (None, EDITED, DELETED),
        (None, BY_HAND, DELETED),
        (stored(), EDITED, SWITCHED_OFF),
        (stored(weight=0), EDITED, WEIGHT_0),
        (stored(), BY_HAND, ""),
        (stored("127.0.0.1:9001"), EDITED, MOVED),
    ],
)
def test_a_target_that_is_not_checked(target, judged_by, cause):
    assert why_unplanned(target, a_mark(judged_by)) == cause


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        (stored(), PASSIVE_SWITCHED_OFF),
        (stored(weight=0), PASSIVE_SWITCHED_OFF),
        # no traffic comes to bring it back either; but as in Kong that is for a person to do
        (stored(has_passive_checks=True), ""),
        (stored("127.0.0.1:9001", has_passive_checks=True), MOVED),
        (None, DELETED),
    ],
)
def test_a_mark_that_traffic_made(target, cause):
    assert why_unplanned(target, a_mark(judged_by="", source="passive")) == cause
