"""Metrics in Prometheus's text format, made of numbers that were counted elsewhere. Nothing is kept here.

For who answers a scrape; no request passes through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

__all__ = ["CONTENT_TYPE", "Metric", "Values", "counter", "gauge", "histogram", "render"]

Values = float | Mapping[str, float] | Mapping[tuple[str, ...], float]
"""One number without labels; or numbers by the value of the one label, or by the values of several."""


def counter(name: str, about: str, values: Values, *labels: str) -> Metric:
    """``name`` with its ``_total``."""
    return _filled(CounterMetricFamily(name, about, labels=labels), values)


def gauge(name: str, about: str, values: Values, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, about, labels=labels), values)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: Values) -> Metric:
    if not isinstance(values, Mapping):
        family.add_metric((), values)
        return family
    for key, value in values.items():
        family.add_metric((key,) if isinstance(key, str) else key, value)
    return family


def histogram(name: str, about: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Metric:
    """``bounds``: upper ends, inclusive. ``counts``: of each step by itself, and one more beyond the last bound."""
    ends = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    return HistogramMetricFamily(name, about, list(zip(ends, accumulate(counts), strict=True)), total)


class _Collected:
    """What the library reads from; its registries would look at every metric a second time."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


def render(families: Iterable[Metric]) -> bytes:
    return generate_latest(_Collected(families))
