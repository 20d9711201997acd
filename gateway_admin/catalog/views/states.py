"""What the dashboard says about targets: one word, a colour and a shape, and the share of the traffic each is due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone

from gateway_admin.catalog.draining import was_restored
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import TargetState, target_states

WORDS = {
    "healthy": ("ok", "healthy"),
    "unchecked": ("ok", "ready"),
    "unhealthy": ("bad", "unhealthy"),
    "draining": ("warn", "draining"),
    "disabled": ("off", "disabled"),
}


THEN = {"off": "then it is disabled", "remove": "then it is removed", "return": "then it gets traffic again"}


@dataclass(frozen=True)
class DrainView:
    """How far a drain is. ``in_flight`` is None as long as no engine has told."""

    target: Target
    state: TargetState

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(self.target.drain["until"], UTC)

    @property
    def left(self) -> str:
        """``4:12 left``, ``2 h 5 min left``"""
        seconds = max(0, round((self.until - timezone.now()).total_seconds()))
        if seconds >= 3600:
            return f"{seconds // 3600} h {seconds % 3600 // 60} min left"
        return f"{seconds // 60}:{seconds % 60:02} left"

    @property
    def in_flight(self) -> str:
        flying = self.state.in_flight
        if flying is None:
            return "the engines have not told yet"
        return f"{flying.count} in flight" + (f", {flying.unknown} workers have not told" if flying.unknown else "")

    @property
    def then(self) -> str:
        """What happens at the deadline, or why nothing does."""
        if was_restored(self.target):
            return "it was restored after its deadline and stays drained until you end it"
        sticky = "; clients whose hash leads to it stay" if self.target.drain["keep_sticky"] else ""
        return THEN[self.target.drain["then"]] + sticky


@dataclass(frozen=True)
class TargetView:
    """``share``: 0…1 of the upstream's requests. ``share_if_all_ready``: the same if no target were unhealthy."""

    target: Target
    state: TargetState
    share_if_all_ready: float
    weight_text: str  # what stands in the input: the weight, or what was typed and refused
    problem: str = ""  # why it was refused

    @property
    def share(self) -> float:
        return self.state.share / 100

    @property
    def rank(self) -> str:
        """``reserve 1``; empty for what is used first."""
        return f"reserve {self.target.priority}" if self.target.priority else ""

    @property
    def is_in_use(self) -> bool:
        return self.target.is_in_use

    @property
    def is_ready(self) -> bool:
        return self.is_in_use and self.state.health != "unhealthy" and not self.state.is_ejected

    @property
    def is_out(self) -> bool:
        """Ejected, and nothing else speaks against it."""
        return self.is_in_use and self.state.health != "unhealthy" and self.state.is_ejected

    @property
    def ejection_pill(self) -> str:
        return "bad" if self.state.is_ejected else "warn"

    @property
    def ejection_word(self) -> str:
        ejection = self.state.ejection
        noun = "worker" if ejection.all_workers == 1 else "workers"
        return f"ejected by {ejection.workers} of {ejection.all_workers} {noun}"

    @property
    def drain(self) -> DrainView | None:
        return DrainView(self.target, self.state) if self.target.drain else None

    @property
    def pill(self) -> str:
        return WORDS[self.state.health][0] if self.is_in_use or self.target.drain else "off"

    @property
    def word(self) -> str:
        is_idle = not self.target.weight and self.state.health in ("healthy", "unchecked")
        return "weight 0" if is_idle else WORDS[self.state.health][1]


def target_views(targets: Iterable[Target]) -> list[TargetView]:
    """For targets from ``queries.with_health``. Four statements. "If all ready" is told among the given ones."""
    targets = list(targets)
    states = target_states(targets)
    due = _first_choice(targets)
    in_use = sum(target.weight for target in due)
    return [
        TargetView(target, states[target.pk], target.weight / in_use if target in due else 0.0, str(target.weight))
        for target in targets
    ]


def _first_choice(targets: list[Target]) -> set[Target]:
    """Those that would get the requests if all were healthy."""
    in_use = [target for target in targets if target.is_in_use]
    first = min((target.priority for target in in_use), default=0)
    return {target for target in in_use if target.priority == first}


def attach_views(targets: Iterable[Target]) -> None:
    """Each target gets its ``view``. Two statements."""
    targets = list(targets)
    for target, view in zip(targets, target_views(targets), strict=True):
        target.view = view


@dataclass(frozen=True)
class Readiness:
    """``2 of 3 targets ready``, as a pill. Targets that are switched off count, but are no reason to worry."""

    ready: int
    total: int
    troubled: int  # meant to get traffic, and not ready

    @property
    def pill(self) -> str:
        if not self.total:
            return "off"
        if not self.ready:
            return "bad"
        return "warn" if self.troubled else "ok"

    @property
    def word(self) -> str:
        if not self.total:
            return "no targets"
        noun = "target" if self.total == 1 else "targets"
        return f"{self.ready} of {self.total} {noun} ready"


def readiness(views: Iterable[TargetView]) -> Readiness:
    views = list(views)
    ready = sum(view.is_ready for view in views)
    return Readiness(ready, len(views), sum(view.is_in_use for view in views) - ready)


@dataclass(frozen=True)
class Shortage:
    """Too little of an upstream's weight is available, and what follows. ``pill``: bad where requests are refused."""

    pill: str
    word: str
    sentence: str


def shortage(upstream: Upstream, views: Iterable[TargetView]) -> Shortage | None:
    """``views``: of all its targets. None while there is enough, and where there is nothing to have enough of."""
    in_use = [view for view in views if view.is_in_use]
    if not in_use or not _is_short(in_use):
        return None
    total = sum(view.target.weight for view in in_use)
    percent = 100 * sum(view.target.weight for view in in_use if view.is_ready) / total
    found = f"{percent:.3g} % of the weight is available, {_limit(upstream, percent)}"
    if upstream.when_all_unhealthy == "refuse":
        return Shortage("bad", "refuses", f"{found}: requests are answered with 503.")
    return Shortage("warn", "panic", f"{found}: all targets get requests, whatever their health.")


def _is_short(in_use: list[TargetView]) -> bool:
    """Nobody has a share, or somebody who is not ready has one."""
    return not any(view.state.share for view in in_use) or any(
        view.state.share and not view.is_ready for view in in_use
    )


def _limit(upstream: Upstream, percent: float) -> str:
    threshold = upstream.healthchecks["threshold"]
    if upstream.when_all_unhealthy == "threshold" and upstream.panic_threshold > max(percent, threshold):
        return f"less than the panic threshold of {upstream.panic_threshold} %"
    return f"not more than the threshold of {threshold:g} %"
