"""Middleware that runs on the event loop: static files and the content security policy."""

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpResponse
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise for both kinds of server.

    WhiteNoise itself is synchronous: below ASGI it would hold a thread for each request that waits, and stream
    files through a thread as well. Ours are small, so they are read whole.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response):
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        found = self.files.get(request.path_info)
        if iscoroutinefunction(self):
            return sync_to_async(_whole)(found, request) if found else self.get_response(request)
        return _whole(found, request) if found else self.get_response(request)


def _whole(static_file, request):
    reply = static_file.get_response(request.method, request.META)
    content = b""
    if reply.file is not None:
        with reply.file as file:
            content = file.read()
    response = HttpResponse(content, status=int(reply.status))
    del response["Content-Type"]
    for name, value in reply.headers:
        response[name] = value
    return response


@sync_and_async_middleware
def content_security_policy(get_response):
    def guarded(response):
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    if iscoroutinefunction(get_response):

        async def middleware(request):
            return guarded(await get_response(request))
    else:

        def middleware(request):
            return guarded(get_response(request))

    return middleware
