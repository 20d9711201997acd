"""What the gateway would do with a request, and why: the whole way to a target, without going it.

Whatever is decided is decided by the data path's own code: ``parse_head``, ``prepare``, the service's plan, its
balancer, the retry table, and the head that would be written. Only the words are made here, so an explanation cannot
differ from what a worker does under the same configuration. What a worker alone can know (its connections in flight,
latencies, ejections) is not known here; who starts slowly is, where somebody tells.

Pure: a ``Replica`` compiles a configuration as a worker does, but has nothing that could open a connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from .balancing import Balancer
from .errors import BadMessage, FailureKind
from .health.state import TargetState
from .http.limits import DEFAULTS, MessageLimits
from .http.reply import MESSAGES, NO_SERVICE
from .http.request import RequestHead, parse_head
from .proxy import retry
from .proxy.forward import Peer, believed_scheme
from .proxy.prepare import Forward, Refusal, prepare
from .routing import Explanation as Routing
from .routing import explain as explain_routing
from .runtime import Compiler, Runtime, ServicePlan
from .sources import ChangeRow, HealthFact, Snapshot
from .spec import Service, Target, Upstream
from .upstream.book import PoolBook
from .upstream.dial import Address, PoolRules

MAX_VERDICTS = 50  # routes told of; those that came nearest


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What the gateway answers itself. ``message`` is the client's, ``reason`` the operator's."""

    status: int
    message: str
    reason: str
    location: bytes = b""  # of a redirect


@dataclass(frozen=True, slots=True)
class Chance:
    """One target's part. Without obstacles it is eligible; even so its share may be 0, that of a reserve. With
    obstacles it may have a share all the same, while the upstream uses all of its targets."""

    target: Target
    address: str  # where connections lead, with https:// in front where they are encrypted
    percent: float  # of the requests to its upstream, as ``Balancer.shares`` has it
    obstacles: tuple[str, ...]
    remark: str  # what else decides: that it is a reserve, or that all are used; mostly empty
    path: bytes  # as sent to it: with the target's own prefix, and the query
    host: bytes  # the Host header sent to it


@dataclass(frozen=True, slots=True)
class Forwarding:
    """``upstream`` is None when the service names a host instead. ``path`` is without any target's own prefix."""

    service: Service
    upstream: Upstream | None
    path: bytes
    targets: tuple[Chance, ...]
    hashed_to: Target | None  # which target this very request goes to, where a hash decides that
    tries: int
    repeated_after: tuple[FailureKind, ...]  # what this method may be tried again after, while its body is at hand
    repeated_statuses: tuple[int, ...]  # answers likewise
    connect_ms: int
    write_ms: int
    read_ms: int
    total_ms: int  # for all tries until an answer begins; 0: no limit


@dataclass(frozen=True, slots=True)
class Explanation:
    """``head`` and ``routing`` are None when the head itself is refused. Without a target that may be picked there are
    both a ``forwarding``, to show why, and an ``answer``."""

    version: int
    head: RequestHead | None
    routing: Routing | None
    answer: OwnAnswer | None
    forwarding: Forwarding | None


def explain(
    runtime: Runtime, peer: Peer, raw_head: bytes, *, limit: int = MAX_VERDICTS, bounds: MessageLimits = DEFAULTS
) -> Explanation:
    """``raw_head``: request line and field lines, joined by CRLF. At most ``limit`` routes are told of.

    ``bounds``: those of the workers, on heads.
    """
    try:
        head = _parsed(raw_head, bounds)
    except BadMessage as problem:
        return Explanation(runtime.version, None, None, _own_answer(problem.status, None, problem.reason), None)
    routing = explain_routing(
        runtime.table,
        method=head.method,
        target=head.target,
        host=head.host,
        headers=head.fields(),
        port=peer.port,
        scheme=peer.scheme,
        limit=limit,
    )
    outcome = prepare(runtime, peer, head)
    if isinstance(outcome, Refusal):
        reason = _reason(outcome, routing, believed_scheme(peer, head.block))
        answer = _own_answer(outcome.status, outcome.message, reason, outcome.location)
        return Explanation(runtime.version, head, routing, answer, None)
    answer = _answer_without_target(outcome.plan.balancer)
    return Explanation(runtime.version, head, routing, answer, _forwarding(outcome))


def _parsed(raw_head: bytes, bounds: MessageLimits) -> RequestHead:
    line, _, block = raw_head.partition(b"\r\n")
    head = parse_head(line, block, None, bounds)
    if len(raw_head) > bounds.head_bytes:
        raise BadMessage(431, f"the head is longer than {bounds.head_bytes} bytes")
    return head


