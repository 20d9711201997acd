"""The circuit of one target, row by row."""

from __future__ import annotations

import pytest

from proxy_engine.health import TargetState
from proxy_engine.health.breaker import TRANSITIONS, Circuit, Event, Phase, Window
from proxy_engine.spec import CircuitBreaker

from .test_state import a_target

CLOSED, OPEN, HALF_OPEN = Phase
REFUSED = "connection refused"


def a_rule(**given):
    usual = {
        "consecutive_failures": 3,
        "failure_percentage": 0.0,
        "minimum_requests": 4,
        "window": 10.0,
        "http_statuses": frozenset({500, 503}),
        "open_time": 10.0,
        "half_open_requests": 1,
        "max_ejected": 50.0,
    }
    return CircuitBreaker(**usual | given)


def a_circuit(**rule):
    return Circuit(TargetState(a_target()), a_rule(**rule), now=0.0)


def an_open_circuit(**rule):
    circuit = a_circuit(**rule)
    for _ in range(3):
        circuit.failed(0.0, REFUSED, has_room=True)
    assert circuit.phase is OPEN
    return circuit


def a_half_open_circuit(**rule):
    circuit = an_open_circuit(**rule)
    circuit.tick(10.0)
    assert circuit.phase is HALF_OPEN
    return circuit


# -- the table ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "event", "after"),
    [
        (CLOSED, Event.SUCCESS, CLOSED),
        (CLOSED, Event.LAST_SUCCESS, CLOSED),
        (CLOSED, Event.FAILURE, CLOSED),
        (CLOSED, Event.LIMIT, OPEN),
        (CLOSED, Event.TIME_OVER, CLOSED),
        (CLOSED, Event.CROWDED, CLOSED),
        (OPEN, Event.SUCCESS, OPEN),
        (OPEN, Event.LAST_SUCCESS, OPEN),
        (OPEN, Event.FAILURE, OPEN),
        (OPEN, Event.LIMIT, OPEN),
        (OPEN, Event.TIME_OVER, HALF_OPEN),
        (OPEN, Event.CROWDED, CLOSED),
        (HALF_OPEN, Event.SUCCESS, HALF_OPEN),
        (HALF_OPEN, Event.LAST_SUCCESS, CLOSED),
        (HALF_OPEN, Event.FAILURE, OPEN),
        (HALF_OPEN, Event.LIMIT, HALF_OPEN),
        (HALF_OPEN, Event.TIME_OVER, HALF_OPEN),
        (HALF_OPEN, Event.CROWDED, CLOSED),
    ],
)
def test_each_event_leads_where_it_should(phase, event, after):
    assert TRANSITIONS.get((phase, event), phase) is after


def test_only_a_closed_circuit_opens_by_a_limit_and_only_trials_close_it_by_themselves():
    leads_to = {phase: {key for key, after in TRANSITIONS.items() if after is phase != key[0]} for phase in Phase}
    assert leads_to[OPEN] == {(CLOSED, Event.LIMIT), (HALF_OPEN, Event.FAILURE)}
    assert leads_to[HALF_OPEN] == {(OPEN, Event.TIME_OVER)}


# -- opening ----------------------------------------------------------------------


def test_failures_in_a_row_eject():
    circuit = a_circuit()
    for _ in range(2):
        circuit.failed(1.0, REFUSED, has_room=True)
    assert (circuit.phase, circuit.state.ready) == (CLOSED, True)
    circuit.failed(1.0, REFUSED, has_room=True)
    assert (circuit.phase, circuit.state.ejected, circuit.since, circuit.until) == (OPEN, True, 1.0, 11.0)
    assert circuit.cause == "3 failures in a row: connection refused; ejected for 10 s"


def test_a_success_ends_a_row():
    circuit = a_circuit()
    for _ in range(5):
        circuit.failed(1.0, REFUSED, has_room=True)
        circuit.failed(1.0, REFUSED, has_room=True)
        circuit.succeeded(1.0)
    assert circuit.phase is CLOSED


