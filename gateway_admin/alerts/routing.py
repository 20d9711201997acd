"""Addresses of the sockets."""

from django.urls import path

from . import sockets

websocket_urlpatterns = [path("ws/alerts/", sockets.AlertsSocket.as_asgi())]
