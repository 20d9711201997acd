"""Counts per worker, and what is read from them."""

from __future__ import annotations

import pytest

from proxy_engine.telemetry.counters import LATENCY_BOUNDS_MS, Counters, merged, quantile_ms


def counted(*milliseconds: float) -> Counters:
    counters = Counters()
    for each in milliseconds:
        counters.answered(200, each / 1000)
    return counters


def test_a_response_is_counted_by_its_status_and_its_time():
    counters = counted(0.2, 0.9, 0.9, 1, 4, 100_000)
    counters.answered(404, 0.0002)

    assert counters.facts()["statuses"] == {200: 6, 404: 1}
    by_bound = dict(zip((*LATENCY_BOUNDS_MS, "more"), counters.latency, strict=True))
    assert {bound: count for bound, count in by_bound.items() if count} == {0.5: 2, 1: 3, 5: 1, "more": 1}
    assert counters.latency_s == pytest.approx(100.0072)


@pytest.mark.parametrize(
    ("share", "milliseconds"), [(0.01, 0.5), (0.5, 1), (0.6, 1), (0.75, 5), (0.9, 60_000), (1.0, 60_000)]
)
def test_a_quantile_is_the_upper_end_of_its_step(share, milliseconds):
    assert quantile_ms(counted(0.2, 0.9, 0.9, 4, 100_000).latency, share) == milliseconds


def test_of_nothing_there_is_no_quantile():
    assert quantile_ms(Counters().latency, 0.5) is None


def test_histograms_of_workers_add_up():
    assert merged([counted(1).latency, counted(1, 2).latency])[1:3] == [2, 1]
    assert merged([]) == Counters().latency


def test_the_report_carries_all_of_it():
    facts = counted(1).facts()
    assert (facts["requests"], facts["statuses"], sum(facts["latency"]), facts["latency_s"]) == (0, {200: 1}, 1, 0.001)
