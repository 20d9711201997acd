"""How many further tries may be under way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.balancing.retry_budget import RetryBudget
from tests.proxy_engine.builders import an_upstream

RULES = an_upstream().retry


def a_budget(percent, at_least=0):
    return RetryBudget(replace(RULES, budget=percent, budget_min=at_least))


@pytest.mark.parametrize(
    ("percent", "at_least", "requests", "room"),
    [
        (20, 0, 100, 20),
        (20, 0, 104, 20),
        (20, 0, 4, 0),
        (20, 3, 4, 3),
        (20, 3, 100, 20),
        (100, 0, 7, 7),
        (0.5, 0, 400, 2),
        (20, 3, 0, 3),
        (20, 0, 0, 0),
    ],
)
def test_it_is_a_share_of_the_requests_under_way_and_a_few_always(percent, at_least, requests, room):
    budget = a_budget(percent, at_least)

    taken = 0
    while budget.has_room(requests):
        budget.enter()
        taken += 1

    assert taken == room


def test_a_place_that_is_left_is_free_again():
    budget = a_budget(20, at_least=1)
    budget.enter()
    assert not budget.has_room(1)

    budget.leave()

    assert budget.has_room(1)


def test_new_rules_count_what_is_under_way():
    budget = a_budget(20, at_least=5)
    for _ in range(3):
        budget.enter()

    budget.rules = replace(RULES, budget=20, budget_min=3)

    assert not budget.has_room(1)


@given(st.floats(0.1, 100), st.integers(0, 100), st.lists(st.tuples(st.booleans(), st.integers(0, 1000))))
def test_there_are_never_more_than_the_rules_allowed_when_they_entered(percent, at_least, steps):
    budget = a_budget(percent, at_least)
    for enters, requests in steps:
        if enters and budget.has_room(requests):
            budget.enter()
            assert budget.under_way <= max(requests * percent / 100, at_least)
        elif not enters and budget.under_way:
            budget.leave()
    assert budget.under_way >= 0
