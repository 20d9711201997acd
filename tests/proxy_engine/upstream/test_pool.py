"""Kept connections: taken newest first, never when dead, never after their time."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from proxy_engine.errors import FailureKind
from proxy_engine.upstream import pool as pools
from proxy_engine.upstream.connection import UpstreamConnection
from proxy_engine.upstream.dial import Address, describe, tls_context
from proxy_engine.upstream.pool import Pool
from tests.proxy_engine.support.targets import RESET_ON_CLOSE, silent
from tests.proxy_engine.support.transports import FakeTransport
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

from .builders import a_pool, pool_rules


class Waiting:
    """An exchange that waits for its connection."""

    def __init__(self) -> None:
        self.connection: UpstreamConnection | None = None
        self.failure: tuple[FailureKind, str] | None = None

    def connected(self, connection: UpstreamConnection) -> None:
        self.connection = connection

    def attempt_failed(self, kind: FailureKind, detail: str) -> None:
        self.failure = (kind, detail)

    @property
    def is_told(self) -> bool:
        return self.connection is not None or self.failure is not None


class Clock:
    """As much of an event loop as idle connections need."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(clock) -> Pool:
    return a_pool(clock)


def a_connection(pool: Pool) -> UpstreamConnection:
    connection = UpstreamConnection(pool)
    connection.connection_made(FakeTransport())
    pool.connections.add(connection)
    return connection


class TestIdleConnections:
    def test_the_last_in_is_the_first_out(self, pool):
        first, second = a_connection(pool), a_connection(pool)
        pool.give_back(first)
        pool.give_back(second)

        assert [pool.take(), pool.take(), pool.take()] == [second, first, None]

    def test_closed_ones_are_skipped(self, pool):
        first, second = a_connection(pool), a_connection(pool)
        pool.give_back(first)
        pool.give_back(second)
        second.transport.close()

        assert [pool.take(), pool.take()] == [first, None]

    def test_one_that_is_closing_is_not_taken_back(self, pool):
        connection = a_connection(pool)
        connection.transport.close()
        pool.give_back(connection)

        assert pool.take() is None

    def test_no_more_than_a_limit_are_kept(self, clock):
        pool = a_pool(clock, rules=pool_rules(pool_size=2))
        connections = [a_connection(pool) for _ in range(3)]
        for connection in connections:
            pool.give_back(connection)

        assert len(pool.idle) == 2
        assert connections[2].transport.was_closed

    def test_those_idle_for_too_long_are_closed(self, pool, clock):
        old, young = a_connection(pool), a_connection(pool)
        pool.give_back(old)
        clock.now += pool.rules.idle_timeout - 1
        pool.sweep(clock.now)
        pool.give_back(young)
        clock.now += 2

        pool.sweep(clock.now)

        assert old.transport.was_closed
        assert [pool.take(), pool.take()] == [young, None]

    def test_with_a_size_of_0_none_is_kept(self, clock):
        pool = a_pool(clock, rules=pool_rules(pool_size=0))
        connection = a_connection(pool)
        pool.give_back(connection)

        assert connection.transport.was_closed
        assert pool.take() is None

    @pytest.mark.parametrize(("limit", "is_kept"), [(3, False), (4, True), (0, True)])
    def test_one_that_has_served_its_time_is_not_kept(self, clock, limit, is_kept):
        pool = a_pool(clock, rules=pool_rules(max_requests=limit))
        connection = a_connection(pool)
        connection.requests = 3
        pool.give_back(connection)

        assert (pool.take() is connection) == is_kept

    def test_a_retired_pool_closes_them_all(self, pool):
        connection = a_connection(pool)
        pool.give_back(connection)

        pool.retire()

        assert connection.transport.was_closed
        assert pool.take() is None

    def test_a_retired_pool_takes_none_back(self, pool):
        connection = a_connection(pool)
        pool.retire()

        pool.give_back(connection)

        assert connection.transport.was_closed

    def test_one_that_cannot_close_because_nobody_reads_is_aborted(self, pool, clock):
        connection = a_connection(pool)
        pool.dismiss(connection)
        pool.sweep(clock.now)
        assert not connection.transport.was_aborted
        clock.now += pools.CLOSE_TIMEOUT_S + 1

        pool.sweep(clock.now)

        assert connection.transport.was_aborted

    def test_it_has_its_time_however_long_ago_the_last_sweep_was(self, pool, clock):
        """Of thousands of pools each is visited every few seconds."""
        connection = a_connection(pool)
        clock.now += pools.CLOSE_TIMEOUT_S + 1

        pool.dismiss(connection)
        pool.sweep(clock.now)

        assert not connection.transport.was_aborted

    def test_one_in_use_is_left_alone(self, pool, clock):
        connection = a_connection(pool)
        connection.start(Waiting(), b"")
        clock.now += 10_000

        pool.sweep(clock.now)

        assert not connection.transport.is_closing()


