"""Pools are shared by those who mean the same, and go when nobody uses them any more, their work done."""

from __future__ import annotations

import pytest

from proxy_engine.health import TargetState
from proxy_engine.upstream import book as books
from proxy_engine.upstream.book import PoolBook
from proxy_engine.upstream.connection import UpstreamConnection
from proxy_engine.upstream.dial import Address
from proxy_engine.upstream.pool import CLOSE_TIMEOUT_S, Counts, Pool
from tests.proxy_engine.builders import a_target
from tests.proxy_engine.support.transports import FakeTransport

from .builders import pool_rules
from .test_pool import Clock

HERE = Address("127.0.0.1", 80)
RULES = pool_rules()


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.book = PoolBook(lambda address, rules: Pool(address, rules, self.clock, None))
        self.state = TargetState(a_target())

    def acquire(self, address: Address = HERE, **rules) -> Pool:
        return self.book.acquire(address, RULES._replace(**rules), self.state)

    def release(self, *pools: Pool) -> None:
        self.book.release((self.state, pool) for pool in pools)

    def connect(self, pool: Pool) -> UpstreamConnection:
        connection = UpstreamConnection(pool)
        connection.connection_made(FakeTransport())
        pool.connections.add(connection)
        pool.opened += 1
        return connection

    def sweep(self, times: int = 1) -> None:
        for _ in range(times):
            self.book.sweep(self.clock.now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestSharing:
    def test_the_same_address_by_the_same_rules_is_one_pool(self, bench):
        assert bench.acquire() is bench.acquire()

    @pytest.mark.parametrize(
        "address", [HERE._replace(port=81), HERE._replace(server_name="a.test"), HERE._replace(verify=True)]
    )
    def test_another_address_or_identity_is_not(self, bench, address):
        assert bench.acquire() is not bench.acquire(address)

    @pytest.mark.parametrize(
        "rules",
        [{"pool_size": 1}, {"idle_timeout": 1.0}, {"max_requests": 1}, {"keepalive_idle": 1}, {"fast_open": True}],
    )
    def test_other_rules_are_not(self, bench, rules):
        assert bench.acquire() is not bench.acquire(**rules)

    def test_a_pool_goes_with_its_last_user(self, bench):
        pool = bench.acquire()
        bench.acquire()
        bench.release(pool)
        assert not pool.is_retired
        bench.release(pool)

        assert pool.is_retired
        assert list(bench.book) == []
        assert bench.acquire() is not pool

    def test_the_target_behind_it_has_one_address(self, bench):
        bench.state.addresses = 0
        bench.acquire()

        assert bench.state.addresses == 1


class TestRetired:
    def test_what_is_in_use_is_left_alone_and_closed_after(self, bench):
        pool = bench.acquire()
        connection = bench.connect(pool)
        bench.release(pool)
        bench.sweep(10)
        assert not connection.transport.is_closing()
        pool.give_back(connection)

        assert connection.transport.was_closed

    def test_one_that_cannot_close_because_nobody_reads_is_aborted(self, bench):
        pool = bench.acquire()
        connection = bench.connect(pool)
        bench.release(pool)
        pool.give_back(connection)
        bench.clock.now += CLOSE_TIMEOUT_S + 1
        bench.sweep(3)

        assert connection.transport.was_aborted

    def test_it_is_forgotten_when_empty_but_not_what_it_did(self, bench):
        pool = bench.acquire()
        connection = bench.connect(pool)
        bench.release(pool)
        bench.sweep(3)
        assert bench.book.totals == Counts(opened=1, in_use=1)
        connection.connection_lost(None)
        bench.sweep(3)

        assert bench.book._parting == []
        assert bench.book.totals == Counts(opened=1)


class TestSweeps:
    def test_totals_are_those_of_all_pools(self, bench):
        first, second = bench.acquire(), bench.acquire(HERE._replace(port=81))
        for pool in (first, first, second):
            bench.connect(pool)
        first.give_back(next(iter(first.connections)))
        first.reused += 5
        second.failed += 2
        bench.sweep(2)

        assert bench.book.totals == Counts(opened=3, reused=5, failed=2, idle=1, in_use=2)

    def test_many_pools_are_visited_by_and_by(self, bench):
        pools = [bench.acquire(HERE._replace(port=port)) for port in range(1, 10_001)]
        for pool in pools:
            pool.give_back(bench.connect(pool))
        bench.clock.now += RULES.idle_timeout + 1
        bench.sweep()  # a round begins
        bench.sweep()
        closed = sum(not pool.idle for pool in pools)
        assert 0 < closed <= len(pools) // books.ROUND
        bench.sweep(books.ROUND)

        assert not any(pool.idle for pool in pools)
        assert bench.book.totals.opened == 10_000

    def test_short_times_hold_however_many_pools_there_are(self, bench):
        for port in range(1, 1001):
            bench.acquire(HERE._replace(port=port))
        pool = bench.acquire(idle_timeout=0.2)
        pool.give_back(bench.connect(pool))
        bench.clock.now += 0.3
        bench.sweep()

        assert pool.idle == []
