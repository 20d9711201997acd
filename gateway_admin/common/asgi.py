"""Django below ASGI with one change of threads per request instead of one per middleware.

Django runs a chain of middleware either on the event loop, where each synchronous method of each of them is a trip to
a thread and back (some fifteen of them per request, measured at 2 ms of 3), or as a whole in a thread, where an
asynchronous view keeps the thread for as long as it waits. So both chains are kept, and the view decides.
"""

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.urls import Resolver404, resolve


class TwoChains(ASGIHandler):
    def __init__(self):
        super().__init__()
        self._in_thread = BaseHandler()
        self._in_thread.load_middleware(is_async=False)

    async def get_response_async(self, request):
        if waits(request.path_info):
            return await super().get_response_async(request)
        return await sync_to_async(self._in_thread.get_response, thread_sensitive=True)(request)


def waits(path: str) -> bool:
    """Whether the view at this address is asynchronous."""
    try:
        return iscoroutinefunction(resolve(path).func)
    except Resolver404:
        return False
