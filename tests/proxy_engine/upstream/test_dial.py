"""Sockets carry what an upstream's rules say, from the beginning where that matters."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket

import pytest

from proxy_engine.errors import FailureKind
from proxy_engine.spec import ConnectionRules
from proxy_engine.upstream import dial as dialling
from proxy_engine.upstream.dial import Address, PoolRules, dial
from tests.proxy_engine.builders import an_upstream
from tests.proxy_engine.support.targets import a_response, answering, silent
from tests.proxy_engine.support.waiting import until
from tests.support.ports import free_port

from .builders import a_pool, pool_rules
from .test_connection import Recorder
from .test_pool import Waiting

needs_fast_open = pytest.mark.skipif(not dialling.has_fast_open(), reason="this system has no TCP fast open")


def rules_of(**connections) -> ConnectionRules:
    return an_upstream(connections=connections).connections


@pytest.fixture
async def dialled(target):
    """A connection to a silent target by these rules."""
    made = []

    async def connect(**connections):
        port = (await target(silent)).port
        pool = a_pool(asyncio.get_running_loop(), port, rules=PoolRules.of(rules_of(**connections)))
        waiting = Waiting()
        pool.open(waiting)
        await until(lambda: waiting.is_told)
        made.append(waiting.connection)
        return waiting.connection

    yield connect
    for each in made:
        each.transport.abort()


def option(connection, level: int, name: int) -> int:
    return connection.transport.get_extra_info("socket").getsockopt(level, name)


class TestOptions:
    async def test_keepalive_is_off_unless_asked_for(self, dialled):
        assert option(await dialled(), socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0

    async def test_keepalive(self, dialled):
        connection = await dialled(tcp_keepalive_idle=11, tcp_keepalive_interval=7, tcp_keepalive_count=5)

        assert option(connection, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        names = (dialling.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [option(connection, socket.IPPROTO_TCP, name) for name in names] == [11, 7, 5]

    async def test_the_receive_buffer(self, dialled):
        usual = option(await dialled(), socket.SOL_SOCKET, socket.SO_RCVBUF)
        wanted = usual // 8

        connection = await dialled(receive_buffer=wanted)
        assert wanted <= option(connection, socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * wanted < usual

    async def test_it_is_set_before_the_connection_begins(self):
        """What a SYN says of the window counts for the whole connection."""
        seen = []

        async def connect(loop, sock, address):
            seen.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
            raise ConnectionRefusedError(111, "Connection refused")

        loop = type("Loop", (), {"sock_connect": connect})()
        with pytest.raises(ConnectionRefusedError):
            await dial(loop, lambda: None, Address("127.0.0.1", 1), pool_rules(receive_buffer=9000), None)

        assert 9000 <= seen[0] <= 18_000

    @pytest.mark.parametrize("rules", [{}, {"receive_buffer": 8192}])
    async def test_a_refusal_leaves_nothing(self, rules):
        pool = a_pool(asyncio.get_running_loop(), free_port(), rules=pool_rules(**rules))
        waiting = Waiting()
        pool.open(waiting)
        await until(lambda: waiting.is_told)

        assert waiting.failure == (FailureKind.CONNECT, "connection refused")
        assert pool.counts.failed == 1
        await until(lambda: pool.is_empty)

    async def test_ipv6(self):
        listener = socket.socket(socket.AF_INET6)
        try:
            listener.bind(("::1", 0))
        except OSError:
            pytest.skip("this system has no IPv6")
        listener.listen()
        for rules in (pool_rules(), pool_rules(receive_buffer=8192)):
            address = Address("::1", listener.getsockname()[1])
            pool = a_pool(asyncio.get_running_loop())
            pool.address, pool.rules = address, rules
            waiting = Waiting()
            pool.open(waiting)
            await until(lambda waiting=waiting: waiting.is_told)
            waiting.connection.transport.abort()
        listener.close()


class TestFastOpen:
    @needs_fast_open
    async def test_it_is_asked_of_the_system(self, dialled):
        connection = await dialled(tcp_fast_open=True)

        assert option(connection, socket.IPPROTO_TCP, dialling.TCP_FASTOPEN_CONNECT) == 1

    @needs_fast_open
    async def test_requests_go_through(self, target):
        origin = await target(answering(a_response(b"hello")))
        pool = a_pool(asyncio.get_running_loop(), origin.port, rules=pool_rules(fast_open=True))
        for _ in range(2):  # the first brings the cookie
            waiting, recorder = Waiting(), Recorder()
            pool.open(waiting)
            await until(lambda waiting=waiting: waiting.is_told)
            waiting.connection.start(recorder, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await until(lambda recorder=recorder: recorder.ends)
            waiting.connection.transport.abort()

            assert recorder.body == b"hello"

    async def test_a_system_that_has_none_is_told_of_once(self, dialled, monkeypatch, capsys):
        monkeypatch.setattr(dialling, "TCP_FASTOPEN_CONNECT", None)
        dialling.has_fast_open.cache_clear()
        try:
            for _ in range(2):
                assert (await dialled(tcp_fast_open=True)).transport is not None
        finally:
            dialling.has_fast_open.cache_clear()

        assert capsys.readouterr().out.count("TCP fast open") == 1


@contextlib.contextmanager
def no_file_descriptor_left():
    with socket.socket() as lowest_free:
        lowest = lowest_free.fileno()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("rules", [{}, {"receive_buffer": 8192}])
async def test_a_want_of_file_descriptors_is_a_failed_attempt_that_says_so(target, rules):
    origin = await target(silent)
    pool = a_pool(asyncio.get_running_loop(), origin.port, rules=pool_rules(**rules))
    waiting = Waiting()
    with no_file_descriptor_left():
        pool.open(waiting)
        await until(lambda: waiting.is_told)

    assert waiting.failure == (FailureKind.CONNECT, "Too many open files")
    await until(lambda: pool.is_empty)
