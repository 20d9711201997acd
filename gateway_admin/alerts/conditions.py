"""What a rule can look for, as a table. Pure: facts in, findings out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Subject(NamedTuple):
    kind: str  # target, upstream, engine, checks
    id: str


class Finding(NamedTuple):
    """``since``: when it began, where that is known better than by when it was first found."""

    subject: Subject
    label: str
    cause: str
    upstream: str = ""
    since: datetime | None = None


class TargetDown(NamedTuple):
    id: str
    label: str
    upstream: str
    cause: str
    since: datetime


class UpstreamWeight(NamedTuple):
    """Of the targets in use: those that are enabled and have a weight."""

    id: str
    name: str
    targets: int
    total: int
    available: int

    @property
    def share(self) -> float:
        """In %."""
        return 100 * self.available / self.total


class EngineFact(NamedTuple):
    id: str
    name: str
    is_live: bool
    seen_at: datetime
    version: int
    head: int


class Facts(NamedTuple):
    """What is so now. Empty where no rule asks for it."""

    targets_down: tuple[TargetDown, ...] = ()
    upstreams: tuple[UpstreamWeight, ...] = ()
    engines: tuple[EngineFact, ...] = ()
    lag_s: float = 0.0


@dataclass(frozen=True)
class Condition:
    """``reads``: the part of ``Facts`` that it looks at. ``unit``: of its threshold; empty where it has none."""

    words: str
    help: str
    reads: str
    find: Callable[[Facts, float], Iterable[Finding]]
    unit: str = ""
    usual: float | None = None  # threshold
    most: float = 0.0

    @property
    def is_about_upstreams(self) -> bool:
        return self.reads in ("targets_down", "upstreams")


def _targets_down(facts: Facts, _) -> Iterator[Finding]:
    for target in facts.targets_down:
        yield Finding(Subject("target", target.id), target.label, target.cause, target.upstream, target.since)


def _upstreams_below(facts: Facts, percent: float) -> Iterator[Finding]:
    for upstream in facts.upstreams:
        if upstream.share < percent:
            cause = f"{upstream.share:.3g} % of its weight is available, below {percent:g} %"
            yield _of_upstream(upstream, cause)


def _upstreams_down(facts: Facts, _) -> Iterator[Finding]:
    for upstream in facts.upstreams:
        if not upstream.available:
            them = "its only target is not" if upstream.targets == 1 else f"none of its {upstream.targets} targets is"
            yield _of_upstream(upstream, f"{them} available")


def _of_upstream(upstream: UpstreamWeight, cause: str) -> Finding:
    return Finding(Subject("upstream", upstream.id), upstream.name, cause, upstream.name)


def _checks_late(facts: Facts, seconds: float) -> Iterator[Finding]:
    if facts.lag_s > seconds:
        cause = f"the oldest check has been due for {facts.lag_s:.0f} s, longer than {seconds:g} s"
        yield Finding(Subject("checks", "lag"), "health checks", cause)


def _engines_silent(facts: Facts, _) -> Iterator[Finding]:
    for engine in facts.engines:
        if not engine.is_live:
            cause = f"no report since {engine.seen_at:%Y-%m-%d %H:%M:%S} UTC"
            yield Finding(Subject("engine", engine.id), engine.name, cause, since=engine.seen_at)


def _engines_behind(facts: Facts, _) -> Iterator[Finding]:
    for engine in facts.engines:
        if engine.is_live and engine.version < engine.head:
            cause = f"runs version {engine.version} of {engine.head}"
            yield Finding(Subject("engine", engine.id), engine.name, cause)


CONDITIONS: dict[str, Condition] = {
    "target_down": Condition(
        "a target is down",
        "A target in use failed its checks, or was marked unhealthy by traffic or a person.",
        "targets_down",
        _targets_down,
    ),
    "upstream_below": Condition(
        "an upstream is below a share",
        "Less of the weight of an upstream's targets is available than the threshold says.",
        "upstreams",
        _upstreams_below,
        unit="%",
        usual=50.0,
        most=100.0,
    ),
    "upstream_down": Condition(
        "all targets of an upstream are down", "No target in use is available.", "upstreams", _upstreams_down
    ),
    "probe_lag": Condition(
        "health checks are late",
        "The check that is longest overdue waits for a worker longer than the threshold: health is old news.",
        "lag_s",
        _checks_late,
        unit="s",
        usual=5.0,
        most=86_400.0,
    ),
    "engine_silent": Condition(
        "an engine is silent", "An engine stopped reporting without having said goodbye.", "engines", _engines_silent
    ),
    "engine_behind": Condition(
        "an engine is behind", "An engine does not run the newest configuration.", "engines", _engines_behind
    ),
}


def findings(condition: str, threshold: float | None, upstreams: list[str] | None, facts: Facts) -> list[Finding]:
    """What a rule finds. ``upstreams``: the names it is limited to."""
    found = CONDITIONS[condition].find(facts, threshold or 0.0)
    return [finding for finding in found if upstreams is None or finding.upstream in upstreams]
