"""A pool to a name: one pool for each address that the DNS gives, behind the interface of one.

Each request takes the next address, so that all get the same share, as in Kong. An address that refuses is passed over
for a while, and the same attempt goes on with the next one: a dead address costs one connection in ``SHUN_S``, and no
request. When the answer changes, pools of addresses that are gone retire and new ones join from the next request on.
The TLS identity is the name's, whatever the address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from proxy_engine.errors import FailureKind
from proxy_engine.health.passive import concerns_target
from proxy_engine.http.reply import NAME_RESOLUTION
from proxy_engine.net.dns import Resolver

from .connection import UpstreamConnection
from .dial import Address, PoolRules
from .pool import ConnectionSink, Counts, Opening, Pool

if TYPE_CHECKING:
    import asyncio

    from proxy_engine.health import TargetState

SHUN_S = 10.0  # without a connection being tried, after one failed, while other addresses are left; nginx: 10


class NamedPool:
    __slots__ = (
        "_at",
        "_gone",
        "_is_retired",
        "_is_watching",
        "_leaves",
        "_make",
        "_parting",
        "_resolver",
        "_shunned",
        "_states",
        "_turn",
        "_under_way",
        "address",
        "loop",
        "name",
        "rules",
    )

    def __init__(
        self,
        address: Address,
        rules: PoolRules,
        loop: asyncio.AbstractEventLoop,
        resolver: Resolver,
        make: Callable[[Address, PoolRules], Pool],
    ) -> None:
        """``make`` makes the pool to one of the addresses."""
        self.address = address
        self.rules = rules
        self.loop = loop
        self._resolver = resolver
        self._make = make
        self._is_retired = False
        self._leaves: dict[str, Pool] = {}  # by address
        self._turn: list[Pool] = []  # those that are used in turn
        self._at = -1  # whose turn it was last
        self._shunned: dict[Pool, float] = {}  # until when
        self._parting: list[Pool] = []  # retired, not yet empty
        self._gone = Counts()  # of those that are
        self._states: Counter[TargetState] = Counter()
        self._under_way: set[NamedOpening] = set()
        self._is_watching = False
        self._watch()
        self.resolved()

    def __repr__(self) -> str:
        return f"<NamedPool {self.address} {', '.join(self._leaves) or 'no address'}>"

    # -- for an exchange --------------------------------------------------------

    def take(self) -> UpstreamConnection | None:
        turn = self._turn
        if not turn:
            return None
        at = self._at + 1
        if at >= len(turn):
            at = 0
        self._at = at
        return turn[at].take()

    def open(self, sink: ConnectionSink) -> Opening | NamedOpening:
        """To the address whose turn it was in ``take``, and failing that to the others."""
        if len(self._leaves) == 1:
            return self._turn[0].open(sink)
        opening = NamedOpening(self, sink)
        self._under_way.add(opening)
        if self._leaves:
            opening.begin()
        else:
            self._await_name(opening)
        return opening

    def _await_name(self, opening: NamedOpening) -> None:
        self._watch()
        if self.name.is_known:
            # Not at once: who asked does not hold the opening yet that is to fail.
            self.loop.call_soon(opening.resolved)
        else:
            self._resolver.hurry(self.name)

    # -- for its openings -------------------------------------------------------

    @property
    def has_addresses(self) -> bool:
        return bool(self._leaves)

    def in_order(self) -> list[Pool]:
        """All pools, last the one whose turn it is, first those that one would rather not ask."""
        turn, at = self._turn, max(self._at, 0)
        rest = [leaf for leaf in self._leaves.values() if leaf not in turn]
        return [*rest, *reversed(turn[at:] + turn[:at])]

    def shun(self, leaf: Pool) -> None:
        if self._leaves.get(leaf.address.host) is leaf:
            self._shunned[leaf] = self.loop.time() + SHUN_S
            self._take_turns()

    def ended(self, opening: NamedOpening) -> None:
        self._under_way.discard(opening)
        if self._is_retired:
            self._unwatch()

    # -- for the resolver -------------------------------------------------------

    def resolved(self) -> None:
        addresses = self.name.addresses
        for gone in self._leaves.keys() - set(addresses):
            self._part_with(self._leaves.pop(gone))
        leaves = self._leaves
        self._leaves = {address: leaves.get(address) or self._leaf(address) for address in addresses}
        self._take_turns()
        for state in self._states:
            self._tell(state)
        if self.name.is_known:
            for number, opening in enumerate(tuple(self._under_way)):
                self._at = number % max(len(self._turn), 1)
                opening.resolved()

    def _leaf(self, host: str) -> Pool:
        leaf = self._make(self.address._replace(host=host), self.rules)
        if self._is_retired:
            leaf.retire()
        return leaf

    def _part_with(self, leaf: Pool) -> None:
        leaf.retire()
        self._shunned.pop(leaf, None)
        self._parting.append(leaf)

    def _take_turns(self) -> None:
        leaves = self._leaves.values()
        self._turn = [leaf for leaf in leaves if leaf not in self._shunned] or list(leaves)

    def _tell(self, state: TargetState) -> None:
        """How many addresses its name has. A name whose first answer is awaited may well have one; a service's own
        host, which has no other target beside it, is tried in any case, to say what is wrong."""
        is_hopeful = not self.name.is_known or not state.target.upstream_id
        state.addresses = len(self._leaves) or int(is_hopeful)

    # -- for its book -----------------------------------------------------------

    def attach(self, state: TargetState) -> None:
        """The target behind ``state`` is reached through this pool, and hears how many addresses it has."""
        self._states[state] += 1
        self._tell(state)

    def detach(self, state: TargetState) -> None:
        self._states[state] -= 1
        if not self._states[state]:
            del self._states[state]

    @property
    def states(self) -> Iterable[TargetState]:
        """Of the targets that are reached through it."""
        return self._states.keys()

    def sweep(self, now: float) -> None:
        for leaf in self._pools:
            leaf.sweep(now)
        empty = [leaf for leaf in self._parting if leaf.is_empty]
        if empty:
            self._gone = sum((leaf.counts for leaf in empty), self._gone)
            self._parting = [leaf for leaf in self._parting if leaf not in empty]
        if self._shunned:
            self._shunned = {leaf: until for leaf, until in self._shunned.items() if until > now}
            self._take_turns()

    def retire(self) -> None:
        """As of a pool. An exchange that waits for the name gets its connection."""
        self._is_retired = True
        for leaf in self._leaves.values():
            leaf.retire()
        self._unwatch()

    def _watch(self) -> None:
        """It may have retired before: an exchange that goes on under the configuration it began with still asks it."""
        if not self._is_watching:
            self._is_watching = True
            self.name = self._resolver.watch(self.address.host, self)

    def _unwatch(self) -> None:
        if self._is_watching and not self._under_way:
            self._is_watching = False
            self._resolver.unwatch(self.name, self)

    @property
    def _pools(self) -> list[Pool]:
        return [*self._leaves.values(), *self._parting]

    @property
    def connections(self) -> set[UpstreamConnection]:
        return {connection for leaf in self._pools for connection in leaf.connections}

    @property
    def openings(self) -> set[Opening | NamedOpening]:
        return self._under_way.union(*(leaf.openings for leaf in self._pools))

    @property
    def is_empty(self) -> bool:
        return not self._under_way and all(leaf.is_empty for leaf in self._pools)

    def dns_facts(self, now: float) -> dict[str, Any]:
        """``expiresIn``: s until the addresses are asked for anew; below 0 they serve on while no answer can be had."""
        name = self.name
        return {
            "addresses": list(name.addresses),
            "expiresIn": round(name.expires - now, 1) if name.addresses else None,
            "dnsProblem": name.problem,
        }

    @property
    def counts(self) -> Counts:
        return sum((leaf.counts for leaf in self._pools), self._gone)


class NamedOpening:
    """A connection under way to one address after the other; towards their pools it is the sink."""

    __slots__ = ("_left", "inner", "pool", "sink")

    def __init__(self, pool: NamedPool, sink: ConnectionSink) -> None:
        self.pool = pool
        self.sink: ConnectionSink | None = sink
        self.inner: Opening | None = None
        self._left: list[Pool] = []  # to be tried, from the end on

    def resolved(self) -> None:
        """The name's addresses are known, if it has any."""
        if self.inner is not None or self.sink is None:
            return
        if self.pool.has_addresses:
            self.begin()
        else:
            self._fail(FailureKind.CONNECT, NAME_RESOLUTION)

    def begin(self) -> None:
        self._left = self.pool.in_order()
        self.inner = self._left.pop().open(self)

    def connected(self, connection: UpstreamConnection) -> None:
        self._end().connected(connection)

    def attempt_failed(self, kind: FailureKind, detail: str) -> None:
        if concerns_target(kind, detail):  # and not our want of files or ports
            self.pool.shun(self.inner.pool)
        if self._left:
            self._next()
        else:
            self._fail(kind, detail)

    def cancel(self) -> None:
        self._end()
        if self.inner is not None:
            if self.inner.is_slow:
                self.pool.shun(self.inner.pool)
            self.inner.cancel()

    def _next(self) -> None:
        leaf = self._left.pop()
        pooled = leaf.take()
        if pooled is not None:
            self.connected(pooled)
        else:
            self.inner = leaf.open(self)

    def _fail(self, kind: FailureKind, detail: str) -> None:
        self._end().attempt_failed(kind, detail)

    def _end(self) -> ConnectionSink:
        sink, self.sink = self.sink, None
        self.pool.ended(self)
        return sink
