"""Django below ASGI with one change of threads per request instead of one per middleware.

Django runs a chain of middleware either on the event loop, where each synchronous method of each of them is a trip to
a thread and back (some fifteen of them per request, measured at 2 ms of 3), or as a whole in a thread, where an
asynchronous view keeps the thread for as long as it waits. So both chains are kept, and the view decides.

The threads of the second chain stay, each with its connection to the database: a thread and a connection of its own
was a quarter of what a short request cost.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.urls import Resolver404, resolve

from .notices import Letterbox

THREADS = 64  # requests at once; one that waits for SQLite's lock holds its thread, and others must get by


class TwoChains(ASGIHandler):
    def __init__(self):
        super().__init__()
        self._in_thread = BaseHandler()
        self._in_thread.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._letterbox: Letterbox | None = None

    async def get_response_async(self, request):
        if waits(request.path_info):
            return await super().get_response_async(request)
        with self._letterbox_of(asyncio.get_running_loop()).in_use():
            return await sync_to_async(self._answer, thread_sensitive=False, executor=self._threads)(request)

    def _letterbox_of(self, loop: asyncio.AbstractEventLoop) -> Letterbox:
        """A server has one event loop; only tests have several, one after the other."""
        if self._letterbox is None or self._letterbox.loop is not loop:
            self._letterbox = Letterbox(loop)
        return self._letterbox

    def _answer(self, request):
        """Django's signals of a request come in another thread, so its connections are looked after here."""
        try:
            return self._in_thread.get_response(request)
        finally:
            close_old_connections()


def waits(path: str) -> bool:
    """Whether the view at this address is asynchronous."""
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False
