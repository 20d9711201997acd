"""Alternating rounds: each measures every server once, in turn, and ratios are taken within a round.

What slows the whole machine down for a while slows all servers of a round, and falls out of its ratios. A round in
which others used the machine is repeated; when too many were, the quietest count, and the report says so.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.accounts import Disturbance, Watch

Figures = dict[str, float]


@dataclass(frozen=True)
class Round:
    figures: dict[str, Figures]  # by server
    disturbance: Disturbance


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


def alternate(what: str, servers: Sequence[str], measure: Callable[[str], Figures], rounds: int) -> list[Round]:
    """``rounds`` undisturbed ones, of at most twice as many. The order turns round every other time."""
    done: list[Round] = []
    while sum(not one.disturbance.is_noise for one in done) < rounds and len(done) < 2 * rounds:
        done.append(one_round(servers if len(done) % 2 else servers[::-1], measure))
        progress(what, done[-1], len(done))
    return quietest(done, rounds)


def one_round(servers: Sequence[str], measure: Callable[[str], Figures]) -> Round:
    figures, disturbances = {}, []
    for server in servers:
        watch = Watch()
        figures[server] = measure(server)
        disturbances.append(watch.stop())
    return Round(figures, Disturbance.worst(disturbances))


def quietest(rounds: list[Round], count: int) -> list[Round]:
    return sorted(rounds, key=lambda one: one.disturbance.foreign + one.disturbance.steal)[:count]


def median(rounds: list[Round], server: str, figure: str) -> float:
    return statistics.median(one.figures[server][figure] for one in rounds)


def paired(rounds: list[Round], figure: str, over: str, under: str) -> Spread:
    """``over`` ÷ ``under``, within each round."""
    return Spread.of([one.figures[over][figure] / one.figures[under][figure] for one in rounds])


def progress(what: str, one: Round, number: int) -> None:
    shown = ", ".join(f"{server} {next(iter(figures.values())):.1f}" for server, figures in one.figures.items())
    noise = f"; disturbed: foreign {one.disturbance.foreign:.2f}, stolen {one.disturbance.steal:.2f} of a core"
    print(f"  {what}, round {number}: {shown}{noise if one.disturbance.is_noise else ''}", file=sys.stderr, flush=True)
