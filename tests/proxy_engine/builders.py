"""Entities and heads that are valid as they are; a test names only what it is about.

``values`` gives the JSON form, ``a_service``, ``a_route`` … the frozen specs made of it, ``a_request`` a parsed head.
"""

from __future__ import annotations

import itertools
from typing import Any

from proxy_engine import spec
from proxy_engine.http.request import RequestHead, parse_head

from .pems import a_pair

_numbers = itertools.count(1)

_SOMEBODY = {"id": "00000000-0000-4000-8000-000000000002"}
_CERTIFICATE = {"id": "00000000-0000-4000-8000-000000000003"}

SMALLEST: dict[str, dict[str, Any]] = {
    "services": {"host": "origin.test"},
    "routes": {"paths": ["/"]},
    "upstreams": {"name": "pool.test"},
    "targets": {"target": "10.0.0.1:8000", "upstream": {"id": "00000000-0000-4000-8000-000000000001"}},
    "consumers": {"username": "alice"},
    "keyauth_credentials": {"consumer": _SOMEBODY},
    "basicauth_credentials": {"username": "alice", "password": "opensesame", "consumer": _SOMEBODY},
    "acls": {"group": "gold", "consumer": _SOMEBODY},
    "plugins": {"name": "key-auth"},
    "certificates": a_pair()._asdict(),
    "snis": {"name": "a.test", "certificate": _CERTIFICATE},
    "ca_certificates": {"cert": a_pair(is_authority=True).cert},
}
"""What has to be given for each kind; everything else has a default."""

SMALLEST_CONFIG: dict[str, dict[str, Any]] = {
    "acl": {"allow": ["gold"]},
    "ip-restriction": {"deny": ["10.0.0.0/8"]},
    "proxy-cache": {"strategy": "memory"},
    "rate-limiting": {"minute": 5},
}
"""The same for the settings of plugins; those not named here need none."""


def an_id(number: int) -> str:
    """A UUID whose order is that of ``number``."""
    return f"00000000-0000-4000-8000-{number:012x}"


def values(kind: str, **given: Any) -> dict[str, Any]:
    """Checked values, with an id of their own. A route loses its default path when it is given another matcher."""
    smallest = SMALLEST[kind]
    if kind == "routes" and any(given.get(name) for name in ("hosts", "methods", "headers", "snis")):
        smallest = {}
    checked = spec.check(kind, {"id": an_id(next(_numbers))} | smallest | given)
    assert not checked.problems, checked.problems
    return checked.values


def a_service(**given: Any) -> spec.Service:
    return spec.to_spec("services", values("services", **given))


def a_route(**given: Any) -> spec.Route:
    return spec.to_spec("routes", values("routes", **given))


def an_upstream(**given: Any) -> spec.Upstream:
    return spec.to_spec("upstreams", values("upstreams", **given))


def a_target(**given: Any) -> spec.Target:
    return spec.to_spec("targets", values("targets", **given))


def a_block(*lines: str) -> bytes:
    """Header lines as they lie between the request line and the empty line."""
    return "\r\n".join(lines).encode("latin-1")


def a_request(*lines: str, method: str = "GET", target: str = "/", version: str = "1.1") -> RequestHead:
    """A head with ``Host: example.com`` unless the lines bring one."""
    if not any(line.lower().startswith("host:") for line in lines):
        lines = ("Host: example.com", *lines)
    return parse_head(f"{method} {target} HTTP/{version}".encode("latin-1"), a_block(*lines), None)
