"""The credit of slow clients, second by second."""

from __future__ import annotations

from proxy_engine.server.body import CountedBody
from proxy_engine.server.pace import BodyPace, ResponsePace
from proxy_engine.settings import Limits

LIMITS = Limits(body_bytes_per_s=100, send_bytes_per_s=100, rate_grace_s=5, body_idle_s=60, send_idle_s=60)


def seconds_until_it_lags(pace: BodyPace, arrivals: list[int]) -> int | None:
    """``arrivals``: bytes in each second."""
    for second, count in enumerate(arrivals, start=1):
        pace.body.left -= count
        if pace.lags(float(second), is_awaited=True):
            return second
    return None


def a_body_pace(limits: Limits = LIMITS) -> BodyPace:
    return BodyPace(CountedBody(10**9), limits, 0.0)


def test_silence_is_forgiven_for_the_grace_time():
    assert seconds_until_it_lags(a_body_pace(), [0] * 60) == 6


def test_the_rate_is_enough_for_ever():
    assert seconds_until_it_lags(a_body_pace(), [100] * 10_000) is None


def test_a_byte_less_is_not():
    assert seconds_until_it_lags(a_body_pace(), [99] * 10_000) == 501


def test_what_came_before_the_first_look_counts():
    pace = a_body_pace()
    pace.body.left -= 1000
    assert seconds_until_it_lags(pace, [0] * 60) == 16


def test_a_fast_beginning_pays_for_no_more_than_the_idle_time():
    assert seconds_until_it_lags(a_body_pace(), [1_000_000] + [0] * 600) == 62


def test_time_does_not_count_while_others_are_waited_for():
    pace = a_body_pace()
    for second in range(1, 1000):
        assert not pace.lags(float(second), is_awaited=False)
    assert [pace.lags(1000.0 + second, is_awaited=True) for second in range(6)] == [False] * 5 + [True]


def test_a_rate_of_nothing_is_kept_by_everyone():
    limits = Limits(body_bytes_per_s=0, rate_grace_s=0)
    assert seconds_until_it_lags(a_body_pace(limits), [0] * 1000) is None


def test_one_look_counts_five_seconds_at_most():
    pace = a_body_pace()
    assert not pace.lags(1000.0, is_awaited=True)
    assert pace.lags(1001.0, is_awaited=True)


def test_a_response_is_judged_by_how_what_waits_becomes_less():
    pace = ResponsePace(-100_000, LIMITS, 0.0)
    waiting = iter(range(-99_910, 0, 90))
    seconds = next(second for second in range(1, 1000) if pace.lags(next(waiting), float(second)))
    assert seconds == 51  # ten a second short of the rate, with 500 to spare


def test_what_waits_of_another_response_is_not_held_against_the_client():
    pace = ResponsePace(1000, LIMITS, 0.0)
    assert not pace.lags(-500_000, 1.0)
    assert pace.credit == 400
