"""An independent WebSocket implementation on both sides of a real engine."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.proxy_engine.support.waiting import until

WAIT_S = 30


@pytest.fixture
async def echo(gateway):
    """A server that repeats messages; "close" makes it close with 4001. The address to reach it by."""
    codes = []

    async def repeat(peer):
        with contextlib.suppress(ConnectionClosed):
            async for message in peer:
                if message == "close":
                    await peer.close(4001, "as you wish")
                else:
                    await peer.send(message)
        codes.append(peer.close_code)

    def choose(peer, offered):
        return offered[0] if offered else None

    async with serve(repeat, "127.0.0.1", 0, select_subprotocol=choose, max_size=2**22) as server:
        port = server.sockets[0].getsockname()[1]
        scene = gateway.serve(f"127.0.0.1:{port}")
        async with asyncio.timeout(WAIT_S):
            yield f"ws://127.0.0.1:{gateway.port}/chat", scene, codes


async def test_a_thousand_messages_come_back_in_order(echo):
    address, scene, _ = echo
    async with connect(address, proxy=None) as peer:
        for number in range(1000):
            await peer.send(f"message {number}")
            assert await peer.recv() == f"message {number}"
        assert (scene.state().active, scene.state().requests) == (1, 1)


async def test_so_do_those_sent_without_waiting(echo):
    async with connect(echo[0], proxy=None) as peer:
        for number in range(1000):
            await peer.send(b"%d" % number)
        assert [await peer.recv() for _ in range(1000)] == [b"%d" % number for number in range(1000)]


async def test_a_large_message_comes_back(echo):
    message = bytes(range(256)) * 4096  # 1 MiB
    async with connect(echo[0], proxy=None, max_size=2**22) as peer:
        await peer.send(message)
        assert await peer.recv() == message


async def test_pings_subprotocol_and_extensions_are_between_the_peers(echo):
    async with connect(echo[0], proxy=None, subprotocols=["chat.v1"]) as peer:
        assert peer.subprotocol == "chat.v1"
        assert [extension.name for extension in peer.protocol.extensions] == ["permessage-deflate"]
        await (await peer.ping())


async def test_the_servers_close_code_reaches_the_client(echo):
    async with connect(echo[0], proxy=None) as peer:
        await peer.send("close")
        with pytest.raises(ConnectionClosed):
            await peer.recv()
        assert (peer.close_code, peer.close_reason) == (4001, "as you wish")


async def test_the_clients_close_code_reaches_the_server(echo):
    address, scene, codes = echo
    async with connect(address, proxy=None) as peer:
        await peer.close(4002, "enough")
        assert peer.close_code == 4002
    await until(lambda: codes and not scene.state().active)
    assert codes == [4002]


async def test_a_refused_handshake_is_seen_as_such(echo, gateway):
    address, scene, _ = echo
    gateway.apply(("routes", scene.route | {"paths": ["/elsewhere"]}))
    with pytest.raises(InvalidStatus) as refusal:
        await connect(address, proxy=None)
    assert refusal.value.response.status_code == 404
