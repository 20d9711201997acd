"""Bytes from socket to socket, unread."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import pytest

from proxy_engine.net.splice import Splice, has_unread
from tests.proxy_engine.support.targets import RESET_ON_CLOSE
from tests.proxy_engine.support.transports import FakeTransport, an_end

MANY = b"".join(b"%07x." % n for n in range(2**20 + 2**18))  # 10 MiB: more than the kernel keeps for who does not read


@pytest.fixture
async def source():
    end = await an_end()
    yield end
    await end.close()


@pytest.fixture
async def to():
    end = await an_end()
    yield end
    await end.close()


@pytest.fixture
def splice():
    splice = Splice()
    yield splice
    splice.close()


def test_what_is_there_is_moved(splice, source, to):
    source.peer.sendall(b"hello")

    assert splice.move(source.transport, to.transport, 100) == (5, b"")
    assert to.received(5) == b"hello"


def test_no_more_than_asked_for(splice, source, to):
    source.peer.sendall(b"hello")

    assert splice.move(source.transport, to.transport, 2) == (2, b"")
    assert has_unread(source.transport)
    assert splice.move(source.transport, to.transport, 3) == (3, b"")
    assert not has_unread(source.transport)
    assert to.received(5) == b"hello"


def test_nothing_where_there_is_nothing(splice, source, to):
    assert splice.move(source.transport, to.transport, 100) == (0, b"")


def test_nothing_at_the_end(splice, source, to):
    source.peer.close()

    assert splice.move(source.transport, to.transport, 100) == (0, b"")


def test_nothing_from_one_that_was_reset(splice, source, to):
    source.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    source.peer.close()

    assert splice.move(source.transport, to.transport, 100) == (0, b"")


def test_what_is_not_taken_comes_out_again(splice, source, to):
    source.peer.setblocking(False)
    sent = moved = 0
    untaken = b""
    while not untaken:
        with suppress(BlockingIOError):
            sent += source.peer.send(MANY[sent:])
        count, untaken = splice.move(source.transport, to.transport, len(MANY))
        moved += count
    taken = moved - len(untaken)

    assert untaken == MANY[taken:moved]
    assert to.received(taken) == MANY[:taken]
    assert splice.move(source.transport, to.transport, 8) == (8, b"")  # nothing was left in the pipe
    assert to.received(8) == MANY[moved : moved + 8]


def test_one_that_was_reset_takes_nothing(splice, source, to):
    to.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    to.peer.close()
    source.peer.sendall(b"hello")

    assert splice.move(source.transport, to.transport, 5) == (5, b"hello")


def test_one_that_is_gone_takes_nothing_more(splice, source, to):
    to.peer.close()
    source.peer.sendall(b"hello again")

    assert splice.move(source.transport, to.transport, 5) == (5, b"")  # it answers with a reset
    assert splice.move(source.transport, to.transport, 6) == (6, b" again")


class TestNothingIsMoved:
    @pytest.fixture(autouse=True)
    def something(self, source):
        source.peer.sendall(b"hello")

    def test_by_one_that_is_closing(self, splice, source, to):
        to.transport.abort()

        assert splice.move(source.transport, to.transport, 5) == (0, b"")

    def test_to_one_that_encrypts(self, splice, source):
        to = FakeTransport()
        to._extra["sslcontext"] = object()
        to._extra["socket"] = source.peer

        assert splice.move(source.transport, to, 5) == (0, b"")

    def test_without_a_socket(self, splice, source):
        assert splice.move(source.transport, FakeTransport(), 5) == (0, b"")

    def test_without_a_free_descriptor(self, splice, source, to, monkeypatch):
        def none_left(flags: int) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(os, "pipe2", none_left)

        assert splice.move(source.transport, to.transport, 5) == (0, b"")


def test_a_pipe_that_cannot_grow_will_do(splice, source, to, monkeypatch):
    def not_allowed(*args) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("fcntl.fcntl", not_allowed)
    source.peer.sendall(b"hello")

    assert splice.move(source.transport, to.transport, 5) == (5, b"")


def test_closing_it_gives_its_descriptors_back(source, to):
    splice = Splice()
    before = len(os.listdir("/proc/self/fd"))
    source.peer.sendall(b"hello")
    splice.move(source.transport, to.transport, 5)
    assert len(os.listdir("/proc/self/fd")) == before + 2

    splice.close()
    splice.close()

    assert len(os.listdir("/proc/self/fd")) == before
