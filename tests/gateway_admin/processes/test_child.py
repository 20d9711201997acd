"""When a crashed process is started again."""

import signal

import pytest

from gateway_admin.processes.child import LONGEST_PAUSE_S, STEADY_S, Child, how_it_ended
from gateway_admin.processes.programs import Program


@pytest.fixture
def child():
    return Child(Program("daphne", ("true",), stop_rank=1), colour="")


def crash(child, *, at, after=0.0):
    """Start it so that it ends ``after`` seconds at ``at``; the pause it gets."""
    child.starting(at - after)
    return child.ended(at, wanted=True)


def test_the_pause_doubles_up_to_a_limit(child):
    pauses = [crash(child, at=float(n)) for n in range(8)]
    assert pauses[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_it_is_due_after_the_pause(child):
    pause = crash(child, at=100.0)
    assert child.due_at == 100.0 + pause


def test_a_steady_life_makes_the_next_pause_short_again(child):
    for n in range(5):
        crash(child, at=float(n))
    assert crash(child, at=1000.0, after=STEADY_S) == 0.2


def test_a_process_that_is_not_wanted_is_not_due(child):
    child.starting(1.0)
    assert child.ended(2.0, wanted=False) is None
    assert child.due_at is None


def test_it_counts_its_starts(child):
    crash(child, at=1.0)
    child.starting(2.0)
    assert child.starts == 2


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "ended with exit code 0"),
        (1, "ended with exit code 1"),
        (-signal.SIGKILL, "was killed by SIGKILL"),
    ],
)
def test_it_says_how_a_process_ended(returncode, words):
    assert how_it_ended(returncode) == words
