"""Results as rows of one Markdown table: what was measured, for whom, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.rounds import Round, Spread, median, paired

SERVERS = ("nginx", "haproxy", "gatehouse")
HEAD = (
    "| workload | figure | nginx | haproxy | gatehouse | ratio (min–max) | asked | reached |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Asked:
    """A bound on the ratio, or on the engine's own figure where there is nothing to compare with."""

    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    def __str__(self) -> str:
        sign, bound = ("≥", self.at_least) if self.at_least is not None else ("≤", self.at_most)
        return f"{sign} {bound:g}{f' {self.unit}' if self.unit else ''}"

    def is_reached(self, value: float) -> bool:
        """As precisely as it is printed."""
        value = round(value, 2)
        return value >= self.at_least if self.at_least is not None else value <= self.at_most


@dataclass(frozen=True)
class Row:
    workload: str
    figure: str
    values: dict[str, float]  # by server
    ratio: Spread | None = None
    asked: Asked | None = None
    others: dict[str, float] = field(default_factory=dict)  # ratios of the servers we do not answer for

    def __str__(self) -> str:
        cells = [self.workload, self.figure, *(self._value(server) for server in SERVERS)]
        cells += [self._ratio(), str(self.asked or ""), self._verdict()]
        return f"| {' | '.join(cells)} |"

    def _value(self, server: str) -> str:
        if server not in self.values:
            return "–"
        ratio = f" ({self.others[server]:.2f})" if server in self.others else ""
        return f"{number(self.values[server])}{ratio}"

    def _ratio(self) -> str:
        return f"**{self.ratio.median:.2f}** ({self.ratio.low:.2f}–{self.ratio.high:.2f})" if self.ratio else "–"

    @property
    def is_reached(self) -> bool | None:
        """None: nothing is asked."""
        if self.asked is None:
            return None
        return self.asked.is_reached(self.ratio.median if self.ratio else self.values["gatehouse"])

    def _verdict(self) -> str:
        return {None: "", True: "yes", False: "**no**"}[self.is_reached]


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def costs(workload: str, figure: str, rounds: list[Round], key: str, asked: Asked | None = None) -> Row:
    """nginx ÷ server: above 1, the server is cheaper."""
    ratios = {server: paired(rounds, key, "nginx", server) for server in SERVERS}
    return _compared(workload, figure, rounds, key, asked, ratios)


def times(workload: str, figure: str, rounds: list[Round], key: str, asked: Asked | None = None) -> Row:
    """server ÷ nginx: above 1, the server is slower."""
    ratios = {server: paired(rounds, key, server, "nginx") for server in SERVERS}
    return _compared(workload, figure, rounds, key, asked, ratios)


def _compared(workload: str, figure: str, rounds: list[Round], key: str, asked, ratios: dict[str, Spread]) -> Row:
    medians = {server: median(rounds, server, key) for server in SERVERS}
    return Row(workload, figure, medians, ratios["gatehouse"], asked, {"haproxy": ratios["haproxy"].median})


def table(rows: list[Row]) -> str:
    return "\n".join([HEAD, *map(str, rows)])


def noise(rounds: list[Round]) -> str:
    """One line under the table: whether the figures can be trusted."""
    if not rounds:
        return ""
    foreign = Spread.of([one.disturbance.foreign for one in rounds])
    kept = sum(one.disturbance.is_noise for one in rounds)
    return (
        f"CPU used by others during the {len(rounds)} rounds: median {foreign.median:.2f}, at most {foreign.high:.2f} "
        f"of a core; rounds kept although disturbed: {kept}."
    )
