"""Ratios are taken within rounds; disturbed rounds are repeated, and count only when there are no better ones."""

import pytest

from benchmarks import rounds
from benchmarks.accounts import Disturbance
from benchmarks.rounds import Round, Spread

QUIET, BUSY = Disturbance(0.01, 0.0), Disturbance(0.9, 0.0)


def a_round(nginx=10.0, gatehouse=12.5, disturbance=QUIET):
    return Round({"nginx": {"cpu_us": nginx}, "gatehouse": {"cpu_us": gatehouse}}, disturbance)


@pytest.fixture
def measured(monkeypatch):
    """Runs ``alternate`` on scripted rounds; returns the chosen ones and the order of servers in each round made."""

    def run(script, wanted):
        waiting, orders = iter(script), []

        def one_round(servers, measure):
            orders.append(tuple(servers))
            return next(waiting)

        monkeypatch.setattr(rounds, "one_round", one_round)
        return rounds.alternate("a load", ("nginx", "gatehouse"), lambda name: {}, wanted), orders

    return run


def test_a_ratio_compares_within_each_round():
    slow_machine = a_round(nginx=40.0, gatehouse=50.0)
    ratio = rounds.paired([a_round(10.0, 10.0), a_round(10.0, 12.5), slow_machine], "cpu_us", "nginx", "gatehouse")
    assert ratio == Spread(median=0.8, low=0.8, high=1.0)


def test_on_a_quiet_machine_it_measures_as_many_rounds_as_asked(measured):
    chosen, orders = measured([a_round()] * 3, 2)
    assert len(chosen) == len(orders) == 2


def test_the_order_of_the_servers_turns_round_every_other_time(measured):
    _, orders = measured([a_round()] * 3, 3)
    assert orders == [("gatehouse", "nginx"), ("nginx", "gatehouse"), ("gatehouse", "nginx")]


def test_a_disturbed_round_is_repeated(measured):
    chosen, _ = measured([a_round(), a_round(disturbance=BUSY), a_round(nginx=11.0)], 2)
    assert [one.figures["nginx"]["cpu_us"] for one in chosen] == [10.0, 11.0]


def test_on_a_machine_that_is_never_quiet_it_ends_and_keeps_the_quietest(measured):
    script = [a_round(nginx=n, disturbance=Disturbance(0.9 - n / 10, 0.0)) for n in (1.0, 2.0, 3.0, 4.0)]
    chosen, orders = measured(script, 2)
    assert len(orders) == 4
    assert [one.figures["nginx"]["cpu_us"] for one in chosen] == [4.0, 3.0]


@pytest.mark.parametrize(("foreign", "steal", "is_noise"), [(0.12, 0.03, False), (0.13, 0.0, True), (0.0, 0.04, True)])
def test_what_counts_as_a_disturbance(foreign, steal, is_noise):
    assert Disturbance(foreign, steal).is_noise is is_noise
