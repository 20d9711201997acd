"""Services: fields, rules, and the ``url`` shorthand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from . import scalars
from .entity import Entity, milliseconds, name, tags, text
from .schema import ENTITY, Array, Boolean, Checked, Field, Integer, Problem, Reference, String

PROTOCOLS = ("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")
_TLS_FIELDS = ("client_certificate", "tls_verify", "tls_verify_depth", "ca_certificates")
_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")

SERVICE_FIELDS: dict[str, Field] = {
    "name": name("A unique name for people and URLs."),
    "protocol": String(default="http", required=True, choices=PROTOCOLS, help="How the gateway speaks to the targets."),
    "host": text(
        scalars.host, required=True, max_length=255, help="The name of an upstream, or a DNS name or address."
    ),
    "port": Integer(default=80, required=True, min=0, max=65535, help="Not used when the host names an upstream."),
    "path": text(scalars.path, help="Put before the path of each request, e.g. /v2."),
    "retries": Integer(
        default=5,
        min=0,
        max=32767,
        help="Further tries on other targets when a connection fails.",
    ),
    "connect_timeout": milliseconds("Time allowed to open a connection to a target."),
    "write_timeout": milliseconds("Time allowed between two writes to a target."),
    "read_timeout": milliseconds("Time allowed between two reads from a target."),
    "enabled": Boolean(default=True, required=True, help="Off: the service's routes match nothing."),
    "client_certificate": Reference(to="certificates", help="Shown to targets that ask for one (https only)."),
    "tls_verify": Boolean(help="Check the target's certificate (https only)."),
    "tls_verify_depth": Integer(min=0, max=64, help="Longest chain of certificates accepted (https only)."),
    "ca_certificates": Array(
        of=text(scalars.uuid),
        help="Ids of the CA certificates that targets are checked against (https only). Empty: the system's.",
    ),
    "tags": tags(),
}


def _service_rules(values: Mapping) -> Iterable[Problem]:
    protocol = values["protocol"]
    if protocol in ("tcp", "tls", "udp", "grpc", "grpcs") and values["path"] is not None:
        yield Problem(("path",), "value must be null")
    if protocol not in ("https", "tls"):
        for field in _TLS_FIELDS:
            if values[field] is not None:
                yield Problem((field,), "value must be null")
                yield Problem(ENTITY, "failed conditional validation given value of field 'protocol'")


def _expand_url(patch: Mapping) -> Checked:
    """``url`` overrides protocol, host, port and path even where they are given too (Kong).

    A text without ``//`` has no host: it is all path, and the checks of host and path refuse it.
    """
    rest = {name: value for name, value in patch.items() if name != "url"}
    url = patch.get("url")
    if url is None:
        return Checked(rest, [])
    problems: list[Problem] = []
    String().check(url, ("url",), problems)  # ``urlsplit`` would silently drop tabs and line ends
    if problems:
        return Checked(rest, problems)
    if not _AUTHORITY.match(url):
        return Checked(rest | {"protocol": "http", "host": None, "port": 80, "path": url}, [])
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return Checked(rest, [Problem(("url",), f"invalid url: {error}")])
    if "@" in parts.netloc or parts.query or parts.fragment:
        return Checked(rest, [Problem(("url",), "must not have a user, query or fragment")])
    scheme = parts.scheme or {443: "https"}.get(port or 80, "http")
    rest |= {
        "protocol": scheme,
        "host": _host_as_written(parts.netloc) or None,
        "port": port if port is not None else {"https": 443}.get(scheme, 80),
        "path": parts.path or None,
    }
    return Checked(rest, [])


def _host_as_written(netloc: str) -> str:
    """Without the port, but in the client's own case (``urlsplit().hostname`` lowers it)."""
    host, colon, port = netloc.rpartition(":")
    return host if colon and not port.endswith("]") else netloc


SERVICES = Entity(
    "services",
    "service",
    SERVICE_FIELDS,
    (("name",),),
    "name",
    (_service_rules,),
    expand=_expand_url,
    endpoint_key="name",
)
