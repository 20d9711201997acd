"""The compiled configuration: what workers look things up in, and the compiler that keeps it up to date.

A ``Runtime`` is never changed: the compiler makes a new one per batch of changes and the engine swaps one reference, so
an exchange sees one configuration from its first byte to its last. The cost of a batch follows the batch: only touched
upstreams, the services that use them, and touched routes are built anew; everything else is shared with the old one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any

from . import spec
from .balancing import Balancer, PanicCounts, compile_hash_input
from .balancing.retry_budget import RetryBudget
from .health import Breaker, BreakerBook, OnFlip, PassiveCheck, SlowStartBook, TargetState, joined
from .routing import RouteTable
from .sources import ChangeRow
from .spec import ConnectionRules, PassiveChecks, RetryRules, Route, Service, Target, Upstream
from .upstream.book import AnyPool, PoolBook
from .upstream.dial import Address, PoolRules

KINDS = ("services", "routes", "upstreams", "targets")
NO_UPSTREAM: Upstream = spec.to_spec(
    "upstreams", {**spec.check("upstreams", {"name": "direct"}).values, "id": "direct"}
)
"""The policy of a service that names one host: nothing to balance, no checks."""

MOST_CHECKED = 50  # rows of a batch that are checked once more, at 0.05 to 0.3 ms each
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What a row can raise that passed no check, or the check of another release."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class TargetLink:
    """How requests of one service reach one target."""

    __slots__ = ("host_line", "pool", "prefix")

    def __init__(self, pool: AnyPool, host_line: bytes, prefix: bytes) -> None:
        self.pool = pool
        self.host_line = host_line  # "Host: …" CRLF
        self.prefix = prefix  # the target's own path, put before the request's

    def __repr__(self) -> str:
        return f"<TargetLink {self.pool.address}>"


class ServicePlan:
    """A service, ready to forward."""

    __slots__ = (
        "balancer",
        "base_path",
        "budget",
        "connect_s",
        "hash_input",
        "is_plain",
        "is_single",
        "judge",
        "links",
        "read_s",
        "repeated_statuses",
        "retry",
        "service",
        "times_attempts",
        "total_s",
        "tries",
        "write_s",
    )

    def __init__(
        self,
        service: Service,
        balancer: Balancer,
        links: dict[TargetState, TargetLink],
        flipped: OnFlip,
        budget: RetryBudget | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        """``budget``: of the upstream's further tries, shared by all its services; None: no limit."""
        upstream = balancer.upstream
        self.service = service
        self.balancer = balancer
        self.links = links
        self.is_single = upstream is NO_UPSTREAM  # the service names a host, not an upstream
        self.hash_input = compile_hash_input(upstream) if upstream.algorithm == "consistent-hashing" else None
        self.times_attempts = upstream.algorithm == "latency"
        self.base_path = service.path.encode() if service.path else None
        self._set_times(service, upstream.connections)
        self._set_tries(service, upstream.retry, budget)
        self.is_plain = self.hash_input is None and not self.total_s  # nothing to work out before the first pick
        self.judge = joined(self._passive(upstream.healthchecks.passive, flipped), breaker)  # None: nobody judges

    def _set_times(self, service: Service, rules: ConnectionRules) -> None:
        """The upstream's own times go before the service's."""
        self.connect_s = (rules.connect_timeout or service.connect_timeout) / 1000
        self.write_s = (rules.write_timeout or service.write_timeout) / 1000
        self.read_s = (rules.read_timeout or service.read_timeout) / 1000

    def _set_tries(self, service: Service, rules: RetryRules, budget: RetryBudget | None) -> None:
        self.tries = 1 + service.retries
        self.retry = rules
        self.repeated_statuses = rules.statuses
        self.total_s = rules.total_timeout / 1000  # 0: no limit
        self.budget = budget

    def _passive(self, rule: PassiveChecks, flipped: OnFlip) -> PassiveCheck | None:
        if not rule.is_on:
            return None
        most_s = self.total_s or inf
        return PassiveCheck(rule, flipped, connect_s=min(self.connect_s, most_s), read_s=min(self.read_s, most_s))

    @property
    def uses(self) -> Iterator[tuple[TargetState, AnyPool]]:
        """What the plan holds of the book of pools."""
        return ((state, link.pool) for state, link in self.links.items())

    def __repr__(self) -> str:
        return f"<ServicePlan {self.service.name or self.service.id} → {self.service.host}>"


class Runtime:
    __slots__ = ("balancers", "plans", "table", "version")

    def __init__(
        self, version: int, table: RouteTable, plans: dict[str, ServicePlan], balancers: dict[str, Balancer]
    ) -> None:
        self.version = version
        self.table = table
        self.plans = plans  # by service id
        self.balancers = balancers  # by upstream id

    def __repr__(self) -> str:
        return f"<Runtime version={self.version} services={len(self.plans)}>"


