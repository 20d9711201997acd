"""Notices on the Channels layer: hints that something changed, for engines and open pages.

What they announce is committed already and found by everybody's next poll, so a Redis that is away costs time, not
truth: it is logged and the caller goes on.

A request that is served below ASGI does not wait for Redis either: the event loop that it came from sends the notice,
while the thread goes on with the answer. Waiting was the larger part of what a write cost with several clients at
once. Everybody else (commands, Celery) sends before it goes on, and so may end right after.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

TIMEOUT_S = 1.0


def tell(groups: list[str], message: dict, *, otherwise: str) -> None:
    """Never fails. ``otherwise``: what the log says where the layer fails, before the reason."""
    letterbox = _letterbox.get()
    if letterbox is None:
        async_to_sync(_send)(groups, message, otherwise)
    else:
        letterbox.post(groups, message, otherwise)


async def _send(groups: list[str], message: dict, otherwise: str) -> None:
    try:
        layer = get_channel_layer()
        async with asyncio.timeout(TIMEOUT_S):
            for group in groups:
                await layer.group_send(group, message)
    except Exception as error:  # noqa: BLE001 - whatever the layer raises, the commit stands
        log.warning("%s: %s", otherwise, str(error) or type(error).__name__)


class Letterbox:
    """Notices on their way from the threads of one event loop. While one is being sent, later ones take the place of
    those that wait for the same groups: a burst of edits makes few notices, and the last of them is the newest."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self._waiting: dict[tuple[str, ...], tuple[dict, str]] = {}
        self._sender: asyncio.Task | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """For all that is told inside, also in threads that are waited for."""
        token = _letterbox.set(self)
        try:
            yield
        finally:
            _letterbox.reset(token)

    def post(self, groups: list[str], message: dict, otherwise: str) -> None:
        """From any thread."""
        self.loop.call_soon_threadsafe(self._take, tuple(groups), message, otherwise)

    def _take(self, groups: tuple[str, ...], message: dict, otherwise: str) -> None:
        self._waiting[groups] = message, otherwise
        if self._sender is None:
            self._sender = self.loop.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            groups = next(iter(self._waiting))
            await _send(list(groups), *self._waiting.pop(groups))
        self._sender = None


_letterbox: ContextVar[Letterbox | None] = ContextVar("letterbox", default=None)
