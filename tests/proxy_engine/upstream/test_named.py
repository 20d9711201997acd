"""A name with several addresses: all are used alike, the dead ones cost little, and changes lose nothing."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import Counter

import pytest

from proxy_engine.errors import FailureKind
from proxy_engine.health import TargetState
from proxy_engine.net.dns import NEGATIVE_S, Resolver
from proxy_engine.upstream.dial import Address
from proxy_engine.upstream.named import SHUN_S, NamedPool
from proxy_engine.upstream.pool import SLOW_S, Pool
from tests.proxy_engine.builders import a_target
from tests.proxy_engine.support.dns import ScriptedLookup
from tests.proxy_engine.support.transports import FakeTransport
from tests.proxy_engine.support.waiting import until

from .builders import pool_rules
from .test_pool import Waiting


class Net:
    """An event loop's clock and its way out: to each host as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.refusing: set[str] = set()
        self.hanging: set[str] = set()
        self.wanting = False  # as without file descriptors
        self.dialled: list[str] = []
        self.call_soon = asyncio.get_running_loop().call_soon
        self.create_task = asyncio.get_running_loop().create_task

    def time(self) -> float:
        return self.now

    async def create_connection(self, make, host, port, **options):
        self.dialled.append(host)
        if self.wanting:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if host in self.hanging:
            await asyncio.Event().wait()
        if host in self.refusing:
            raise ConnectionRefusedError(111, "Connection refused")
        connection = make()
        connection.connection_made(FakeTransport())
        return connection.transport, connection


class Bench:
    def __init__(self) -> None:
        self.net = Net()
        self.lookup = ScriptedLookup()
        self.resolver = Resolver(self.lookup, self.net.call_soon, self.net.now)
        self.pool = self.a_pool()

    def a_pool(self, server_name: str = "") -> NamedPool:
        address = Address("a.test", 80, server_name, bool(server_name))
        return NamedPool(address, pool_rules(), self.net, self.resolver, self._leaf)

    def _leaf(self, address, rules) -> Pool:
        return Pool(address, rules, self.net, None)

    async def resolve(self, *addresses: str) -> None:
        await until(lambda: self.lookup.asked)
        self.lookup.answer(*addresses, ttl=30)

    async def resolve_anew(self, *addresses: str) -> None:
        self.pass_time(31)
        await self.resolve(*addresses)

    def pass_time(self, seconds: float) -> None:
        self.net.now += seconds
        self.resolver.sweep(self.net.now)
        self.pool.sweep(self.net.now)

    def ask(self, pool: NamedPool | None = None) -> Waiting:
        """As an exchange does."""
        pool = pool or self.pool
        waiting = Waiting()
        waiting.connection = pool.take()
        if waiting.connection is None:
            waiting.opening = pool.open(waiting)
        return waiting

    async def connect(self) -> Waiting:
        waiting = self.ask()
        await until(lambda: waiting.is_told)
        return waiting

    async def use(self, times: int) -> Counter[str]:
        """As many requests one after the other, by host."""
        hosts: Counter[str] = Counter()
        for _ in range(times):
            waiting = await self.connect()
            leaf = waiting.connection.pool
            hosts[leaf.address.host] += 1
            leaf.give_back(waiting.connection)
        return hosts


@pytest.fixture
async def bench() -> Bench:
    return Bench()


