"""Routes: fields. What their protocols demand and what their paths may be stands in ``route_rules``."""

from __future__ import annotations

from collections.abc import Mapping

from . import scalars
from .entity import Entity, name, tags, text
from .route_rules import check_route, fill_strip_path, route_path
from .schema import Array, Boolean, Field, Integer, Map, Record, Reference, Set, String
from .services import PROTOCOLS


def _address_or_port(peer: Mapping) -> str | None:
    if peer["ip"] is None and peer["port"] is None:
        return "at least one of these fields must be non-empty: 'ip', 'port'"
    return None


def _peers() -> Set:
    fields = {"ip": text(scalars.cidr), "port": Integer(min=0, max=65535)}
    return Set(of=Record(fields=fields, rules=(_address_or_port,)), help="Addresses or ports; tcp, tls and udp only.")


ROUTE_FIELDS: dict[str, Field] = {
    "name": name("A unique name for people and URLs."),
    "protocols": Set(
        of=String(choices=PROTOCOLS),
        default=["http", "https"],
        required=True,
        min_items=1,
        help="https without http: plain requests are asked to upgrade.",
    ),
    "methods": Set(of=text(scalars.method, max_length=64), help="GET, POST … Empty: any method."),
    "hosts": Array(
        of=text(scalars.route_host, max_length=261),
        help="example.com, *.example.com, example.* or example.com:8443. Empty: any host.",
    ),
    "paths": Array(
        of=text(route_path, max_length=2048),
        help="A prefix such as /api, or ~ and a regular expression, such as ~/users/(?<id>[0-9]+)$.",
    ),
    "headers": Map(
        values=Array(of=String(), min_items=1),
        keys=(scalars.header_name,),
        help="Each header named must have one of its values; ~* starts a regular expression.",
    ),
    "snis": Set(of=text(scalars.wildcard_host, max_length=255), help="TLS server names. Empty: any."),
    "sources": _peers(),
    "destinations": _peers(),
    "service": Reference(to="services", help="Where matching requests go."),
    "strip_path": Boolean(default=True, required=True, help="Take the matched prefix off before forwarding."),
    "preserve_host": Boolean(default=False, required=True, help="Send the client's Host header to the target."),
    "regex_priority": Integer(
        default=0, min=-(2**31), max=2**31 - 1, help="Among regular expressions the larger number wins."
    ),
    "path_handling": String(default="v0", choices=("v0", "v1"), help="How service path and request path are joined."),
    "https_redirect_status_code": Integer(
        default=426,
        required=True,
        choices=(426, 301, 302, 307, 308),
        help="Answer to a plain request on an https-only route.",
    ),
    "request_buffering": Boolean(default=True, required=True, help="Kept for Kong clients; bodies always stream."),
    "response_buffering": Boolean(default=True, required=True, help="Kept for Kong clients; bodies always stream."),
    "tags": tags(),
}

ROUTES = Entity(
    "routes",
    "route",
    ROUTE_FIELDS,
    (("name",),),
    "name",
    (check_route,),
    fill=fill_strip_path,
    endpoint_key="name",
)
