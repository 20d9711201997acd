"""Which pages may open sockets: ours, to the port, as with forms. Browsers send cookies along from any page, and those
of other ports of this machine are the same site to them, so that ``SameSite`` does not help.
"""

from channels.db import database_sync_to_async
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from gateway_admin.common.permissions import log_denial


class OwnPages:
    """Who tells no origin is no browser, and has no session to open a socket with."""

    def __init__(self, application):
        self.application = application

    async def __call__(self, scope, receive, send):
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin, host = headers.get(b"origin", ""), headers.get(b"host", "")
        if is_own(origin, host):
            return await self.application(scope, receive, send)
        address = (scope.get("client") or [""])[0]
        reason = f"the origin {origin[:100]!a} is not ours"
        await database_sync_to_async(log_denial, thread_sensitive=False)(
            "a stranger", address, f"WEBSOCKET {scope['path']}", reason
        )
        return await WebsocketDenier()(scope, receive, send)


def is_own(origin: str, host: str) -> bool:
    """``host``: as the request names ours. A proxy in front may speak TLS for us, so either scheme will do."""
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    return origin in (f"http://{host}", f"https://{host}", *settings.CSRF_TRUSTED_ORIGINS)
