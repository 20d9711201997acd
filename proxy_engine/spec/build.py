"""Checked values → frozen specs for the engine. Unknown keys are ignored, so that an older engine reads newer rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from .scalars import split_host_port
from .types import (
    ActiveChecks,
    CircuitBreaker,
    ConnectionRules,
    Drain,
    Healthchecks,
    HealthyRule,
    PassiveChecks,
    ProbeRules,
    RetryRules,
    Route,
    Service,
    SlowStart,
    Target,
    UnhealthyRule,
    Upstream,
)

_R = TypeVar("_R", RetryRules, CircuitBreaker, ConnectionRules, SlowStart, Drain)


def _take(values: Mapping, *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _headers(headers: Mapping[str, list[str]] | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(values)) for name, values in (headers or {}).items())


def _tuple(values: list | None) -> tuple:
    return tuple(values or ())


def service(values: Mapping) -> Service:
    return Service(
        **_take(
            values,
            "id",
            "name",
            "protocol",
            "host",
            "port",
            "path",
            "retries",
            "connect_timeout",
            "write_timeout",
            "read_timeout",
            "enabled",
            "tls_verify",
            "tls_verify_depth",
        ),
        tags=_tuple(values["tags"]),
    )


def route(values: Mapping) -> Route:
    return Route(
        **_take(
            values,
            "id",
            "name",
            "strip_path",
            "preserve_host",
            "regex_priority",
            "path_handling",
            "https_redirect_status_code",
            "request_buffering",
            "response_buffering",
        ),
        **{name: _tuple(values[name]) for name in ("protocols", "methods", "hosts", "paths", "snis", "tags")},
        **{
            name: tuple((peer["ip"], peer["port"]) for peer in values[name] or ())
            for name in ("sources", "destinations")
        },
        headers=_headers(values["headers"]),
        service_id=values["service"]["id"] if values["service"] else None,
    )


def upstream(values: Mapping) -> Upstream:
    return Upstream(
        **_take(
            values,
            "id",
            "name",
            "algorithm",
            "hash_on",
            "hash_fallback",
            "hash_on_header",
            "hash_fallback_header",
            "hash_on_cookie",
            "hash_on_cookie_path",
            "hash_on_query_arg",
            "hash_fallback_query_arg",
            "hash_on_uri_capture",
            "hash_fallback_uri_capture",
            "slots",
            "host_header",
            "when_all_unhealthy",
            "panic_threshold",
        ),
        slow_start=_record(SlowStart, values["slow_start"]),
        client_certificate_id=values["client_certificate"]["id"] if values["client_certificate"] else None,
        healthchecks=healthchecks(values["healthchecks"]),
        probe=_probe(values["probe"]),
        retry=_record(RetryRules, values["retry"]),
        circuit_breaker=_record(CircuitBreaker, values["circuit_breaker"]),
        connections=_record(ConnectionRules, values["connections"]),
        tags=_tuple(values["tags"]),
    )


def healthchecks(values: Mapping) -> Healthchecks:
    return Healthchecks(active_checks(values["active"]), passive_checks(values["passive"]), values["threshold"])


def active_checks(active: Mapping) -> ActiveChecks:
    return ActiveChecks(
        **_take(active, "type", "timeout", "concurrency", "http_path", "https_sni", "https_verify_certificate"),
        headers=_headers(active["headers"]),
        healthy=_healthy(active["healthy"]),
        unhealthy=_unhealthy(active["unhealthy"]),
    )


def passive_checks(passive: Mapping) -> PassiveChecks:
    return PassiveChecks(passive["type"], _healthy(passive["healthy"]), _unhealthy(passive["unhealthy"]))


def _healthy(rule: Mapping) -> HealthyRule:
    return HealthyRule(rule.get("interval", 0), frozenset(rule["http_statuses"]), rule["successes"])


def _unhealthy(rule: Mapping) -> UnhealthyRule:
    return UnhealthyRule(
        rule.get("interval", 0),
        frozenset(rule["http_statuses"]),
        rule["tcp_failures"],
        rule["timeouts"],
        rule["http_failures"],
    )


def _probe(values: Mapping) -> ProbeRules:
    taken = {field.name: values[field.name] for field in fields(ProbeRules)}
    return ProbeRules(**taken | {"json": _tuple(values["json"])})


def _record(spec: type[_R], values: Mapping) -> _R:
    """A record whose attributes are named as its fields are; lists in it are sets."""
    taken = ((field.name, values[field.name]) for field in fields(spec))
    return spec(**{name: frozenset(value) if isinstance(value, list) else value for name, value in taken})


def target(values: Mapping) -> Target:
    parts = split_host_port(values["target"])
    if parts is None or parts[1] is None:
        raise ValueError(f"not a normalised target: {values['target']!r}")
    return Target(
        **_take(values, "id", "target", "weight", "enabled", "priority", "scheme", "path"),
        upstream_id=values["upstream"]["id"],
        host=parts[0],
        port=parts[1],
        tags=_tuple(values["tags"]),
        drain=values["drain"] and _record(Drain, values["drain"]),
    )


_BUILDERS: dict[str, Callable[[Mapping], Any]] = {
    "services": service,
    "routes": route,
    "upstreams": upstream,
    "targets": target,
}

BUILT_KINDS = tuple(_BUILDERS)
"""The kinds that the engine acts on. What plugins, consumers and certificates do to traffic is not built yet."""


def to_spec(kind: str, values: Mapping) -> Service | Route | Upstream | Target:
    """Raises KeyError, TypeError or ValueError when ``values`` were not checked before."""
    return _BUILDERS[kind](values)
