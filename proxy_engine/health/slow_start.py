"""Slow start: a target that is new, or came back, gets its share little by little, while others carry the load.

Theory (Envoy's ``slow_start_config``, HAProxy's ``slowstart``, nginx's ``slow_start``). After *t* of the window *w* a
target counts with max(min_share, 100 · (t / w)^(1 / aggression)) percent of its weight. That grows in twentieths of the
window: a step makes the policies of its upstream anew, which is how one mechanism serves all algorithms. They see
weights, hashing the number of points; nothing else knows of slow start, and where no target starts nothing is done.

Who starts slowly: a target that was added to others, and one that turns ready again for whatever reason: healthy, no
longer ejected, enabled, returned from a drain. Trials of a half-open circuit breaker come with its full share; what
starts slowly is the target whose circuit closed. Where all targets of an upstream come at once, as at the start of the
engine, each has its full share: there is nobody to carry the load for them.

State, not spec: it goes on through reloads, under the rules of the moment. It belongs to a worker; as all of them hear
the same news, they start at nearly the same moment. Pure: the clock is passed in, one that never goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from proxy_engine.spec import SlowStart, Upstream

from .state import TargetState

STEPS = 20  # of a window
FULL = 100  # percent


def percent_after(rule: SlowStart, elapsed_s: float) -> int:
    """Of its share, so long after the beginning: 1…100."""
    part = int(STEPS * elapsed_s / rule.window + 1e-9) / STEPS
    if part >= 1:
        return FULL
    return max(1, round(max(rule.min_share, FULL * part ** (1 / rule.aggression))))


@dataclass(slots=True)
class Ramp:
    """A target on its way to its full share."""

    rule: SlowStart
    since: float  # on the book's clock

    @property
    def until(self) -> float:
        return self.since + self.rule.window


class SlowStartBook:
    """All that start slowly in one process; it alone sets ``part`` of their states."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._members: dict[str, tuple[TargetState, ...]] = {}  # by upstream id: of those with slow start
        self._rules: dict[str, SlowStart] = {}  # likewise
        self._ramps: dict[TargetState, Ramp] = {}

    def __repr__(self) -> str:
        return f"<SlowStartBook {len(self._ramps)} on their way>"

    def __iter__(self) -> Iterator[tuple[TargetState, Ramp]]:
        return iter(self._ramps.items())

    def ramp_of(self, state: TargetState) -> Ramp | None:
        return self._ramps.get(state)

    def adopt(self, upstream: Upstream, states: Sequence[TargetState]) -> None:
        """An upstream as it is now. Those that join others start slowly; one that is seen for the first time is new as
        a whole, and starts at once."""
        if not upstream.slow_start.is_on:
            self.forget(upstream.id)
            return
        before, rule = self._members.get(upstream.id, ()), upstream.slow_start
        self._members[upstream.id], self._rules[upstream.id] = tuple(states), rule
        self._let_go(set(before).difference(states))
        joined = set(states).difference(before) if before else ()
        for state in states:
            state.starter = self
            if state in self._ramps:
                self._ramps[state].rule = rule
            if state in joined and state.ready:
                self.begin(state)

    def begin(self, state: TargetState) -> None:
        """It turned ready."""
        rule = self._rules.get(state.target.upstream_id)
        if rule is not None:
            self._ramps[state] = Ramp(rule, self._clock())
            state.part = percent_after(rule, 0.0)

    def forget(self, upstream_id: str) -> None:
        """Its targets have their full share."""
        self._rules.pop(upstream_id, None)
        self._let_go(self._members.pop(upstream_id, ()))

    def keep(self, upstream_ids: Container[str]) -> None:
        for id in [id for id in self._members if id not in upstream_ids]:
            self.forget(id)

    def sweep(self, now: float) -> None:
        """Costs nothing while nobody starts. One that is out again begins anew when it comes back."""
        for state, ramp in list(self._ramps.items()):
            state.part = percent_after(ramp.rule, now - ramp.since) if state.ready else FULL
            if state.part == FULL:
                del self._ramps[state]

    def _let_go(self, states: Sequence[TargetState] | set[TargetState]) -> None:
        for state in states:
            state.starter = None
            self._ramps.pop(state, None)
            state.part = FULL
