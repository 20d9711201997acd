"""How much of the time targets and upstreams were up: from events, changes and the marks of now. Pure.

Definitions, which the pages and the OpenAPI document repeat (``OF_TARGET``, ``OF_UPSTREAM``). Time about which nothing
is known counts neither way: before the target or upstream was there, and what pruning took. An event knows since when
the state before it had been so; so what was pruned is only that which lies before the oldest event's ``before_since``,
or before the mark of now where no event is left at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

OF_TARGET = (
    "Share of the time in which it was not unhealthy, whether in use or not; what nothing checks counts as up. "
    "Ejections by circuit breakers, which are each worker's own, are not counted."
)
OF_UPSTREAM = "Share of the time in which at least one target was enabled, had a weight and was not unhealthy."
WINDOWS = {"1 h": timedelta(hours=1), "24 h": timedelta(hours=24), "7 d": timedelta(days=7)}

UP, DOWN, OUT, UNUSED, UNKNOWN = "up", "down", "out", "unused", "unknown"
WORST_FIRST = (DOWN, OUT, UNUSED, UP, UNKNOWN)


@dataclass(frozen=True)
class Flipped:
    """Unix seconds. ``before_since``: None where nobody knows."""

    at: float
    healthy: bool
    before_since: float | None = None


@dataclass
class Life:
    """What is known of one target within the longest window; unix seconds.

    ``born``: since when it has been there. ``healthy`` and ``healthy_since``: its mark; None: it has none.
    ``uses``: when it came into use or went out of it, oldest first; the first one may lie before the window.
    ``outs``: begin and end of ejections, and of times when its name did not resolve.
    """

    born: float
    healthy: bool = True
    healthy_since: float | None = None
    flips: list[Flipped] = field(default_factory=list)  # oldest first
    uses: list[tuple[float, bool]] = field(default_factory=list)
    outs: list[tuple[float, float]] = field(default_factory=list)
    died: float | None = None

    @property
    def known_from(self) -> float:
        first = self.flips[0].before_since if self.flips else self.healthy_since
        return self.born if first is None else max(self.born, first)

    def is_up_at_first(self) -> bool:
        return not self.flips[0].healthy if self.flips else self.healthy


Span = tuple[float, float, str]
"""Begin, end, state; in order and without overlap."""


def health_spans(life: Life, begin: float, end: float) -> list[Span]:
    """UP and DOWN, in use or not, as far as it is known."""
    begin, end = max(begin, life.known_from), min(end, life.died or end)
    if begin >= end:
        return []
    spans, at, is_up = [], begin, life.is_up_at_first()
    for flip in life.flips:
        if flip.at >= end:
            break
        if flip.at > at:
            spans.append((at, flip.at, UP if is_up else DOWN))
            at = flip.at
        is_up = flip.healthy
    return [*spans, (at, end, UP if is_up else DOWN)]


def in_use_spans(life: Life, begin: float, end: float) -> list[tuple[float, float]]:
    """Times in which the operator had it in use."""
    found, since = [], None
    for at, is_used in life.uses:
        if is_used and since is None:
            since = at
        elif not is_used and since is not None:
            found.append((since, at))
            since = None
    if since is not None:
        found.append((since, end))
    return [(max(left, begin), min(right, end)) for left, right in found if left < end and right > begin]


def share_up(spans: Iterable[Span], begin: float, end: float) -> float | None:
    """Of the time that the spans tell of; None where they tell of none."""
    up = known = 0.0
    for left, right, state in spans:
        seconds = max(0.0, min(right, end) - max(left, begin))
        known += seconds
        up += seconds if state == UP else 0.0
    return up / known if known else None


def upstream_spans(lives: Iterable[Life], born: float, begin: float, end: float) -> list[Span]:
    """UP where at least one target in use was up. Known from when each of its targets is."""
    lives = list(lives)
    pruned = [life.known_from for life in lives if life.known_from > max(life.born, begin)]
    begin = max([begin, born, *pruned])
    if begin >= end:
        return []
    steps: list[tuple[float, int]] = []
    for life in lives:
        for left, right in _serving(life, begin, end):
            steps += (left, 1), (right, -1)
    edges, spans, count, at = sorted(steps), [], 0, begin
    for moment, step in edges:
        if moment > at:
            spans.append((at, moment, UP if count else DOWN))
            at = moment
        count += step
    if at < end:
        spans.append((at, end, UP if count else DOWN))
    return spans


def _serving(life: Life, begin: float, end: float) -> list[tuple[float, float]]:
    used = in_use_spans(life, begin, end)
    ups = [(left, right) for left, right, state in health_spans(life, begin, end) if state == UP]
    return [(max(left, a), min(right, b)) for left, right in ups for a, b in used if max(left, a) < min(right, b)]


def shares(spans: list[Span], now: float) -> dict[str, float | None]:
    """By window."""
    return {name: share_up(spans, now - length.total_seconds(), now) for name, length in WINDOWS.items()}


# --- The strip of the last day ---------------------------------------------------------------------------------------

STRIP_S = 86_400
CELLS = 240  # of six minutes: what was shorter fills its cell, so that nothing that was down is too small to be seen


@dataclass(frozen=True)
class Strip:
    """Runs of equal cells: place, width, state. ``downs``: how many times it went down."""

    runs: list[tuple[int, int, str]]
    downs: int = 0


def strip(spans: Iterable[Span], now: float) -> Strip:
    """The worst that was in each cell."""
    begin, cell_s = now - STRIP_S, STRIP_S / CELLS
    cells, downs = [UNKNOWN] * CELLS, 0
    rank = {state: place for place, state in enumerate(WORST_FIRST)}
    for left, right, state in spans:
        if right <= begin or left >= now:
            continue
        downs += state == DOWN
        first = max(0, int((left - begin) / cell_s))
        last = min(CELLS - 1, bisect_left(range(CELLS), (min(right, now) - begin) / cell_s) - 1)
        for place in range(first, max(first, last) + 1):
            if rank[state] < rank[cells[place]]:
                cells[place] = state
    return Strip(_runs(cells), downs)


def _runs(cells: list[str]) -> list[tuple[int, int, str]]:
    edges = [0, *(place for place in range(1, len(cells)) if cells[place] != cells[place - 1]), len(cells)]
    return [(left, right - left, cells[left]) for left, right in pairwise(edges)]


def target_strip(life: Life, now: float) -> Strip:
    """Health, with the times in which it was not in use or out of some worker laid over it."""
    begin = now - STRIP_S
    spans = health_spans(life, begin, now)
    spans += [(left, right, UNUSED) for left, right in _unused(life, begin, now)]
    spans += [(left, right, OUT) for left, right in life.outs]
    return strip(spans, now)


def _unused(life: Life, begin: float, now: float) -> list[tuple[float, float]]:
    edges = [max(begin, life.born), *(edge for span in in_use_spans(life, begin, now) for edge in span), now]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [(left, right) for left, right in gaps if left < right]


@dataclass(frozen=True)
class Uptime:
    """Of one target or upstream. ``shares``: by window, 0…1, None where nothing is known."""

    shares: Mapping[str, float | None]
    strip: Strip
