"""Many targets in one light process: it answers every check with 200, or as it is told, and counts.

It listens on one port of all loopback addresses, so that 127.0.0.1 … 127.0.39.250 are 10,000 targets. Run by
``benchmarks.health_checks``; asked ``GET /count`` it says how many checks were answered so far.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

LOOPBACKS_PER_NET = 250


def address(number: int, port: int) -> str:
    net, host = divmod(number, LOOPBACKS_PER_NET)
    return f"127.0.{net}.{host + 1}:{port}"


class Answers(asyncio.Protocol):
    count = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """A check is one small packet."""
        if data.startswith(b"GET /count "):
            body = str(Answers.count).encode()
        else:
            Answers.count += 1
            body = b""
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
        )
        self.transport.close()


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
