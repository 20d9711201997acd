"""The table says at a glance what is asked and whether it is reached."""

import pytest

from benchmarks import report
from benchmarks.accounts import Disturbance
from benchmarks.report import Asked, Row
from benchmarks.rounds import Round, Spread

ROUNDS = [
    Round({"nginx": {"f": 10.0}, "haproxy": {"f": 12.5}, "gatehouse": {"f": f}}, Disturbance(0.02, 0.0))
    for f in (8.0, 12.5, 20.0)
]


def test_costs_are_compared_as_nginx_over_server():
    row = report.costs("a load", "CPU µs/request", ROUNDS, "f", Asked(at_least=0.8))
    assert str(row) == "| a load | CPU µs/request | 10.0 | 12.5 (0.80) | 12.5 | **0.80** (0.50–1.25) | ≥ 0.8 | yes |"


def test_times_are_compared_as_server_over_nginx():
    row = report.times("a load", "p99 µs", ROUNDS, "f", Asked(at_most=1.2))
    assert str(row) == "| a load | p99 µs | 10.0 | 12.5 (1.25) | 12.5 | **1.25** (0.80–2.00) | ≤ 1.2 | **no** |"


def test_a_figure_of_the_engine_alone_is_held_against_its_own_bound():
    row = Row("a load", "s", {"gatehouse": 0.957}, asked=Asked(at_most=1, unit="s"))
    assert str(row) == "| a load | s | – | – | 0.96 | – | ≤ 1 s | yes |"


def test_where_nothing_is_asked_nothing_is_reached():
    assert str(Row("a load", "s", {"gatehouse": 1.0})).endswith("| – |  |  |")


@pytest.mark.parametrize(
    ("asked", "ratio", "is_reached"),
    [
        (Asked(at_least=0.8), 0.796, True),  # printed as 0.80
        (Asked(at_least=0.8), 0.794, False),
        (Asked(at_most=1.05), 1.054, True),
        (Asked(at_most=1.05), 1.056, False),
    ],
)
def test_a_bound_is_met_as_precisely_as_it_is_printed(asked, ratio, is_reached):
    assert Row("a load", "f", {}, Spread(ratio, ratio, ratio), asked).is_reached is is_reached


def test_the_line_under_the_table_says_how_quiet_the_machine_was():
    busy = Round({}, Disturbance(0.5, 0.0))
    assert "median 0.02, at most 0.50 of a core; rounds kept although disturbed: 1" in report.noise([*ROUNDS, busy])
