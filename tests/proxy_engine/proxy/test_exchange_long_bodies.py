"""Counted bodies of which much is here at once go to the client unread; nobody sees a difference."""

from __future__ import annotations

import pytest

from proxy_engine.net.splice import Splice
from proxy_engine.upstream import connection as upstream
from tests.proxy_engine.support.client import Cut, a_request
from tests.proxy_engine.support.targets import a_response, answering
from tests.proxy_engine.support.waiting import until

BODY = b"".join(b"%07x." % n for n in range(2**19))  # 4 MiB, no two parts alike
LITTLE = 16_384  # bytes in the kernel


@pytest.fixture(autouse=True)
def every_read_counts_as_long(monkeypatch):
    monkeypatch.setattr(upstream, "LONG_READ", 1)


@pytest.fixture
def moved(monkeypatch) -> list[int]:
    """How many bytes were moved, time by time."""
    counts: list[int] = []
    move = Splice.move

    def noted(self, source, to, most):
        count, untaken = move(self, source, to, most)
        counts.append(count)
        return count, untaken

    monkeypatch.setattr(Splice, "move", noted)
    return counts


async def test_the_client_gets_all_of_it_each_time(gateway, target, moved):
    origin = await target(answering(a_response(BODY)))
    gateway.serve(origin)
    client = await gateway.connect()

    for _ in range(3):
        assert (await client.ask(a_request())).body == BODY

    assert sum(moved) > 0
    assert len(origin.visits) == 1


async def test_split_at_any_byte(gateway, target, moved):
    raw = a_response(b"0123456789")

    async def split(visit):
        for at in range(1, len(raw)):
            await visit.request()
            await visit.send(raw[:at], raw[at:])

    origin = await target(split)
    gateway.serve(origin)
    client = await gateway.connect()

    for _ in range(1, len(raw)):
        assert (await client.ask(a_request())).body == b"0123456789"

    assert len(origin.visits) == 1


async def test_what_was_moved_counts_as_sent(gateway, target, moved):
    async def all_but_the_end(visit):
        await visit.request()
        await visit.send(a_response(BODY, length=len(BODY) + 1))
        await visit.gone()

    gateway.serve(await target(all_but_the_end))
    client = await gateway.connect()
    client.send(a_request())
    await client.reader.readuntil(b"\r\n\r\n")
    await client.reader.readexactly(len(BODY))

    assert sum(moved) > 0
    assert gateway.connections()[0].exchange.sent_bytes == len(BODY)
    assert gateway.upstream_in_use().left == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_connection_that_ends_with_it(gateway, target, moved, version):
    gateway.serve(await target(answering(a_response(BODY))))
    client = await gateway.connect()

    response = await client.ask(a_request("/", b"Connection: close", version=version))

    assert response.body == BODY
    assert await client.rest() == b""
    assert sum(moved) > 0


@pytest.mark.parametrize("ends", ["close", "reset"])
async def test_a_body_that_breaks_off_does_not_look_complete(gateway, target, moved, ends):
    async def breaking_off(visit):
        await visit.request()
        await visit.send(a_response(BODY, length=len(BODY) + 1))
        await until(lambda: sum(moved) > 0)
        getattr(visit, ends)()

    scene = gateway.serve(await target(breaking_off))

    with pytest.raises(Cut):
        await gateway.ask()
    assert (scene.state().active, scene.state().failures) == (0, 1)
    assert gateway.engine.counters.cut_responses == 1


@pytest.mark.parametrize("surplus", [b"x", a_response(b"smuggled"), BODY])
async def test_surplus_bytes_are_nobodys_answer(gateway, target, moved, surplus):
    async def talkative(visit):
        while True:
            await visit.request()
            visit.writer.write(a_response(BODY) + surplus)

    origin = await target(talkative)
    gateway.serve(origin)
    client = await gateway.connect()

    for _ in range(3):
        assert (await client.ask(a_request())).body == BODY

    assert len(origin.visits) == 3


async def test_a_client_that_leaves(gateway, target, moved):
    async def endless(visit):
        await visit.request()
        await visit.send(a_response(length=10**12))
        while True:
            await visit.send(BODY)

    scene = gateway.serve(await target(endless))
    client = await gateway.connect()
    client.send(a_request())
    await client.reader.readexactly(len(BODY))
    await until(lambda: sum(moved) > 0)

    client.reset()

    await until(gateway.is_at_rest)
    assert scene.state().failures == 0


async def test_a_client_that_takes_nothing_for_a_while(gateway, target, moved):
    """What it does not take waits in its transport, with the limit that everything has there; then it goes on."""
    gateway.serve(await target(answering(a_response(BODY * 4))))
    client = await gateway.connect(buffer_bytes=LITTLE, kernel_bytes=LITTLE)
    client.send(a_request())
    connection = await until(lambda: gateway.connections() and gateway.connections()[0])
    await until(lambda: connection.is_writing_paused)

    assert sum(moved) > 0
    assert connection.transport.get_write_buffer_size() < 1_000_000
    assert (await client.response()).body == BODY * 4


async def test_where_nothing_can_be_moved(gateway, target, monkeypatch):
    monkeypatch.setattr("proxy_engine.net.splice._IS_POSSIBLE", False)
    gateway.serve(await target(answering(a_response(BODY))))

    assert (await gateway.ask()).body == BODY
