"""Upstreams and their targets: fields, rules of hashing, and Kong's coupling of algorithm and hash input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import scalars
from .entity import Entity, tags, text
from .health_fields import HEALTHCHECKS
from .probe_fields import PROBE
from .schema import ENTITY, Boolean, Checked, Field, Integer, Problem, Reference, String
from .upstream_fields import CIRCUIT_BREAKER, CONNECTIONS, DRAIN, RETRY, SLOW_START

ALGORITHMS = ("consistent-hashing", "least-connections", "round-robin", "latency", "random", "power-of-two")
HASH_INPUTS = ("none", "consumer", "ip", "header", "cookie", "path", "query_arg", "uri_capture", "url")
"""Kong's, and ``url``: path and query as the client sent them."""
WHEN_ALL_UNHEALTHY = ("refuse", "use_all", "threshold")
HASHLESS_ALGORITHMS = ("least-connections", "latency", "random", "power-of-two")

_HASH_HEADER = "The header whose value is hashed."
UPSTREAM_FIELDS: dict[str, Field] = {
    "name": text(
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
    "hash_on_header": text(scalars.header_name, max_length=255, help=_HASH_HEADER),
    "hash_fallback_header": text(scalars.header_name, max_length=255, help=_HASH_HEADER),
    "hash_on_cookie": text(scalars.cookie_name, max_length=255, help="The cookie; set by the gateway when absent."),
    "hash_on_cookie_path": text(scalars.path, default="/", help="Path attribute of the cookie."),
    "hash_on_query_arg": String(max_length=255, help="The query argument whose value is hashed."),
    "hash_fallback_query_arg": String(max_length=255, help="The query argument whose value is hashed."),
    "hash_on_uri_capture": String(max_length=255, help="The group of the route's regular expression."),
    "hash_fallback_uri_capture": String(max_length=255, help="The group of the route's regular expression."),
    "slots": Integer(default=10000, min=10, max=65536, help="Places on the hash ring."),
    "host_header": text(
        scalars.host_with_optional_port,
        max_length=261,
        help="Host header sent to targets. Empty: the target's name.",
    ),
    "client_certificate": Reference(to="certificates", help="Shown to targets that ask for one."),
    "use_srv_name": Boolean(default=False, help="Send the SRV name as Host header."),
    "healthchecks": HEALTHCHECKS,
    "probe": PROBE,
    "when_all_unhealthy": String(
        default="refuse",
        choices=WHEN_ALL_UNHEALTHY,
        ours=True,
        help="While no target is healthy, or too few for the threshold: answer 503, or use them all the same. "
        "threshold: like use_all, and use them all as soon as less than the panic threshold is available.",
    ),
    "panic_threshold": Integer(
        default=50,
        min=1,
        max=100,
        unit="%",
        ours=True,
        help="With threshold: while less of the weight than this is available, all targets are used, whatever their "
        "health. Unlike the threshold of the health checks it never makes requests fail.",
    ),
    "slow_start": SLOW_START,
    "retry": RETRY,
    "circuit_breaker": CIRCUIT_BREAKER,
    "connections": CONNECTIONS,
    "tags": tags(),
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
    "path": text(scalars.path, ours=True, help="Put before the path of each request to this target."),
    "drain": DRAIN,
    "tags": tags(),
}


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
    drain = values["drain"]
    if drain is not None and drain["until"] < drain["since"]:
        yield Problem(("drain", "until"), "must not be before since")


def _normal_target(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"target": scalars.normalise_target(values["target"])}


def _couple_algorithm(patch: Mapping) -> Checked:
    """Kong's implicit coupling of ``algorithm`` and ``hash_on``, in its order."""
    values = dict(patch)
    if values.get("algorithm") in HASHLESS_ALGORITHMS or "hash_on" in values and values["hash_on"] is None:
        values["hash_on"] = "none"
    elif values.get("hash_on") == "none":
        values["algorithm"] = "round-robin"
    elif values.get("hash_on"):
        values["algorithm"] = "consistent-hashing"
    return Checked(values, [])


UPSTREAMS = Entity(
    "upstreams",
    "upstream",
    UPSTREAM_FIELDS,
    (("name",),),
    "name",
    (_hash_rules, _fallback_rules),
    expand=_couple_algorithm,
    endpoint_key="name",
)
TARGETS = Entity(
    "targets",
    "target",
    TARGET_FIELDS,
    (("upstream", "target"),),
    "target",
    (_target_rules,),
    normalise=_normal_target,
    endpoint_key="target",
)