class Compiler:
    """Holds the entities as specs, and makes runtimes of them.

    ``state_of`` gives the observed state of a target, ``pools`` the pool to an address, ``budgets`` the retry budget of
    an upstream, by its id; all three outlive runtimes.
    ``flipped`` is told when traffic took a target out or let it back in; ``panics`` counts.
    """

    def __init__(
        self,
        state_of: Callable[[Target], TargetState],
        pools: PoolBook,
        offset: float = 0.0,
        flipped: OnFlip = lambda state, flip: None,
        budgets: dict[str, RetryBudget] | None = None,
        breakers: BreakerBook | None = None,
        slow_starts: SlowStartBook | None = None,
        panics: PanicCounts | None = None,
    ) -> None:
        self.state_of = state_of
        self.flipped = flipped
        self.offset = offset  # where in a rotation this worker begins, 0 ≤ offset < 1
        self.pools = pools
        self.entities: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self.problems: dict[tuple[str, str], str] = {}
        self.budgets = {} if budgets is None else budgets
        self.breakers = BreakerBook() if breakers is None else breakers
        self.slow_starts = SlowStartBook() if slow_starts is None else slow_starts
        self.panics = panics
        self._targets_of: dict[str, dict[str, Target]] = defaultdict(dict)
        self._upstream_named: dict[str, str] = {}
        self._services_at: dict[str, dict[str, None]] = defaultdict(dict)
        self.runtime = Runtime(0, RouteTable.build((), {}), {}, {})

    def apply(self, version: int, rows: Iterable[ChangeRow]) -> Runtime:
        """The runtime after ``rows``. An entity that cannot be read is left out and stands in ``problems``."""
        touched = Touched()
        rows = list(rows)
        for row in rows:
            self._take(row, touched, is_edit=len(rows) <= MOST_CHECKED)
        balancers = self._build_balancers(touched)
        plans = self._build_plans(touched, balancers)
        self.runtime = Runtime(version, self._build_table(touched), plans, balancers)
        return self.runtime

    def _take(self, row: ChangeRow, touched: Touched, *, is_edit: bool) -> None:
        if row.kind not in self.entities:
            return  # a kind of a newer control plane
        table = self.entities[row.kind]
        old, new = table.get(row.entity_id), self._to_spec(row, is_edit=is_edit)
        if new is None:
            table.pop(row.entity_id, None)
        else:
            table[row.entity_id] = new
        getattr(self, f"_take_{row.kind}")(row.entity_id, old, new, touched)

    def _to_spec(self, row: ChangeRow, *, is_edit: bool) -> Any:
        """Edits are checked once more. A whole configuration is read as it is: it was checked at the door, and checking
        20,000 rows takes seconds; a row of another shape, e.g. of an older release, is checked then all the same."""
        key = (row.kind, row.entity_id)
        self.problems.pop(key, None)
        if row.after is None:
            return None
        if not is_edit:
            try:
                return spec.to_spec(row.kind, row.after)
            except UNREADABLE:
                pass
        return self._checked_spec(row, key)

    def _checked_spec(self, row: ChangeRow, key: tuple[str, str]) -> Any:
        """Fields that this release does not know are left aside, so that an older engine follows a newer database."""
        values, problems = spec.check(row.kind, row.after)
        problems = [problem for problem in problems if problem.code != "unknown"]
        if not problems and "id" in values:
            return spec.to_spec(row.kind, values)
        wrong = "; ".join(f"{problem.field}: {problem.message}" for problem in problems) or "no id"
        self.problems[key] = f"{row.kind} {row.entity_id} cannot be read: {wrong}"
        return None

    def _take_services(self, id: str, old: Service | None, new: Service | None, touched: Touched) -> None:
        touched.services.add(id)
        if old is not None:
            _drop(self._services_at, old.host, id)
        if new is not None:
            self._services_at[new.host][id] = None

    def _take_routes(self, id: str, old: Route | None, new: Route | None, touched: Touched) -> None:
        touched.routes.add(id)

    def _take_upstreams(self, id: str, old: Upstream | None, new: Upstream | None, touched: Touched) -> None:
        touched.upstreams.add(id)
        if old is not None and self._upstream_named.get(old.name) == id:
            del self._upstream_named[old.name]
            touched.hosts.add(old.name)
        if new is not None:
            self._upstream_named[new.name] = id
            touched.hosts.add(new.name)

    def _take_targets(self, id: str, old: Target | None, new: Target | None, touched: Touched) -> None:
        if old is not None:
            _drop(self._targets_of, old.upstream_id, id)
            touched.upstreams.add(old.upstream_id)
        if new is not None:
            self._targets_of[new.upstream_id][id] = new
            touched.upstreams.add(new.upstream_id)

    def _build_balancers(self, touched: Touched) -> dict[str, Balancer]:
        balancers = self.runtime.balancers
        if touched.upstreams:
            balancers = dict(balancers)
        for id in touched.upstreams:
            upstream = self.entities["upstreams"].get(id)
            if upstream is None:
                balancers.pop(id, None)
                self.budgets.pop(id, None)
                self.breakers.forget(id)
                self.slow_starts.forget(id)
                continue
            touched.hosts.add(upstream.name)
            try:
                balancers[id] = self._balancer(upstream, balancers.get(id))
                self.breakers.adopt(upstream, balancers[id].states)
                self.slow_starts.adopt(upstream, balancers[id].states)
                self.problems.pop(("upstreams", id), None)
            except UNREADABLE as error:
                balancers.pop(id, None)
                self._isolate("upstreams", id, error)
        return balancers

    def _balancer(self, upstream: Upstream, previous: Balancer | None) -> Balancer:
        targets = sorted(self._targets_of.get(upstream.id, {}).values(), key=lambda target: target.id)
        return Balancer(upstream, targets, self.state_of, previous=previous, offset=self.offset, panics=self.panics)

    def _isolate(self, kind: str, id: str, error: Exception) -> None:
        self.problems[kind, id] = f"{kind} {id} cannot be used: {type(error).__name__}: {error}"

    def _build_plans(self, touched: Touched, balancers: dict[str, Balancer]) -> dict[str, ServicePlan]:
        for host in touched.hosts:
            touched.services.update(self._services_at.get(host, ()))
        plans = self.runtime.plans
        if touched.services:
            plans = dict(plans)
        for id in touched.services:
            service, before = self.entities["services"].get(id), plans.pop(id, None)
            if service is not None:
                try:
                    plans[id] = self._plan(service, balancers)
                    self.problems.pop(("services", id), None)  # of its upstream, which is right now
                except UNREADABLE as error:
                    self._isolate("services", id, error)
            if before is not None:
                self.pools.release(before.uses)
        return plans

    def _plan(self, service: Service, balancers: dict[str, Balancer]) -> ServicePlan:
        upstream_id = self._upstream_named.get(service.host)
        balancer = balancers.get(upstream_id) if upstream_id else None
        if balancer is None:
            balancer = Balancer(NO_UPSTREAM, [single_target(service)], self.state_of)
        budget, breaker = self._budget(balancer.upstream), self.breakers.get(balancer.upstream.id)
        links: dict[TargetState, TargetLink] = {}
        try:
            self._link_all(links, service, balancer)
            return ServicePlan(service, balancer, links, self.flipped, budget, breaker)
        except Exception:  # no plan comes of it that would release them
            self.pools.release((state, link.pool) for state, link in links.items())
            raise

    def _link_all(self, links: dict[TargetState, TargetLink], service: Service, balancer: Balancer) -> None:
        rules = PoolRules.of(balancer.upstream.connections)
        for state in balancer.states:
            links[state] = self._link(service, balancer.upstream, state, rules)

    def _budget(self, upstream: Upstream) -> RetryBudget | None:
        """The one there is, if there is one: its count goes on under new rules."""
        if not upstream.retry.budget:
            return None
        budget = self.budgets.setdefault(upstream.id, RetryBudget(upstream.retry))
        budget.rules = upstream.retry
        return budget

    def _link(self, service: Service, upstream: Upstream, state: TargetState, rules: PoolRules) -> TargetLink:
        target = state.target
        scheme = target.scheme or service.protocol
        header = upstream.host_header
        name, port = spec.split_host_port(header) if header else (target.host, None)
        host = header or _bracketed(name)
        if port is None and target.port != DEFAULT_PORTS.get(scheme):
            host = f"{host}:{target.port}"
        is_tls = scheme == "https"
        address = Address(target.host, target.port, name if is_tls else "", bool(service.tls_verify) and is_tls)
        prefix = (target.path or "").rstrip("/").encode()
        return TargetLink(self.pools.acquire(address, rules, state), b"Host: %b\r\n" % host.encode(), prefix)

    def _build_table(self, touched: Touched) -> RouteTable:
        services, routes = self.entities["services"], self.entities["routes"]
        if not touched.routes and not touched.services:
            return self.runtime.table
        upserts = [routes[id] for id in touched.routes if id in routes]
        removed = [id for id in touched.routes if id not in routes]
        return self.runtime.table.with_changes(upserts, removed, services if touched.services else None)


class Touched:
    """What a batch of rows concerns."""

    __slots__ = ("hosts", "routes", "services", "upstreams")

    def __init__(self) -> None:
        self.services: set[str] = set()
        self.routes: set[str] = set()
        self.upstreams: set[str] = set()
        self.hosts: set[str] = set()  # names of upstreams that came, went or changed


def single_target(service: Service) -> Target:
    """A service whose host is no upstream: one target, made up from the service itself."""
    host = service.host.removeprefix("[").removesuffix("]")
    address = f"{_bracketed(host)}:{service.port}"
    return Target(
        id=f"direct:{address}",
        upstream_id="",
        target=address,
        host=host,
        port=service.port,
        weight=100,
        enabled=True,
        priority=0,
        scheme=None,
        path=None,
        tags=(),
    )


def _drop(groups: dict[str, dict[str, Any]], group: str, id: str) -> None:
    """Takes ``id`` out of its group. The last one takes the group along: names come and go for ever."""
    groups[group].pop(id, None)
    if not groups[group]:
        del groups[group]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
