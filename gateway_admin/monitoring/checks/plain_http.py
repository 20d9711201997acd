"""A request in clear to an address in figures, and the head of its answer: what most checks come to.

aiohttp does it too and is used where more is wanted (TLS, names, bodies); it takes more processor time, which at
thousands of checks a second is what a process has least of. Strict enough for the purpose: the status line is checked,
of the fields only that they end.
"""

import asyncio
import re

LINE_BYTES = 8190
HEAD_BYTES = 65_536
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HEAD_END = re.compile(rb"\n\r?\n")


class ClosedEarly(ConnectionError):
    """Before the answer's head was complete."""


async def ask(host: str, port: int, request: bytes) -> int:
    """The status of the answer, 0 where it is none of HTTP. Raises OSError."""
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_connection(lambda: _Answer(loop), host, port)
    try:
        transport.write(request)
        return await answer.status
    finally:
        transport.abort()  # the rest of the answer is nobody's business


class _Answer(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.status: asyncio.Future[int] = loop.create_future()
        self._held = b""

    def data_received(self, data: bytes) -> None:
        if self.status.done():
            return
        self._held += data
        status = read_status(self._held)
        if status is not None:
            self.status.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.status.done():
            self.status.set_exception(error or ClosedEarly())


def read_status(held: bytes) -> int | None:
    """None: more has to come. Interim answers (RFC 9110 §15.2) are passed over, but for 101, which is none."""
    if b"\n" not in held:
        return 0 if len(held) > LINE_BYTES else None
    line = _STATUS_LINE.match(held)
    if line is None or line.end() > LINE_BYTES:
        return 0
    end = _HEAD_END.search(held, line.end() - 1)
    if end is None:
        return 0 if len(held) > HEAD_BYTES else None
    status = int(line[1])
    return read_status(held[end.end() :]) if 100 <= status < 200 and status != 101 else status