@pytest.mark.parametrize(
    ("limit", "texts", "cause"),
    [
        (1, ["503"], "1 failure: 503; ejected for 10 s"),
        (2, ["503", "500"], "2 failures in a row, last: 500; ejected for 10 s"),
        (3, ["503", "500", "503"], "3 failures in a row, last: 503; ejected for 10 s"),
        (2, ["x" * 500] * 2, f"2 failures in a row: {'x' * 200}; ejected for 10 s"),
    ],
)
def test_the_cause_is_told_in_words(limit, texts, cause):
    circuit = a_circuit(consecutive_failures=limit)
    for text in texts:
        circuit.failed(1.0, text, has_room=True)
    assert circuit.cause == cause


def test_a_row_after_a_success_is_told_by_itself():
    circuit = a_circuit(consecutive_failures=2)
    circuit.failed(1.0, "500", has_room=True)
    circuit.succeeded(1.0)
    circuit.failed(1.0, REFUSED, has_room=True)
    circuit.failed(1.0, REFUSED, has_room=True)
    assert circuit.cause == "2 failures in a row: connection refused; ejected for 10 s"


def test_where_no_more_may_be_ejected_the_next_failure_asks_again():
    circuit = a_circuit()
    for _ in range(9):
        circuit.failed(1.0, REFUSED, has_room=False)
    assert circuit.phase is CLOSED
    circuit.failed(1.0, REFUSED, has_room=True)
    assert circuit.phase is OPEN


def by_share(**rule):
    return a_circuit(**{"consecutive_failures": 0, "failure_percentage": 50.0} | rule)


def feed(circuit, outcomes, now=1.0):
    """``outcomes``: + for a success, - for a failure."""
    for outcome in outcomes:
        if outcome == "+":
            circuit.succeeded(now)
        else:
            circuit.failed(now, "503", has_room=True)


@pytest.mark.parametrize(
    ("outcomes", "phase"),
    [
        ("---", CLOSED),  # too few requests
        ("----", OPEN),
        ("++--", OPEN),
        ("+++-", CLOSED),
        ("+++--", CLOSED),
        ("+++---", OPEN),
    ],
)
def test_a_share_of_failures_ejects_once_there_are_enough_requests(outcomes, phase):
    circuit = by_share()
    feed(circuit, outcomes)
    assert circuit.phase is phase


def test_the_share_is_told_in_words():
    circuit = by_share(failure_percentage=60.0)
    feed(circuit, "++---")
    assert circuit.cause == "60 % of 5 requests in 10 s failed, last: 503; ejected for 10 s"


def test_without_a_percentage_no_share_ejects():
    circuit = a_circuit(consecutive_failures=0)
    feed(circuit, "-" * 100)
    assert circuit.phase is CLOSED


def test_what_is_older_than_the_window_does_not_count():
    circuit = by_share()
    feed(circuit, "---", now=1.0)
    feed(circuit, "+++-", now=11.5)
    assert circuit.phase is CLOSED
    assert (circuit.window.requests, circuit.window.failures) == (4, 1)


