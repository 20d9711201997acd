"""Numbers become Prometheus's text, and come back from it as they were."""

from __future__ import annotations

import pytest

from proxy_engine.telemetry.exposition import counter, gauge, histogram, render
from tests.proxy_engine.support.metrics import Scrape


def test_types_and_values_come_back():
    scrape = Scrape(
        render(
            [
                counter("a_total", "Counted.", {"200": 3, "404": 1}, "code"),
                gauge("b", "Measured.", 1.5),
                gauge("c", "By two.", {("x", "y"): -1}, "one", "two"),
            ]
        )
    )
    assert scrape.types == {"a": "counter", "b": "gauge", "c": "gauge"}
    assert (scrape("a_total", code="200"), scrape("a_total", code="404")) == (3, 1)
    assert (scrape("b"), scrape("c", one="x", two="y")) == (1.5, -1)


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "line\nbreak", '\\"', "\\n", "{a=b},", "naïve – 名", ""])
def test_odd_names_come_back(name):
    assert Scrape(render([gauge("a", "Odd.", {name: 1}, "name")])).series("a") == [{"name": name}]


def test_steps_of_a_histogram_add_up():
    scrape = Scrape(render([histogram("a_seconds", "Took.", (0.0005, 1, 60), [2, 0, 3, 1], 100.25)]))
    assert scrape.types == {"a_seconds": "histogram"}
    found = {labels["le"]: scrape("a_seconds_bucket", **labels) for labels in scrape.series("a_seconds_bucket")}
    assert found == {"0.0005": 2, "1": 2, "60": 5, "+Inf": 6}
    assert (scrape("a_seconds_count"), scrape("a_seconds_sum")) == (6, 100.25)


def test_a_family_without_numbers_is_no_error():
    assert Scrape(render([gauge("a", "None.", {}, "name")])).names() == set()
