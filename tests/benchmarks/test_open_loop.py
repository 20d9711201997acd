"""The load at a fixed rate: due times are fixed beforehand, and percentiles are those of all requests."""

import itertools

import pytest

from benchmarks import open_loop


def test_due_times_are_the_same_for_each_server_and_keep_the_rate():
    first, second = (list(itertools.islice(open_loop.arrivals(100.0, rate=1_000), 5_000)) for _ in range(2))
    assert first == second
    assert first == sorted(first)
    assert first[-1] - 100.0 == pytest.approx(5.0, rel=0.05)


def test_the_summary_has_percentiles_in_microseconds():
    figures = open_loop.summary([n / 1e6 for n in range(1, 1_001)])
    assert figures["p50_us"] == pytest.approx(500.5)
    assert figures["p99_us"] == pytest.approx(990.99)
    assert figures["max_us"] == pytest.approx(1_000)
    assert figures["count"] == 1_000
