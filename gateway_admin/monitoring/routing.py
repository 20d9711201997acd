"""Addresses of the sockets."""

from django.urls import path, re_path

from . import sockets

websocket_urlpatterns = [
    path("ws/overview/", sockets.OverviewSocket.as_asgi()),
    path("ws/engines/", sockets.EnginesSocket.as_asgi()),
    path("ws/upstreams/<uuid:upstream_id>/", sockets.UpstreamSocket.as_asgi()),
    path("ws/upstreams/<uuid:upstream_id>/timeline/", sockets.TimelineSocket.as_asgi()),
    re_path(r"", sockets.NoSocket.as_asgi()),
]
