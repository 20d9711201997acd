"""Routes and services that are valid as they are; a test names only what it is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from proxy_engine.routing import Match, RouteTable
from proxy_engine.spec import Route, Service

_numbers = itertools.count(1)


def an_id(number: int) -> str:
    """A UUID whose order is that of ``number``."""
    return f"00000000-0000-4000-8000-{number:012x}"


def a_route(**given: Any) -> Route:
    if isinstance(given.get("headers"), dict):
        given["headers"] = tuple((name, tuple(values)) for name, values in given["headers"].items())
    route: dict[str, Any] = {
        "id": an_id(next(_numbers)),
        "name": None,
        "protocols": ("http", "https"),
        "methods": (),
        "hosts": (),
        "paths": (),
        "headers": (),
        "snis": (),
        "sources": (),
        "destinations": (),
        "service_id": None,
        "strip_path": True,
        "preserve_host": False,
        "regex_priority": 0,
        "path_handling": "v0",
        "https_redirect_status_code": 426,
        "request_buffering": True,
        "response_buffering": True,
        "tags": (),
    }
    for name, value in given.items():
        route[name] = tuple(value) if isinstance(value, list) else value
    return Route(**route)


def a_service(**given: Any) -> Service:
    service: dict[str, Any] = {
        "id": an_id(next(_numbers)),
        "name": None,
        "protocol": "http",
        "host": "origin.test",
        "port": 80,
        "path": None,
        "retries": 5,
        "connect_timeout": 60_000,
        "write_timeout": 60_000,
        "read_timeout": 60_000,
        "enabled": True,
        "tls_verify": None,
        "tls_verify_depth": None,
        "tags": (),
    }
    return Service(**service | given)


def a_table(*routes: Route, services: Iterable[Service] = ()) -> RouteTable:
    return RouteTable.build(routes, {service.id: service for service in services})


def ask(
    table: RouteTable,
    path: bytes = b"/",
    *,
    method: bytes = b"GET",
    host: bytes = b"example.com",
    headers: dict[bytes, list[bytes]] | None = None,
    port: int = 8000,
    scheme: str = "http",
    sni: str | None = None,
) -> Match | None:
    return table.match(method, host, path, lambda: headers or {}, port, scheme, sni)
