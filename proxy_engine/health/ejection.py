"""The circuit breakers of an upstream's targets, and how many of them may be ejected at once.

``max_ejected`` is a share of the upstream's targets: those that are enabled and have a weight, of all priorities. It is
rounded down, but of several targets one may always be ejected, unless it is 0 (Envoy did so for years): else 50 % of
three would mean one, and 10 % of five would mean never. A single target is only ejected at 100 %: every request is
then refused at once instead of waiting for a failure, which somebody must have asked for. Half-open counts as ejected:
the next failure ejects again without asking. Where targets that serve are taken away, so that more are out than may be,
those that are out longest are let back in.

A circuit belongs to one worker, like the counts of passive checks; unlike their verdict it is not shared: it ends by
itself, and each worker finds out with a few requests of its own. It ends early when somebody else finds the target
healthy, who had found it unhealthy before: a person, an active check, or passive checks of another worker. Nobody
should have to wait for the end of an ejection who has just seen the target work (Envoy:
``successful_active_health_check_uneject_host``). That it is found unhealthy neither ejects it nor ends an ejection.

Failures are those of ``passive.concerns_target``, and answers with ``http_statuses``; all other answers are successes.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from proxy_engine.errors import FailureKind
from proxy_engine.spec import CircuitBreaker, Upstream

from .breaker import Circuit, Phase
from .passive import concerns_target
from .state import TargetState

_CLOSED = Phase.CLOSED


def most_ejected(targets: int, percent: float) -> int:
    whole = int(targets * percent / 100)
    return max(whole, 1) if percent and targets > 1 else whole


class Breaker:
    """The circuits of one upstream, and the judge that feeds them."""

    __slots__ = ("_circuits", "_clock", "_most", "_out", "_statuses", "_with_some_out", "rule")

    def __init__(self, rule: CircuitBreaker, clock: Callable[[], float], with_some_out: set[Breaker]) -> None:
        """``with_some_out``: where it enters itself when it needs to be swept."""
        self.rule = rule
        self._statuses = rule.http_statuses
        self._clock = clock
        self._with_some_out = with_some_out
        self._circuits: dict[TargetState, Circuit] = {}
        self._out: dict[Circuit, None] = {}  # those that are not closed, out longest first
        self._most = 0

    def __repr__(self) -> str:
        return f"<Breaker {len(self._out)} of {len(self._circuits)} out, at most {self._most}>"

    def __iter__(self) -> Iterator[Circuit]:
        return iter(self._circuits.values())

    @property
    def has_some_out(self) -> bool:
        return bool(self._out)

    def adopt(self, states: Iterable[TargetState]) -> None:
        """The upstream's targets as they are now. What was observed of those that stay, at their address, is kept."""
        now, before = self._clock(), self._circuits
        self._circuits = {}
        for state in states:
            if state.target.enabled and state.target.weight:
                known = before.get(state)
                keeps = known is not None and known.address == state.target.target
                self._circuits[state] = known if keeps else Circuit(state, self.rule, now)
        for state, circuit in before.items():
            if self._circuits.get(state) is not circuit:
                self._forget(circuit)
        self._most = most_ejected(len(self._circuits), self.rule.max_ejected)
        self._make_room(now)

    def _forget(self, circuit: Circuit) -> None:
        circuit.let_back(circuit.since)
        self._out.pop(circuit, None)

    def _make_room(self, now: float) -> None:
        for circuit in list(self._out)[: max(len(self._out) - self._most, 0)]:
            circuit.let_back(now)
            self._out.pop(circuit)

    def circuit_of(self, state: TargetState) -> Circuit | None:
        return self._circuits.get(state)

    def vouch_for(self, state: TargetState) -> None:
        circuit = self._circuits.get(state)
        if circuit is not None:
            circuit.vouched(self._clock())
            self._note(circuit)

    # -- the judge --------------------------------------------------------------

    def answered(self, state: TargetState, status: int) -> None:
        circuit = self._circuits.get(state)
        if circuit is None:
            return  # an exchange that outlived its target, or these rules
        if status in self._statuses:
            self._count_failure(circuit, str(status))
        elif circuit.phase is not _CLOSED:
            circuit.succeeded(self._clock())
            self._note(circuit)
        elif circuit.run or circuit.window is not None:  # else a success is no news
            circuit.succeeded(self._clock())

    def failed(self, state: TargetState, kind: FailureKind, detail: str) -> None:
        circuit = self._circuits.get(state)
        if circuit is not None and concerns_target(kind, detail):
            self._count_failure(circuit, detail)

    def _count_failure(self, circuit: Circuit, text: str) -> None:
        circuit.failed(self._clock(), text, has_room=len(self._out) < self._most)
        self._note(circuit)

    def _note(self, circuit: Circuit) -> None:
        if circuit.is_closed:
            self._out.pop(circuit, None)
        elif circuit not in self._out:
            self._out[circuit] = None
            self._with_some_out.add(self)

    # -- time -------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        for circuit in self._out:
            circuit.tick(now)


class BreakerBook:
    """The breakers of all upstreams that have one; they outlive configurations that leave their rules as they are."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}  # by upstream id
        self._with_some_out: set[Breaker] = set()

    def __repr__(self) -> str:
        return f"<BreakerBook {len(self._breakers)} upstreams, {len(self._with_some_out)} with ejected targets>"

    def get(self, upstream_id: str) -> Breaker | None:
        return self._breakers.get(upstream_id)

    def adopt(self, upstream: Upstream, states: Sequence[TargetState]) -> None:
        """An upstream as it is now. With other rules than before, everything begins anew."""
        known, rule = self._breakers.get(upstream.id), upstream.circuit_breaker
        if known is not None and known.rule != rule:
            self.forget(upstream.id)
            known = None
        if not rule.is_on:
            return
        if known is None:
            known = self._breakers[upstream.id] = Breaker(rule, self._clock, self._with_some_out)
        known.adopt(states)

    def forget(self, upstream_id: str) -> None:
        """Its targets, where there still are any, are let back in."""
        breaker = self._breakers.pop(upstream_id, None)
        if breaker is not None:
            breaker.adopt(())

    def keep(self, upstream_ids: Container[str]) -> None:
        for id in [id for id in self._breakers if id not in upstream_ids]:
            self.forget(id)

    def sweep(self, now: float) -> None:
        """Costs nothing while nobody is out."""
        for breaker in list(self._with_some_out):
            breaker.sweep(now)
            if not breaker.has_some_out:
                self._with_some_out.discard(breaker)

    def out(self) -> Iterator[Circuit]:
        """The circuits that are not closed."""
        for breaker in self._with_some_out:
            for circuit in breaker:
                if not circuit.is_closed:
                    yield circuit

    def circuit_of(self, state: TargetState) -> Circuit | None:
        breaker = self._breakers.get(state.target.upstream_id)
        return breaker and breaker.circuit_of(state)

    def vouch_for(self, state: TargetState) -> None:
        breaker = self._breakers.get(state.target.upstream_id)
        if breaker is not None:
            breaker.vouch_for(state)
