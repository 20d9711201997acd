"""Bodies whose rest is in the target's socket when a part of them is read."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.net.splice import Splice, has_unread
from proxy_engine.upstream import connection as upstream
from tests.proxy_engine.support.targets import a_response
from tests.proxy_engine.support.transports import End, an_end

from .builders import a_pool
from .test_connection import REQUEST, Recorder

RAW = a_response(b"hello")
BODY_AT = len(RAW) - 5


class Mover(Recorder):
    """An exchange whose client has a socket."""

    def __init__(self, client: End, splice: Splice) -> None:
        super().__init__()
        self.client = client
        self.splice = splice

    def move_body(self, source: asyncio.Transport, most: int) -> tuple[int, bytes]:
        return self.splice.move(source, self.client.transport, most)


@pytest.fixture
async def client():
    end = await an_end()
    yield end
    await end.close()


@pytest.fixture
async def target():
    end = await an_end()
    yield end
    await end.close()


@pytest.fixture
def splice():
    splice = Splice()
    yield splice
    splice.close()


@pytest.fixture
async def connection(target, monkeypatch):
    monkeypatch.setattr(upstream, "LONG_READ", 1)
    connection = upstream.UpstreamConnection(a_pool(asyncio.get_running_loop()))
    connection.connection_made(target.transport)
    return connection


@pytest.fixture
def receive(connection, target, client, splice):
    """The response to one request: some of it read, some in the socket."""

    def receive(read: bytes, unread: bytes) -> Mover:
        mover = Mover(client, splice)
        connection.start(mover, REQUEST)
        target.peer.sendall(unread)
        connection.data_received(read)
        return mover

    return receive


async def test_split_at_any_byte(connection, receive, client):
    for at in range(BODY_AT + 1, len(RAW)):
        mover = receive(RAW[:at], RAW[at:])

        assert mover.outcome == ([200], RAW[BODY_AT:at], 1, 1, [], []), at
        assert client.received(len(RAW) - at) == RAW[at:]
        assert connection.pool.take() is connection


async def test_behind_a_later_part(connection, receive, client):
    mover = receive(RAW[:BODY_AT], b"lo")

    connection.data_received(b"hel")

    assert mover.outcome == ([200], b"hel", 1, 1, [], [])
    assert client.received(2) == b"lo"


async def test_what_is_still_to_come_is_awaited(connection, receive, client):
    mover = receive(RAW[:-4], b"el")  # "h" was read, "lo" is on its way
    assert client.received(2) == b"el"
    assert (mover.lasts, mover.ends) == (0, 0)

    connection.data_received(b"lo")

    assert mover.outcome == ([200], b"hlo", 1, 1, [], [])


async def test_surplus_bytes_are_not_left_for_the_next_request(connection, receive, client):
    mover = receive(RAW[:-2], b"lo" + a_response(b"smuggled"))

    assert mover.outcome == ([200], b"hel", 1, 1, [], [])
    assert client.received(2) == b"lo"
    assert connection.transport.is_closing()
    assert connection.pool.take() is None


async def test_nothing_is_moved_while_the_client_is_behind(connection, receive, target):
    connection.is_paused = True  # as it is once the client's transport has enough

    mover = receive(RAW[:-2], b"lo")

    assert mover.outcome == ([200], b"hel", 0, 0, [], [])
    assert has_unread(target.transport)
