"""One worker's engine: the configuration it runs, the states and pools that outlive configurations, its clients.

Single-threaded: everything happens in event-loop callbacks, so a swap of ``runtime`` falls between two of them.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .health import BreakerBook, Circuit, Flip, SlowStartBook, TargetState, cause_of
from .http.date import DateLine
from .net import files
from .net.dns import Resolver
from .net.literal import is_address
from .net.lookup import CaresLookup
from .net.reset import is_reset
from .net.splice import Splice
from .proxy.respond import ResponseLines
from .runtime import Compiler, Runtime, ServicePlan
from .server.door import Door
from .settings import EngineSettings
from .sources import ChangeRow, HealthFact, HealthFlip, Snapshot
from .spec import Target
from .telemetry.access_log import AccessLog
from .telemetry.counters import Counters
from .telemetry.problems import ProblemLog
from .telemetry.request_id import id_lines
from .upstream.book import AnyPool, PoolBook
from .upstream.dial import Address, PoolRules, tls_context
from .upstream.facts import connection_facts
from .upstream.named import NamedPool
from .upstream.pool import Pool

if TYPE_CHECKING:
    from proxy_engine.balancing.retry_budget import RetryBudget
    from proxy_engine.health import Ramp
    from proxy_engine.proxy.tunnel import Tunnel
    from proxy_engine.server.client import ClientConnection

HELD_UP_S = 0.5  # a sweep that comes so late was not only busy
MOST_REPORTED = 100  # ejected targets, or entities left out, by each worker: a report is stored every other second
SWEEP_S = 0.1  # how late a timeout may strike; 5,000 idle connections cost 0.3 ms a sweep
REST_EVERY = 10  # sweeps
REST_AFTER_S = 2.0  # idle time after which a connection keeps nothing but itself
# With many connections what they keep for a next request adds up, and the heap does not shrink again.
MANY_CLIENTS = 1000
REST_AMONG_MANY_S = 0.2


class Engine:
    def __init__(
        self,
        settings: EngineSettings,
        loop: asyncio.AbstractEventLoop,
        offset: float = 0.0,
        on_flip: Callable[[HealthFlip], None] = lambda flip: None,
    ) -> None:
        """``offset``: where in a rotation over targets this worker begins, 0 ≤ offset < 1.

        ``on_flip`` is told what passive checks did; here it has taken effect already.
        """
        self.settings = settings
        self.on_flip = on_flip
        self.offset = offset
        self.limits = settings.limits
        self.loop = loop
        self.clients: set[ClientConnection | Tunnel] = set()
        self.half_closed: set[ClientConnection] = set()  # of them: those that will send nothing more
        self._all_gone = asyncio.Event()
        self.counters = Counters()
        self.problems = ProblemLog()
        self.access_log: AccessLog | None = None  # who runs the engine opens and closes it
        self.id_lines = id_lines()
        self.response_lines = ResponseLines(settings.response_headers, DateLine())
        self.splice = Splice()
        self.now = loop.time() + SWEEP_S  # a coarse clock, never slow: deadlines made of it do not strike early
        self.is_draining = False
        self.is_configured = False
        self._states: dict[str, TargetState] = {}
        self._direct: WeakValueDictionary[str, TargetState] = WeakValueDictionary()  # of hosts that services name
        self._facts: dict[str, HealthFact] = {}
        self._contexts: dict[bool, object] = {}
        self._sweeps = 0
        self.door = Door(self.limits, files.limit())
        self.trusts = lru_cache(maxsize=4096)(self._trusts)
        self._lookup = CaresLookup(loop, settings.dns_servers, settings.dns_order)
        self.resolver = Resolver(self._lookup, loop.call_soon, loop.time())
        self.pools = PoolBook(self._make_pool)
        self.breakers = BreakerBook(lambda: self.now)
        self.slow_starts = SlowStartBook(lambda: self.now)
        self._draining: dict[str, TargetState] = {}
        self.compiler = self._compiler({})
        self.runtime = self.compiler.runtime

    def __repr__(self) -> str:
        return f"<Engine version={self.runtime.version} clients={len(self.clients)}>"

    # -- configuration ----------------------------------------------------------

    def load(self, snapshot: Snapshot) -> None:
        """Take a whole configuration. States of targets that stay are kept."""
        plans_before = self.runtime.plans.values()
        self._facts = {fact.target_id: fact for fact in snapshot.health}
        self.compiler = self._compiler(self.compiler.budgets)
        rows = [
            ChangeRow(snapshot.version, kind, values["id"], values)
            for kind, entities in snapshot.entities.items()
            for values in entities
        ]
        self.apply(snapshot.version, rows)
        self._keep_states()
        self.breakers.keep(self.runtime.balancers)
        self.slow_starts.keep(self.runtime.balancers)
        for plan in plans_before:
            self.pools.release(plan.uses)
        self._set_all_health()
        self.is_configured = True
        gc.collect()
        gc.freeze()

    def _compiler(self, budgets: dict[str, RetryBudget]) -> Compiler:
        return Compiler(
            self._state_of,
            self.pools,
            self.offset,
            self._flipped,
            budgets,
            self.breakers,
            self.slow_starts,
            self.counters,
        )

    def apply(self, version: int, rows: Iterable[ChangeRow]) -> None:
        """Take edits. Exchanges under way finish with the configuration they began with."""
        rows = list(rows)
        before, self.runtime = self.runtime, self.compiler.apply(version, rows)
        for row in rows:
            if row.kind == "targets":
                self._note_drain(row.entity_id)
                if row.after is None:
                    self._states.pop(row.entity_id, None)
                    self._facts.pop(row.entity_id, None)
            elif row.kind == "upstreams":
                self._recount(row.entity_id, before)

    def _note_drain(self, target_id: str) -> None:
        target, state = self.compiler.entities["targets"].get(target_id), self._states.get(target_id)
        if target is None or target.drain is None or state is None:
            self._draining.pop(target_id, None)
        else:
            self._draining[target_id] = state

    def _recount(self, upstream_id: str, before: Runtime) -> None:
        """Other passive checks than before: what was counted for them counts no longer."""
        old, new = before.balancers.get(upstream_id), self.runtime.balancers.get(upstream_id)
        if old and new and old.upstream.healthchecks.passive != new.upstream.healthchecks.passive:
            for state in new.states:
                state.count_anew()

    # -- health -----------------------------------------------------------------

    def set_health(self, facts: Iterable[HealthFact]) -> None:
        """What others found. Our own flips come back from the control plane: they must not end a count begun since."""
        for fact in facts:
            known = self._facts.get(fact.target_id)
            self._facts[fact.target_id] = fact
            state = self._states.get(fact.target_id)
            if state is not None and not fact.repeats(known):
                state.mark(fact.healthy)
                if fact.healthy:
                    self.breakers.vouch_for(state)

    def _set_all_health(self) -> None:
        for id, state in self._states.items():
            fact = self._facts.get(id)
            healthy = fact.healthy if fact is not None else True
            if healthy != state.healthy:
                state.mark(healthy)

    def _flipped(self, state: TargetState, flip: Flip) -> None:
        """Traffic took a target out, or let it back in."""
        target = state.target
        if self._states.get(target.id) is not state:
            return  # an exchange that outlived its target
        state.healthy = flip.healthy
        found = HealthFlip(target.id, target.upstream_id, target.target, flip.healthy, cause_of(flip), flip.at)
        self._facts[target.id] = found.fact
        self.on_flip(found)

    def entity_problems(self) -> list[str]:
        """Entities that are left out, in words; the first ``MOST_REPORTED`` of them."""
        routes = (f"route {id}: {message}" for id, message in self.runtime.table.problems)
        found = [*self.compiler.problems.values(), *routes]
        more = len(found) - MOST_REPORTED
        return [*found[:MOST_REPORTED], f"and {more} further entities that are left out"] if more > 0 else found

    def _state_of(self, target: Target) -> TargetState:
        """The balancer that asks hands the state its new spec."""
        if not target.upstream_id:  # it lives as long as a service, or an exchange of one, holds it
            return self._direct.setdefault(target.id, TargetState(target))
        state = self._states.get(target.id)
        if state is None:
            fact = self._facts.get(target.id)
            healthy = fact.healthy if fact is not None else True
            state = self._states[target.id] = TargetState(target, healthy=healthy)
        return state

    def _keep_states(self) -> None:
        used = self.compiler.entities["targets"]
        self._states = {id: state for id, state in self._states.items() if id in used}
        self._draining = {id: state for id, state in self._draining.items() if id in used}
        for id in self.compiler.budgets.keys() - self.compiler.entities["upstreams"].keys():
            del self.compiler.budgets[id]

    def _make_pool(self, address: Address, rules: PoolRules) -> Pool | NamedPool:
        if is_address(address.host):
            return self._make_plain_pool(address, rules)
        return NamedPool(address, rules, self.loop, self.resolver, self._make_plain_pool)

    def _make_plain_pool(self, address: Address, rules: PoolRules) -> Pool:
        """To an address, not a name."""
        context = None
        if address.server_name:
            if address.verify not in self._contexts:
                self._contexts[address.verify] = tls_context(address.verify)
            context = self._contexts[address.verify]
        return Pool(address, rules, self.loop, context)

    def target_facts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What this worker observes of each target, by its id, for the status listener. One by one: for 10,000 it takes
        0.1 s, and who asks can let requests go in between."""
        runtime = self.runtime
        plans: dict[str, list[ServicePlan]] = defaultdict(list)  # by upstream, or by the one target
        for plan in runtime.plans.values():
            plans[plan.balancer.states[0].target.id if plan.is_single else plan.balancer.upstream.id].append(plan)
        direct = [(id, state) for id, state in self._direct.items() if id in plans]  # and not held by an idle client
        for id, state in [*self._states.items(), *direct]:
            of_target = plans.get(state.target.upstream_id or id, ())
            pools = {plan.links[state].pool for plan in of_target if state in plan.links}
            yield id, self._target_fact(state, runtime, pools)

    def _target_fact(self, state: TargetState, runtime: Runtime, pools: set[AnyPool]) -> dict[str, Any]:
        balancer = runtime.balancers.get(state.target.upstream_id)
        circuit, ramp = self.breakers.circuit_of(state), self.slow_starts.ramp_of(state)
        return {
            "target": state.target.target,
            "ready": state.ready,
            "healthy": state.healthy,
            "obstacles": list(state.obstacles),
            # What else decides on its part: tiers, or that all are used.
            "remark": balancer.remark(state) if balancer else "",
            "circuit": self._circuit_fact(circuit) if circuit else None,  # None: no breaker watches it
            "slowStart": self._ramp_fact(state, ramp) if ramp else None,  # None: it has its full share
            "active": state.active,
            "requests": state.requests,
            "failures": state.failures,
            "connections": connection_facts(pools, self.loop.time()) if pools else None,  # None: no service leads to it
        }

    def _circuit_fact(self, circuit: Circuit) -> dict[str, Any]:
        """Times as unix seconds. ``until`` while it is open, ``cause`` while it is not closed."""
        unix = time.time() - self.loop.time()
        return {
            "state": circuit.phase.value,
            "since": unix + circuit.since,
            "until": circuit.until and unix + circuit.until,
            "cause": circuit.cause,
        }

    def _ramp_fact(self, state: TargetState, ramp: Ramp) -> dict[str, Any]:
        return {"percent": state.part, "until": time.time() - self.loop.time() + ramp.until}

    def ramping(self) -> list[dict[str, Any]]:
        """The targets that start slowly, for the report; at most ``MOST_REPORTED``."""
        return [
            {"target_id": state.target.id, **self._ramp_fact(state, ramp)}
            for state, ramp in islice(self.slow_starts, MOST_REPORTED)
        ]

    def draining(self) -> list[dict[str, Any]]:
        """The targets that drain, and how many attempts at each are in flight here; at most ``MOST_REPORTED``."""
        return [
            {"target_id": id, "active": state.active} for id, state in islice(self._draining.items(), MOST_REPORTED)
        ]

    def ejected(self) -> list[dict[str, Any]]:
        """The targets that circuit breakers keep out now, for the report; at most ``MOST_REPORTED``."""
        return [
            {"target_id": circuit.state.target.id, **self._circuit_fact(circuit)}
            for circuit in islice(self.breakers.out(), MOST_REPORTED)
        ]

    def unresolved(self) -> list[dict[str, Any]]:
        """The targets whose names have no address, for the report; at most ``MOST_REPORTED``."""
        lost = (
            {"target_id": state.target.id, "cause": name.problem}
            for name in self.resolver.without_addresses()
            for pool in name.watchers
            for state in pool.states
            if state.target.upstream_id
        )
        return list(islice(lost, MOST_REPORTED))

    def _trusts(self, address: str) -> bool:
        networks = self.settings.trusted_ips
        return bool(networks) and any(ipaddress.ip_address(address) in network for network in networks)

    # -- time -------------------------------------------------------------------

    async def sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now = self.loop.time()
            self._excuse(now - self.now)
            self.sweep(now)

    def _excuse(self, late: float) -> None:
        """A worker that was held up, by a large configuration say, does not blame its peers for the time."""
        if late > HELD_UP_S:
            for client in self.clients:
                client.deadline += late

    def sweep(self, now: float) -> None:
        self.now = now + SWEEP_S
        self.breakers.sweep(self.now)
        self.slow_starts.sweep(self.now)
        for client in [client for client in self.clients if client.deadline < now]:
            self._strike(client, client.deadline_passed)
        if self._sweeps % REST_EVERY == 0:
            self._look_around(now)
        if len(self.clients) > MANY_CLIENTS:
            self._let_rest(now, REST_AMONG_MANY_S)
        self._sweeps += 1
        if self.access_log is not None:
            self.access_log.flush()
        self.resolver.sweep(now)
        self.pools.sweep(now)

    def _look_around(self, now: float) -> None:
        """Once a second: who is too slow, and who is at rest."""
        for client in [client for client in self.clients if client.lags(now)]:
            self._strike(client, client.give_up)
        self._let_rest(now, REST_AFTER_S)
        for client in [client for client in self.half_closed if is_reset(client.transport)]:
            client.transport.abort()

    def _let_rest(self, now: float, after_s: float) -> None:
        rested = now + self.limits.keep_alive_s - after_s
        for client in self.clients:
            if client.deadline < rested:
                client.rest()

    def _strike(self, client: ClientConnection | Tunnel, strike: Callable[[], None]) -> None:
        try:
            strike()
        except Exception as error:  # noqa: BLE001 - a defect met by one connection must not end the worker with all others
            self.loop.call_exception_handler({"message": f"{client!r} at its deadline", "exception": error})
            client.cut()

    # -- clients ----------------------------------------------------------------

    def welcome(self, client: ClientConnection | Tunnel) -> None:
        self.clients.add(client)

    def farewell(self, client: ClientConnection | Tunnel) -> None:
        self.clients.discard(client)
        self.half_closed.discard(client)
        if client.place:
            self.door.leave(client.place)
            client.place = b""
        if self.is_draining and not self.clients:
            self._all_gone.set()

    # -- end --------------------------------------------------------------------

    async def drain(self) -> int:
        """Finish what is under way, for at most ``drain_s``. Returns how many connections had to be cut."""
        self.is_draining = True
        for client in list(self.clients):
            client.drain()
        if self.clients:
            try:
                async with asyncio.timeout(self.settings.drain_s):
                    await self._all_gone.wait()
            except TimeoutError:
                pass
        cut = len(self.clients)
        for client in list(self.clients):
            client.cut()
        self.close()
        return cut

    def close(self) -> None:
        """No name is asked for any more: the thread that does would else speak to an event loop that is gone."""
        self.resolver.close()
        self._lookup.close()
        self.splice.close()