def _own_answer(status: int, message: str | None, reason: str, location: bytes = b"") -> OwnAnswer:
    return OwnAnswer(status, message or MESSAGES.get(status) or HTTPStatus(status).phrase, reason, location)


def _reason(refusal: Refusal, routing: Routing, scheme: str) -> str:
    if routing.refusal is not None:
        return routing.refusal
    if routing.match is None:
        return "no route holds for this request"
    route = routing.match.route
    name = route.name or route.id
    if refusal.message == NO_SERVICE:
        return f"the route {name} has no service"
    return f"the route {name} takes {' and '.join(route.protocols)}, the request came over {scheme}"


def _answer_without_target(balancer: Balancer) -> OwnAnswer | None:
    if balancer.usable:
        return None
    name, threshold = balancer.upstream.name, balancer.upstream.healthchecks.threshold
    if not balancer.states:
        return _own_answer(503, None, f"the upstream {name} has no targets")
    if not any(state.ready for state in balancer.states):
        return _own_answer(503, None, f"no target of the upstream {name} is ready")
    return _own_answer(503, None, f"not more than {threshold:g} % of the weight of the upstream {name} is available")


def _forwarding(forward: Forward) -> Forwarding:
    plan, method = forward.plan, forward.head.method
    shares = plan.balancer.shares()
    return Forwarding(
        service=plan.service,
        upstream=None if plan.is_single else plan.balancer.upstream,
        path=forward.path,
        targets=tuple(_chance(forward, state, shares[state.target.id]) for state in plan.balancer.states),
        hashed_to=_hashed_to(forward),
        tries=plan.tries,
        repeated_after=tuple(
            kind for kind in FailureKind if retry.may_repeat(kind, method, body_at_hand=True, rules=plan.retry)
        ),
        repeated_statuses=_repeated_statuses(plan, method),
        connect_ms=round(plan.connect_s * 1000),
        write_ms=round(plan.write_s * 1000),
        read_ms=round(plan.read_s * 1000),
        total_ms=round(plan.total_s * 1000),
    )


def _repeated_statuses(plan: ServicePlan, method: bytes) -> tuple[int, ...]:
    is_repeated = retry.may_repeat(retry.STATUS, method, body_at_hand=True, rules=plan.retry)
    return tuple(sorted(plan.repeated_statuses)) if is_repeated else ()


def _chance(forward: Forward, state: TargetState, share: float) -> Chance:
    link = forward.plan.links[state]
    line, host_line, _ = forward.render(link, b"\r\n").split(b"\r\n", 2)
    return Chance(
        target=state.target,
        address=str(link.pool.address),
        percent=100 * share,
        obstacles=state.obstacles,
        remark=forward.plan.balancer.remark(state),
        path=line.split(b" ")[1],
        host=host_line.partition(b": ")[2],
    )


def _hashed_to(forward: Forward) -> Target | None:
    """None, too, where a cookie would be issued: its random value decides."""
    if forward.plan.hash_input is None or forward.key is None:
        return None
    state = forward.plan.balancer.pick(forward.key)
    return state.target if state is not None else None


class Replica:
    """A configuration as a worker that just started would run it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._healthy = {fact.target_id: fact.healthy for fact in snapshot.health}
        self._states: dict[str, TargetState] = {}
        rows = (
            ChangeRow(snapshot.version, kind, values["id"], values)
            for kind, entities in snapshot.entities.items()
            for values in entities
        )
        self.runtime = Compiler(self._state_of, PoolBook(NoPool)).apply(snapshot.version, rows)

    def __repr__(self) -> str:
        return f"<Replica version={self.runtime.version}>"

    def set_health(self, facts: Iterable[HealthFact]) -> None:
        for fact in facts:
            state = self._states.get(fact.target_id)
            if state is not None:
                state.healthy = fact.healthy

    def set_parts(self, parts: Mapping[str, int]) -> None:
        """Percent of their shares that targets have which start slowly; the others have all."""
        for id, state in self._states.items():
            state.part = parts.get(id, 100)

    def _state_of(self, target: Target) -> TargetState:
        state = self._states.get(target.id)
        if state is None:
            healthy = self._healthy.get(target.id, True)
            state = self._states[target.id] = TargetState(target, healthy=healthy)
        return state


class NoPool:
    """Stands where a worker has a pool of connections."""

    __slots__ = ("address", "rules")

    def __init__(self, address: Address, rules: PoolRules) -> None:
        self.address = address
        self.rules = rules

    def attach(self, state: TargetState) -> None:
        """Nobody asks here how many addresses a name has: one, as long as nothing else is known."""
