from __future__ import annotations

import pytest

from proxy_engine.health import Flip, Kind, Outcome, cause_of

S503, S500, OK = Outcome.answered(503), Outcome.answered(500), Outcome.answered(200)
LATE, REFUSED = Outcome.timed_out(1.0), Outcome.failed("connection refused")


@pytest.mark.parametrize(
    ("flip", "sentence"),
    [
        (Flip(False, 0, Kind.HTTP_FAILURE, 3, (S503, S503, S500)), "3 of 3 HTTP failures: 503, 503, 500"),
        (Flip(False, 0, Kind.TIMEOUT, 1, (LATE,)), "1 of 1 timeout: timeout after 1 s"),
        (
            Flip(False, 0, Kind.TCP_FAILURE, 2, (REFUSED,) * 2),
            "2 of 2 TCP failures: connection refused, connection refused",
        ),
        (Flip(True, 0, Kind.SUCCESS, 2, (OK, OK)), "2 of 2 successes: 200, 200"),
        (Flip(True, 0, Kind.SUCCESS, 1, (Outcome.connected(),)), "1 of 1 success: connected"),
        (
            Flip(False, 0, Kind.HTTP_FAILURE, 2, (S503, LATE, REFUSED, S503)),
            "2 of 2 HTTP failures: 503, 503 (besides: timeout after 1 s, connection refused)",
        ),
        (Flip(False, 0, Kind.HTTP_FAILURE, 9, (S503,) * 3), "9 of 9 HTTP failures, last 503, 503, 503"),
        (Flip(False, 0, Kind.HTTP_FAILURE, 1, (Outcome.answered(0),)), "1 of 1 HTTP failure: unreadable answer"),
        (Flip(False, 0, Kind.TIMEOUT, 1, (Outcome.timed_out(0.25),)), "1 of 1 timeout: timeout after 0.25 s"),
    ],
)
def test_it_says_why_a_target_went_up_or_down(flip, sentence):
    assert cause_of(flip) == sentence


@pytest.mark.parametrize(
    ("healthy", "by", "sentence"),
    [
        (True, "alice", "set healthy by alice"),
        (False, "bob", "set unhealthy by bob"),
        (False, "", "set unhealthy by hand"),
    ],
)
def test_it_names_the_person_of_a_manual_change(healthy, by, sentence):
    assert cause_of(Flip(healthy, 0), by) == sentence
