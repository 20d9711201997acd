"""The entities: fields, defaults and the rules that span several fields. Facts: Kong Admin API 3.10, community edition.

``check`` never raises, whatever it is fed; it returns values in normal form and what is wrong with them.
``expand`` turns a client's shorthands and couplings (``url``, ``hash_on`` → ``algorithm``) into plain fields; the REST
dialects call it on what they received, before merging and checking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import scalars
from .health_fields import HEALTHCHECKS
from .route_rules import check_route, fill_strip_path, route_path
from .schema import (
    ENTITY,
    Array,
    Boolean,
    Checked,
    Field,
    Integer,
    Map,
    Problem,
    Record,
    Reference,
    Set,
    String,
    check_fields,
    merge_fields,
)
from .upstream_fields import CIRCUIT_BREAKER, CONNECTIONS, RETRY

PROTOCOLS = ("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")
ALGORITHMS = ("consistent-hashing", "least-connections", "round-robin", "latency", "random", "power-of-two")
HASH_INPUTS = ("none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture", "url")
"""Kong's, and ``url``: path and query as the client sent them."""
HASHLESS_ALGORITHMS = ("least-connections", "latency", "random", "power-of-two")
CONTROL_FIELDS = ("id", "created_at", "updated_at")
"""Written by the control plane, carried along unchecked."""

_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")


@dataclass(frozen=True)
class Entity:
    """One kind of editable row."""

    kind: str
    label: str  # one of them, in a sentence: "route"
    fields: Mapping[str, Field]
    unique: tuple[tuple[str, ...], ...]
    label_field: str
    rules: tuple[Callable[[Mapping], Iterable[Problem]], ...] = ()
    fill: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # before: defaults that depend on other fields
    normalise: Callable[[dict[str, Any]], dict[str, Any]] | None = None  # after, on well-formed values


def _text(*rules: scalars.Rule, **kw: Any) -> String:
    return String(rules=rules, **kw)


def _milliseconds(sentence: str) -> Integer:
    return Integer(default=60000, min=1, max=2147483646, unit="ms", help=sentence)


def _tags() -> Set:
    return Set(of=_text(scalars.tag, max_length=255), help="Words for grouping and filtering, e.g. team-a.")


def _name(sentence: str) -> String:
    return _text(scalars.name, max_length=255, help=sentence)


def _address_or_port(peer: Mapping) -> str | None:
    if peer["ip"] is None and peer["port"] is None:
        return "at least one of these fields must be non-empty: 'ip', 'port'"
    return None


def _peers() -> Set:
    fields = {"ip": _text(scalars.cidr), "port": Integer(min=0, max=65535)}
    return Set(of=Record(fields=fields, rules=(_address_or_port,)), help="Addresses or ports; tcp, tls and udp only.")


SERVICE_FIELDS: dict[str, Field] = {
    "name": _name("A unique name for people and URLs."),
    "protocol": String(default="http", required=True, choices=PROTOCOLS, help="How the gateway speaks to the targets."),
    "host": _text(
        scalars.host, required=True, max_length=255, help="The name of an upstream, or a DNS name or address."
    ),
    "port": Integer(default=80, required=True, min=0, max=65535, help="Not used when the host names an upstream."),
    "path": _text(scalars.path, help="Put before the path of each request, e.g. /v2."),
    "retries": Integer(
        default=5,
        min=0,
        max=32767,
        help="Further tries on other targets when a connection fails.",
    ),
    "connect_timeout": _milliseconds("Time allowed to open a connection to a target."),
    "write_timeout": _milliseconds("Time allowed between two writes to a target."),
    "read_timeout": _milliseconds("Time allowed between two reads from a target."),
    "enabled": Boolean(default=True, required=True, help="Off: the service's routes match nothing."),
    "tls_verify": Boolean(help="Check the target's certificate (https only)."),
    "tls_verify_depth": Integer(min=0, max=64, help="Longest chain of certificates accepted (https only)."),
    "tags": _tags(),
}

ROUTE_FIELDS: dict[str, Field] = {
    "name": _name("A unique name for people and URLs."),
    "protocols": Set(
        of=String(choices=PROTOCOLS),
        default=["http", "https"],
        required=True,
        min_items=1,
        help="https without http: plain requests are asked to upgrade.",
    ),
    "methods": Set(of=_text(scalars.method, max_length=64), help="GET, POST … Empty: any method."),
    "hosts": Array(
        of=_text(scalars.route_host, max_length=261),
        help="example.com, *.example.com, example.* or example.com:8443. Empty: any host.",
    ),
    "paths": Array(
        of=_text(route_path, max_length=2048),
        help="A prefix such as /api, or ~ and a regular expression, such as ~/users/(?<id>[0-9]+)$.",
    ),
    "headers": Map(
        values=Array(of=String(), min_items=1),
        keys=(scalars.header_name,),
        help="Each header named must have one of its values; ~* starts a regular expression.",
    ),
    "snis": Set(of=_text(scalars.wildcard_host, max_length=255), help="TLS server names. Empty: any."),
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
    "tags": _tags(),
}

