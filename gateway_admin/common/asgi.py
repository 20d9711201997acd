"""Django below ASGI with one change of threads per request instead of one per middleware.

Django runs a chain of middleware either on the event loop, where each synchronous method of each of them is a trip to
a thread and back (some fifteen of them per request, measured at 2 ms of 3), or as a whole in a thread, where an
asynchronous view keeps the thread for as long as it waits. So both chains are kept, and the view decides.

What Django's handler does around the second chain (signals at the begin and at the end, each in a thread of its own,
and a task that waits for the client to go) is done in that one thread too, or not at all: a short request costs a
third less, and threads that contend for the interpreter do so once.

The threads of the second chain stay, each with its connection to the database: a thread and a connection of its own
was a quarter of what a short request cost.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from asgiref.sync import iscoroutinefunction
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.urls import Resolver404, ResolverMatch, resolve, set_script_prefix

from .notices import Letterbox

THREADS = 64  # requests at once; one that waits for SQLite's lock holds its thread, and others must get by


class TwoChains(ASGIHandler):
    def __init__(self):
        super().__init__()
        self._chain = ThreadChain()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._letterbox: Letterbox | None = None

    async def __call__(self, scope, receive, send):
        match = found(scope["path"].removeprefix(get_script_prefix(scope)))
        if waits(match):
            await super().__call__(scope, receive, send)
        else:
            await self._serve_in_thread(scope, receive, send, match)

    async def _serve_in_thread(self, scope, receive, send, match: ResolverMatch | None) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        request, response = self.create_request(scope, body)
        if request is None:
            body.close()
        else:
            request.resolver_match = match
            loop = asyncio.get_running_loop()
            with self._letterbox_of(loop).in_use():
                context = copy_context()
            response = await loop.run_in_executor(self._threads, context.run, self._chain.answer, scope, request)
        await self.send_response(response, send)

    def _letterbox_of(self, loop: asyncio.AbstractEventLoop) -> Letterbox:
        """A server has one event loop; only tests have several, one after the other."""
        if self._letterbox is None or self._letterbox.loop is not loop:
            self._letterbox = Letterbox(loop)
        return self._letterbox


class ThreadChain(BaseHandler):
    """The synchronous middleware and views. Their answers are whole: nothing here streams."""

    def __init__(self):
        super().__init__()
        self.load_middleware(is_async=False)

    def answer(self, scope, request):
        """With all that belongs to a request in this thread: its connections are looked after by the signals."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        response = self.get_response(request)
        response.close()  # the request's files, and the signal at the end; the content stays
        return response

    def resolve_request(self, request):
        """What was resolved to choose the chain need not be resolved again."""
        return request.resolver_match or super().resolve_request(request)


def found(path: str) -> ResolverMatch | None:
    try:
        return resolve(path)
    except Resolver404:
        return None


def waits(match: ResolverMatch | None) -> bool:
    """Whether the view is asynchronous."""
    return match is not None and iscoroutinefunction(match.func)
