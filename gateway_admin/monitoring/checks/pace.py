"""Starts checks only as fast as the event loop can make them.

A check that waits for its target costs a socket, one that is being made costs processor time. Started all at once, two
thousand checks take half a second to work through, and on a busy machine their answers would be read after their
timeouts: targets would be marked for our own slowness. So each turn of the loop starts a few only. In between it serves
all that are under way; a target that hangs has nothing to serve and slows nobody down.
"""

import asyncio
from collections import deque

STARTS_PER_TURN = 32  # some 10 ms of work


class Pace:
    """First come, first served."""

    def __init__(self):
        self._waiting: deque[asyncio.Future] = deque()

    async def start(self) -> None:
        """Returns when the caller may start."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._admit)
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _admit(self) -> None:
        for _ in range(min(STARTS_PER_TURN, len(self._waiting))):
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._admit)
