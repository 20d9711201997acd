"""What a peer has not taken yet."""

from __future__ import annotations

import asyncio
import socket

from proxy_engine.net.unsent import unsent_bytes
from tests.proxy_engine.support.transports import FakeTransport


async def test_it_is_what_waits_here_and_in_the_kernel():
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    try:
        transport.write(b"x")
        assert unsent_bytes(transport) == 0  # all of it is the kernel's
        transport.write(b"x" * 10_000_000)
        waiting, here = unsent_bytes(transport), transport.get_write_buffer_size()
        assert waiting > here > 0

        # The kernel's part shrinks as it is read, before the kernel takes the next byte from here.
        theirs.recv(waiting - here)
        assert unsent_bytes(transport) < waiting
    finally:
        transport.abort()
        theirs.close()
        await asyncio.sleep(0)


def test_without_a_socket_it_is_what_waits_here():
    transport = FakeTransport()
    assert unsent_bytes(transport) == 0
    transport.unsent = 7
    assert unsent_bytes(transport) == 7
