"""HTTP to Django, WebSockets to the sockets of ``monitoring`` and ``alerts``. Served by daphne."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_admin.settings")
django.setup(set_prefix=False)  # before the imports below: they need the apps loaded

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from gateway_admin.alerts.routing import websocket_urlpatterns as alert_patterns  # noqa: E402
from gateway_admin.common.asgi import TwoChains  # noqa: E402
from gateway_admin.monitoring.origins import OwnPages  # noqa: E402
from gateway_admin.monitoring.routing import websocket_urlpatterns  # noqa: E402

sockets = [*alert_patterns, *websocket_urlpatterns]  # the last one takes what is left

application = ProtocolTypeRouter(
    {
        "http": TwoChains(),
        # Browsers send cookies with WebSockets from any page; the Origin tells our pages from a stranger's.
        "websocket": OwnPages(AuthMiddlewareStack(URLRouter(sockets))),
    }
)