_HASH_HEADER = "The header whose value is hashed."
UPSTREAM_FIELDS: dict[str, Field] = {
    "name": _text(
        scalars.upstream_name,
        required=True,
        max_length=255,
        help="A virtual host name; a service uses the upstream by naming it as its host.",
    ),
    "algorithm": String(
        default="round-robin",
        choices=ALGORITHMS,
        help="How a target is picked for each request.",
    ),
    "hash_on": String(default="none", choices=HASH_INPUTS, help="What consistent hashing looks at."),
    "hash_fallback": String(
        default="none", choices=HASH_INPUTS, help="What it looks at when the first is missing from a request."
    ),
    "hash_on_header": _text(scalars.header_name, max_length=255, help=_HASH_HEADER),
    "hash_fallback_header": _text(scalars.header_name, max_length=255, help=_HASH_HEADER),
    "hash_on_cookie": _text(scalars.cookie_name, max_length=255, help="The cookie; set by the gateway when absent."),
    "hash_on_cookie_path": _text(scalars.path, default="/", help="Path attribute of the cookie."),
    "hash_on_query_arg": String(max_length=255, help="The query argument whose value is hashed."),
    "hash_fallback_query_arg": String(max_length=255, help="The query argument whose value is hashed."),
    "hash_on_uri_capture": String(max_length=255, help="The group of the route's regular expression."),
    "hash_fallback_uri_capture": String(max_length=255, help="The group of the route's regular expression."),
    "slots": Integer(default=10000, min=10, max=65536, help="Places on the hash ring."),
    "host_header": _text(
        scalars.host_with_optional_port,
        max_length=261,
        help="Host header sent to targets. Empty: the target's name.",
    ),
    "use_srv_name": Boolean(default=False, help="Send the SRV name as Host header."),
    "healthchecks": HEALTHCHECKS,
    "when_all_unhealthy": String(
        default="refuse",
        choices=("refuse", "use_all"),
        ours=True,
        help="While no target is healthy, or too few for the threshold: answer 503, or use them all the same.",
    ),
    "retry": RETRY,
    "circuit_breaker": CIRCUIT_BREAKER,
    "connections": CONNECTIONS,
    "tags": _tags(),
}

TARGET_FIELDS: dict[str, Field] = {
    "target": String(required=True, max_length=262, help="host:port, address:port or [IPv6]:port; port 8000 if none."),
    "weight": Integer(
        default=100,
        min=0,
        max=65535,
        help="Share of traffic relative to its siblings; 0: none.",
    ),
    "upstream": Reference(to="upstreams", required=True, help="The pool it belongs to."),
    "enabled": Boolean(default=True, required=True, ours=True, help="Off: gets no traffic, keeps its weight."),
    "priority": Integer(
        default=0,
        min=0,
        max=9,
        ours=True,
        help="0 is used first; a higher number is a reserve for when no target of a lower one is ready.",
    ),
    "scheme": String(choices=("http", "https"), ours=True, help="Overrides the service's protocol."),
    "path": _text(scalars.path, ours=True, help="Put before the path of each request to this target."),
    "tags": _tags(),
}


def _service_rules(values: Mapping) -> Iterable[Problem]:
    protocol = values["protocol"]
    if protocol in ("tcp", "tls", "udp", "grpc", "grpcs") and values["path"] is not None:
        yield Problem(("path",), "value must be null")
    if protocol not in ("https", "tls"):
        for field in ("tls_verify", "tls_verify_depth"):
            if values[field] is not None:
                yield Problem((field,), "value must be null")
                yield Problem(ENTITY, "failed conditional validation given value of field 'protocol'")


_HASH_DETAIL = {"header": "header", "query_arg": "query_arg", "uri_capture": "uri_capture"}