def test_a_window_moves_on_by_tenths():
    window = Window(10.0)
    for second in range(30):
        window.count(second + 0.5, second % 2 == 0)
        assert (window.requests, window.failures) == (min(second + 1, 10), min(second // 2 + 1, 5))
    window.move_on(1000.0)
    assert (window.requests, window.failures) == (0, 0)


# -- half-open --------------------------------------------------------------------


def test_it_stays_ejected_for_the_open_time():
    circuit = an_open_circuit()
    circuit.tick(9.9)
    assert (circuit.phase, circuit.state.ejected) == (OPEN, True)
    circuit.tick(10.0)
    assert (circuit.phase, circuit.state.ejected, circuit.until) == (HALF_OPEN, False, None)


@pytest.mark.parametrize("outcomes", ["+", "-", "++++", "----"])
def test_what_ends_while_it_is_open_changes_nothing(outcomes):
    circuit = an_open_circuit()
    feed(circuit, outcomes)
    assert (circuit.phase, circuit.until) == (OPEN, 10.0)


def test_as_many_trials_are_let_through_at_once_as_the_rules_say():
    circuit = a_half_open_circuit(half_open_requests=2)
    circuit.state.begin()
    assert circuit.state.ready
    circuit.state.begin()
    assert not circuit.state.ready
    circuit.tick(10.1)
    assert not circuit.state.ready


def test_as_many_successes_close_it():
    circuit = a_half_open_circuit(half_open_requests=2)
    for phase in (HALF_OPEN, CLOSED):
        circuit.state.begin()
        circuit.succeeded(11.0)
        circuit.state.end()
        assert circuit.phase is phase
    assert (circuit.cause, circuit.state.ready, circuit.state.trials) == ("", True, None)


def test_one_failure_opens_it_again():
    circuit = a_half_open_circuit(half_open_requests=3)
    circuit.state.begin()
    circuit.succeeded(11.0)
    circuit.state.end()
    circuit.state.begin()
    circuit.state.end()
    circuit.failed(12.0, "503", has_room=False)  # it never gave its room away
    assert (circuit.phase, circuit.until, circuit.state.ready) == (OPEN, 22.0, False)
    assert circuit.cause == "a trial failed: 503; ejected for 10 s"


def test_successes_of_an_earlier_half_open_time_do_not_count():
    circuit = a_half_open_circuit(half_open_requests=2)
    circuit.state.begin()
    circuit.succeeded(11.0)
    circuit.failed(11.0, "503", has_room=True)
    circuit.tick(21.0)
    circuit.state.begin()
    circuit.succeeded(21.0)
    assert circuit.phase is HALF_OPEN


def test_a_closed_circuit_counts_from_the_beginning():
    circuit = a_half_open_circuit()
    circuit.state.begin()
    circuit.succeeded(11.0)
    feed(circuit, "--", now=11.0)
    assert circuit.phase is CLOSED
    feed(circuit, "-", now=11.0)
    assert circuit.phase is OPEN


@pytest.mark.parametrize("outcome", ["+", "-"])
def test_what_began_before_neither_closes_nor_opens_it(outcome):
    circuit = an_open_circuit()
    circuit.state.begin()
    circuit.tick(10.0)
    feed(circuit, outcome, now=10.5)
    assert circuit.phase is HALF_OPEN


def test_an_abandoned_trial_makes_room_for_the_next():
    circuit = a_half_open_circuit()
    circuit.state.begin()
    circuit.state.end()  # its client is gone; nobody judges
    circuit.tick(10.1)
    assert circuit.state.ready


def test_attempts_of_before_take_no_slot_and_give_none():
    circuit = an_open_circuit()
    for _ in range(3):
        circuit.state.begin()
    circuit.tick(10.0)
    assert circuit.state.ready
    circuit.state.begin()
    assert not circuit.state.ready
    for _ in range(3):
        circuit.state.end()  # of the old ones, for all we know
    circuit.tick(10.1)
    assert not circuit.state.ready
    circuit.state.end()
    circuit.tick(10.2)
    assert circuit.state.ready


def test_a_trial_is_waited_for_no_longer_than_another_open_time():
    """An event stream may last for hours."""
    circuit = a_half_open_circuit()
    circuit.state.begin()
    circuit.tick(10.1)
    circuit.tick(20.0)
    assert not circuit.state.ready
    circuit.tick(20.1)
    assert circuit.state.ready
    circuit.state.begin()
    assert not circuit.state.ready


def test_it_shows_itself():
    circuit = a_circuit(consecutive_failures=1)
    assert repr(circuit) == "<Circuit a.test:80 closed>"
    circuit.failed(0.0, "503", has_room=True)
    assert repr(circuit) == "<Circuit a.test:80 open, 1 failure: 503; ejected for 10 s>"


def test_a_slot_that_became_free_is_waited_for_anew():
    circuit = a_half_open_circuit()
    circuit.state.begin()
    circuit.tick(10.1)
    circuit.state.end()
    circuit.tick(10.2)
    circuit.state.begin()
    circuit.tick(20.1)
    assert not circuit.state.ready


def test_all_slots_are_free_once_trials_are_not_waited_for():
    circuit = a_half_open_circuit(half_open_requests=2)
    circuit.state.begin()
    circuit.state.begin()
    circuit.tick(10.1)
    circuit.tick(20.1)
    circuit.state.begin()
    assert circuit.state.ready
    circuit.state.begin()
    assert not circuit.state.ready


def test_the_share_is_taken_anew_after_a_circuit_closed():
    circuit = by_share(window=60.0)
    feed(circuit, "----")
    circuit.tick(11.0)
    circuit.state.begin()
    circuit.succeeded(11.0)
    feed(circuit, "+-", now=11.0)
    assert circuit.phase is CLOSED
