"""From the body of ``POST /api/explain`` to the request it asks about.

Only the shape is judged here. A request that is wrong in itself (a malformed host, a path that climbs above /) is a
good question: the answer is what the gateway would say to it.

    {"url": "http://orders.test/api/7?full=1"}                        scheme, host, port and path in one
    {"method": "POST", "host": "orders.test", "path": "/api", "headers": {"X-Version": "2", "Accept": ["a", "b"]}}
"""

import re
from collections.abc import Iterator
from typing import Any

from gateway_admin.catalog.explaining import Question
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import ENTITY, Problem
from proxy_engine.spec.scalars import is_ip

DEFAULT_HOST = "localhost"
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(https?)://([^/?#@\\\s]+)((?:[/?][^#\s]*)?)\Z", re.I)


def _ip(text: str) -> str | None:
    return None if is_ip(text) else "expected an IP address"


def _url(text: str) -> str | None:
    return None if _URL.match(text) else "expected http:// or https://, a host, and no user or fragment"


def _header_name(name: str) -> str | None:
    if name.strip().lower() == "host":
        return "give it as host"
    return "must not contain a colon" if ":" in name else None


FIELDS = spec.Record(
    fields={
        "method": spec.String(default="GET", help="As in the request line."),
        "url": spec.String(rules=(_url,), help="Scheme, host, port and path in one, instead of path and scheme."),
        "path": spec.String(help="With the query, as a client writes it. Required without url."),
        "host": spec.String(help=f"The Host header. Default: that of url, else {DEFAULT_HOST}."),
        "headers": spec.Map(
            keys=(_header_name,),
            values=spec.Array(of=spec.String(), min_items=1),
            default={},
            help="All others.",
        ),
        "scheme": spec.String(choices=tuple(DEFAULT_PORTS), help="Default: that of url, else http."),
        "port": spec.Integer(
            min=1,
            max=65535,
            help="Of the listener that the request comes in at. Default: that of url or host, else the scheme's.",
        ),
        "clientIp": spec.String(default="127.0.0.1", rules=(_ip,), help="Where the client connects from."),
    }
)


def read_question(body: Any) -> Question:
    """Raises ``EntityInvalid``, its problems under the names of the body."""
    if not isinstance(body, dict):
        raise EntityInvalid([Problem(ENTITY, "expected an object")])
    problems: list[Problem] = []
    values = FIELDS.check(_with_lists(body), (), problems)
    problems += _contradictions(values)
    if problems:
        raise EntityInvalid(problems)
    return _question(values)


def _with_lists(body: dict) -> dict:
    """A header's value alone is a list of one."""
    headers = body.get("headers")
    if not isinstance(headers, dict):
        return body
    return body | {"headers": {name: [value] if isinstance(value, str) else value for name, value in headers.items()}}


def _contradictions(values: dict) -> Iterator[Problem]:
    if values["url"] is None:
        if values["path"] is None:
            yield Problem(("path",), "required field missing: a path, or a url instead", "required")
        return
    for name in ("path", "scheme"):
        if values[name] is not None:
            yield Problem((name,), "is part of url: leave one of the two out")


def _question(values: dict) -> Question:
    scheme, host, target = values["scheme"] or "http", DEFAULT_HOST, values["path"]
    address = None  # what the client connects to
    if values["url"] is not None:
        scheme, host, rest = _URL.match(values["url"]).groups()
        scheme, target, address = scheme.lower(), rest if rest.startswith("/") else f"/{rest}", host
    host = values["host"] or host
    return Question(
        method=values["method"],
        target=target,
        host=host,
        headers=tuple((name, value) for name, found in values["headers"].items() for value in found),
        scheme=scheme,
        port=values["port"] or _port_of(address or host) or DEFAULT_PORTS[scheme],
        client_ip=values["clientIp"],
    )


def _port_of(host: str) -> int | None:
    parts = spec.split_host_port(host)
    return parts[1] if parts is not None else None