class TestOpening:
    @staticmethod
    def pool_to(port: int, **options) -> Pool:
        return a_pool(asyncio.get_running_loop(), port, **options)

    async def test_the_connection_comes_to_who_asked(self, target):
        pool = self.pool_to((await target(silent)).port)
        waiting = Waiting()

        pool.open(waiting)
        await until(lambda: waiting.is_told)

        assert waiting.connection in pool.connections
        assert not pool.openings
        waiting.connection.transport.abort()
        await until(lambda: not pool.connections)

    async def test_a_refusal_too(self):
        pool = self.pool_to(free_port())
        waiting = Waiting()

        pool.open(waiting)
        await until(lambda: waiting.is_told)

        assert waiting.failure == (FailureKind.CONNECT, "connection refused")
        assert not pool.openings
        assert not pool.connections

    async def test_tls_to_a_target_that_speaks_none(self, target):
        async def plain(visit):
            await visit.reader.read(1)
            await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        origin = await target(plain)
        pool = self.pool_to(origin.port, context=tls_context(verify=True), server_name="origin.test", verify=True)
        waiting = Waiting()

        pool.open(waiting)
        await until(lambda: waiting.is_told)

        assert waiting.failure[0] is FailureKind.CONNECT

    async def test_a_target_that_hangs_up_at_once_is_noticed_or_told_of(self):
        """Whichever comes first, nobody waits for the answer of a connection that is gone."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        pool = self.pool_to(listener.getsockname()[1])
        for _ in range(50):
            waiting = Waiting()
            pool.open(waiting)
            accepted, _ = await loop.sock_accept(listener)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            accepted.close()
            await until(lambda waiting=waiting: waiting.is_told)
        await until(lambda: not pool.connections)
        listener.close()

    async def test_one_that_is_gone_before_its_exchange_hears_of_it_is_a_failure(self, clock):
        """Its ``connection_lost`` came when nobody listened yet, and will not come again."""

        async def create_connection(make, *address, **options):
            connection = make()
            connection.connection_made(FakeTransport())
            connection.transport.abort()
            connection.connection_lost(None)
            return connection.transport, connection

        clock.create_connection = create_connection
        clock.create_task = asyncio.get_running_loop().create_task
        pool, waiting = a_pool(clock), Waiting()

        pool.open(waiting)
        await until(lambda: waiting.is_told)

        assert waiting.failure == (FailureKind.CONNECT, "closed as soon as it was open")
        assert not pool.connections

    @pytest.mark.parametrize("turns", range(6))
    async def test_a_cancelled_one_leaves_nothing(self, target, turns):
        pool = self.pool_to((await target(silent)).port)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            waiting = Waiting()
            opening = pool.open(waiting)
            for _ in range(turns):
                await asyncio.sleep(0)
            if not waiting.is_told:
                opening.cancel()
            else:
                waiting.connection.transport.abort()

        await until(lambda: not pool.openings and not pool.connections)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= before + 1)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError("Multiple exceptions: …"), "Multiple exceptions: …"),
        (UnicodeError("label too long"), "label too long"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_failures_are_put_in_an_operators_words(error, text):
    assert describe(error) == text


def test_an_address_is_written_as_operators_write_it():
    assert str(Address("10.0.0.1", 80)) == "10.0.0.1:80"
    assert str(Address("::1", 443, "a.test", True)) == "https://[::1]:443"