def _hash_rules(values: Mapping) -> Iterable[Problem]:
    for selector in ("hash_on", "hash_fallback"):
        detail = _HASH_DETAIL.get(values[selector])
        if detail and values[f"{selector}_{detail}"] is None:
            yield Problem((f"{selector}_{detail}",), "required field missing", "required")
    if "cookie" in (values["hash_on"], values["hash_fallback"]) and values["hash_on_cookie"] is None:
        yield Problem(("hash_on_cookie",), "required field missing", "required")
    for detail in _HASH_DETAIL.values():
        first, second = values[f"hash_on_{detail}"], values[f"hash_fallback_{detail}"]
        if first is not None and first == second:
            names = f"'hash_on_{detail}', 'hash_fallback_{detail}'"
            yield Problem(ENTITY, f"values of these fields must be distinct: {names}")


def _fallback_rules(values: Mapping) -> Iterable[Problem]:
    hash_on, fallback = values["hash_on"], values["hash_fallback"]
    if hash_on in ("none", "cookie"):
        allowed = ("none",)
    elif hash_on in ("consumer", "ip", "path", "url"):
        allowed = tuple(choice for choice in HASH_INPUTS if choice != hash_on)
    else:
        return
    if fallback not in allowed:
        yield Problem(("hash_fallback",), f"expected one of: {', '.join(allowed)}")
        yield Problem(ENTITY, "failed conditional validation given value of field 'hash_on'")


def _target_rules(values: Mapping) -> Iterable[Problem]:
    if scalars.normalise_target(values["target"]) is None:
        yield Problem(("target",), "Invalid target; not a valid hostname or ip address")


def _normal_target(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"target": scalars.normalise_target(values["target"])}


KINDS: dict[str, Entity] = {
    entity.kind: entity
    for entity in (
        Entity("services", "service", SERVICE_FIELDS, (("name",),), "name", (_service_rules,)),
        Entity("routes", "route", ROUTE_FIELDS, (("name",),), "name", (check_route,), fill=fill_strip_path),
        Entity("upstreams", "upstream", UPSTREAM_FIELDS, (("name",),), "name", (_hash_rules, _fallback_rules)),
        Entity(
            "targets",
            "target",
            TARGET_FIELDS,
            (("upstream", "target"),),
            "target",
            (_target_rules,),
            normalise=_normal_target,
        ),
    )
}


def check(kind: str, values: Any) -> Checked:
    """Values in normal form and what is wrong with them. The control plane's fields pass through untouched.

    Rules over several fields run only when each field for itself is well-formed.
    """
    entity = KINDS[kind]
    if not isinstance(values, Mapping):
        return Checked({}, [Problem(ENTITY, "expected a record")])
    problems: list[Problem] = []
    own = {name: value for name, value in values.items() if name not in CONTROL_FIELDS}
    checked = check_fields(entity.fields, entity.fill(own) if entity.fill else own, (), problems)
    if not problems:
        problems.extend(problem for rule in entity.rules for problem in rule(checked))
    if not problems and entity.normalise:
        checked = entity.normalise(checked)
    return Checked({name: values[name] for name in CONTROL_FIELDS if name in values} | checked, problems)


def merge(kind: str, current: Mapping, patch: Mapping) -> dict[str, Any]:
    """PATCH: records merge deeply, lists and maps are replaced, null unsets."""
    return merge_fields(KINDS[kind].fields, current, patch)


def defaults(kind: str) -> dict[str, Any]:
    return {name: field.fresh_default() for name, field in KINDS[kind].fields.items()}


def expand(kind: str, patch: Any) -> Checked:
    """Apply Kong's shorthands and couplings to what a REST client sent; other fields stay as they are."""
    if not isinstance(patch, Mapping):
        return Checked({}, [Problem(ENTITY, "expected a record")])
    if kind == "services" and "url" in patch:
        return _expand_url(patch)
    if kind == "upstreams":
        return Checked(_couple_algorithm(patch), [])
    return Checked(dict(patch), [])


def _expand_url(patch: Mapping) -> Checked:
    """``url`` overrides protocol, host, port and path even where they are given too (Kong).

    A text without ``//`` has no host: it is all path, and the checks of host and path refuse it.
    """
    rest = {name: value for name, value in patch.items() if name != "url"}
    url = patch["url"]
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


def _couple_algorithm(patch: Mapping) -> dict[str, Any]:
    """Kong's implicit coupling of ``algorithm`` and ``hash_on``, in its order."""
    values = dict(patch)
    if values.get("algorithm") in HASHLESS_ALGORITHMS or "hash_on" in values and values["hash_on"] is None:
        values["hash_on"] = "none"
    elif values.get("hash_on") == "none":
        values["algorithm"] = "round-robin"
    elif values.get("hash_on"):
        values["algorithm"] = "consistent-hashing"
    return values