class TestTurns:
    async def test_all_addresses_are_used_alike(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2", "10.0.0.3")

        assert await bench.use(30) == {"10.0.0.1": 10, "10.0.0.2": 10, "10.0.0.3": 10}
        assert bench.pool.counts.opened == 3
        assert bench.pool.counts.reused == 27

    async def test_a_single_address_has_them_all(self, bench):
        await bench.resolve("10.0.0.1")

        assert await bench.use(3) == {"10.0.0.1": 3}

    async def test_the_identity_stays_the_names(self, bench):
        pool = bench.a_pool("a.test")
        await bench.resolve("10.0.0.1", "10.0.0.2")
        waiting = bench.ask(pool)
        await until(lambda: waiting.is_told)

        assert waiting.connection.pool.address in (
            Address("10.0.0.1", 80, "a.test", True),
            Address("10.0.0.2", 80, "a.test", True),
        )


class TestBeforeTheFirstAnswer:
    async def test_a_request_waits_and_the_name_does_not(self):
        bench = Bench()
        assert bench.lookup.names == [], "its turn comes"
        waiting = bench.ask()
        assert bench.lookup.names == ["a.test"]
        await bench.resolve("10.0.0.1", "10.0.0.2")
        await until(lambda: waiting.is_told)

        assert waiting.connection is not None
        assert not bench.pool.openings

    async def test_those_that_waited_share_the_addresses(self, bench):
        waiting = [bench.ask() for _ in range(4)]
        await bench.resolve("10.0.0.1", "10.0.0.2")
        await until(lambda: all(each.is_told for each in waiting))

        hosts = Counter(each.connection.pool.address.host for each in waiting)
        assert hosts == {"10.0.0.1": 2, "10.0.0.2": 2}

    async def test_it_hears_when_there_is_no_address(self, bench):
        waiting = bench.ask()
        await bench.resolve()
        await until(lambda: waiting.is_told)

        assert waiting.failure == (FailureKind.CONNECT, "name resolution failed")
        assert not bench.pool.openings

    async def test_it_may_lose_interest(self, bench):
        waiting = bench.ask()
        waiting.opening.cancel()
        await bench.resolve("10.0.0.1")
        await asyncio.sleep(0)

        assert not waiting.is_told
        assert bench.pool.is_empty
        assert bench.net.dialled == []

    async def test_a_retired_pool_still_serves_it(self, bench):
        waiting = bench.ask()
        bench.pool.retire()
        await bench.resolve("10.0.0.1")
        await until(lambda: waiting.is_told)
        connection = waiting.connection
        connection.pool.give_back(connection)

        assert connection.transport.was_closed
        assert len(bench.resolver) == 0


async def test_a_name_known_not_to_resolve_fails_after_the_opening_is_at_hand(bench):
    await bench.resolve()
    waiting = bench.ask()
    assert not waiting.is_told
    await until(lambda: waiting.is_told)

    assert waiting.failure == (FailureKind.CONNECT, "name resolution failed")


class TestDeadAddresses:
    async def test_the_same_attempt_goes_on_with_the_next(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.net.refusing = {"10.0.0.1"}

        assert await bench.use(4) == {"10.0.0.2": 4}

    async def test_it_is_left_alone_for_a_while(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.net.refusing = {"10.0.0.1"}
        await bench.use(10)
        assert Counter(bench.net.dialled) == {"10.0.0.1": 1, "10.0.0.2": 1}
        bench.pass_time(SHUN_S + 1)
        await bench.use(10)

        assert Counter(bench.net.dialled) == {"10.0.0.1": 2, "10.0.0.2": 1}

    async def test_it_comes_back(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.net.refusing = {"10.0.0.1"}
        await bench.use(2)
        bench.net.refusing = set()
        bench.pass_time(SHUN_S + 1)

        assert await bench.use(10) == {"10.0.0.1": 5, "10.0.0.2": 5}

    async def test_when_all_are_dead_the_attempt_fails_after_each_was_tried(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2", "10.0.0.3")
        bench.net.refusing = {"10.0.0.1", "10.0.0.2", "10.0.0.3"}

        for _ in range(2):
            waiting = await bench.connect()
            assert waiting.failure == (FailureKind.CONNECT, "connection refused")
        assert Counter(bench.net.dialled) == dict.fromkeys(bench.net.refusing, 2)
        assert bench.pool.counts.failed == 6

    async def test_those_left_alone_are_tried_when_no_other_works(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.net.refusing = {"10.0.0.1"}
        (await bench.connect()).connection.transport.abort()
        bench.net.refusing = {"10.0.0.2"}

        assert (await bench.connect()).connection.pool.address.host == "10.0.0.1"

    async def test_our_own_want_of_files_is_not_held_against_it(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.net.wanting = True
        for _ in range(2):
            assert (await bench.connect()).failure == (FailureKind.CONNECT, os.strerror(errno.EMFILE))
        bench.net.wanting = False

        assert not bench.pool._shunned

    async def test_one_that_was_given_up_as_too_slow_is_left_alone(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.net.hanging = {"10.0.0.1"}
        waiting = bench.ask()
        await until(lambda: bench.net.dialled)
        bench.net.now += SLOW_S
        waiting.opening.cancel()

        assert await bench.use(4) == {"10.0.0.2": 4}
        assert bench.pool.counts.failed == 1

    async def test_a_client_that_leaves_at_once_proves_nothing(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.ask().opening.cancel()
        await until(lambda: bench.pool.is_empty)

        assert await bench.use(4) == {"10.0.0.1": 2, "10.0.0.2": 2}
        assert bench.pool.counts.failed == 0


class TestChanges:
    async def test_a_new_address_is_used_from_the_next_request_on(self, bench):
        await bench.resolve("10.0.0.1")
        await bench.use(2)
        await bench.resolve_anew("10.0.0.1", "10.0.0.2")

        assert await bench.use(4) == {"10.0.0.1": 2, "10.0.0.2": 2}

    async def test_connections_to_one_that_stays_are_kept(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        await bench.use(2)
        bench.net.dialled.clear()
        await bench.resolve_anew("10.0.0.2", "10.0.0.1")
        await bench.use(4)

        assert bench.net.dialled == []

    async def test_one_that_vanished_is_not_used_again(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        await bench.use(2)
        await bench.resolve_anew("10.0.0.2")

        assert await bench.use(4) == {"10.0.0.2": 4}

    async def test_what_is_under_way_there_comes_to_its_end(self, bench):
        await bench.resolve("10.0.0.1")
        connection = (await bench.connect()).connection
        await bench.resolve_anew("10.0.0.2")
        assert not connection.transport.is_closing()
        assert connection in bench.pool.connections

        connection.pool.give_back(connection)
        assert connection.transport.was_closed
        connection.connection_lost(None)
        bench.pass_time(1)

        assert bench.pool.is_empty
        assert bench.pool.counts.opened == 1, "what it counted stays counted"

    async def test_an_address_that_vanishes_while_it_is_dialled_still_serves(self, bench):
        await bench.resolve("10.0.0.1")
        waiting = bench.ask()
        await bench.resolve_anew("10.0.0.2")
        await until(lambda: waiting.is_told)

        assert waiting.connection is not None

    async def test_a_retired_pool_asks_no_more(self, bench):
        await bench.resolve("10.0.0.1")
        bench.pool.retire()

        assert len(bench.resolver) == 0

    async def test_one_more_request_on_a_retired_pool_is_served(self, bench):
        """A further try of an exchange that began under the configuration before."""
        await bench.resolve("10.0.0.1", "10.0.0.2")
        bench.pool.retire()

        assert (await bench.connect()).connection is not None
        assert len(bench.resolver) == 0

    async def test_even_if_it_had_no_address_when_it_retired(self, bench):
        await bench.resolve()
        bench.pool.retire()
        waiting = bench.ask()
        await bench.resolve("10.0.0.1")
        await until(lambda: waiting.is_told)

        assert waiting.connection is not None
        assert len(bench.resolver) == 0


class TestWhatTheTargetHears:
    @staticmethod
    def a_state(**given) -> TargetState:
        return TargetState(a_target(target="a.test:80", **given))

    async def test_how_many_addresses_there_are(self, bench):
        state = self.a_state()
        bench.pool.attach(state)
        assert state.addresses == 1, "before the answer, the best is hoped for"
        await bench.resolve("10.0.0.1", "10.0.0.2")
        assert state.addresses == 2
        await bench.resolve_anew("10.0.0.1")

        assert state.addresses == 1

    async def test_that_the_name_does_not_resolve(self, bench):
        state = self.a_state()
        bench.pool.attach(state)
        await bench.resolve()
        assert (state.addresses, state.ready) == (0, False)
        bench.pass_time(NEGATIVE_S + 1)
        await bench.resolve("10.0.0.1")

        assert (state.addresses, state.ready) == (1, True)

    async def test_nothing_once_it_is_reached_otherwise(self, bench):
        state = self.a_state()
        bench.pool.attach(state)
        bench.pool.attach(state)
        bench.pool.detach(state)
        await bench.resolve("10.0.0.1", "10.0.0.2")
        assert state.addresses == 2
        bench.pool.detach(state)
        await bench.resolve_anew("10.0.0.1")

        assert state.addresses == 2

    async def test_who_comes_later_hears_at_once(self, bench):
        await bench.resolve("10.0.0.1", "10.0.0.2")
        state = self.a_state()
        bench.pool.attach(state)

        assert state.addresses == 2
