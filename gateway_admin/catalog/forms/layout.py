"""In which sections and under which labels the fields of an entity stand, in forms and on its page.

Each field of the spec stands in exactly one section (a test compares); order is the order of use: what one always fills
in first, the rest folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy_engine import spec


@dataclass(frozen=True)
class Section:
    """``fields``: path → label. ``slug`` names the tab that shows it on the entity's page; ``is_folded`` in forms."""

    title: str
    fields: Mapping[str, str]
    slug: str = "settings"
    is_folded: bool = True
    note: str = ""
    preset: str = ""  # a set of usual values that the form offers to fill in, see PRESETS


def labels(*names: str, **own: str) -> dict[str, str]:
    return {name: own.get(name) or name.replace("_", " ").capitalize() for name in (*names, *own)}


def _check_labels(part: str, **own: str) -> dict[str, str]:
    """``healthchecks.<part>.…``, where keywords write dots as two underscores."""
    return {f"healthchecks.{part}.{name.replace('__', '.')}": label for name, label in own.items()}


_FAILURES = {
    "unhealthy__http_failures": "Unhealthy after bad statuses",
    "unhealthy__tcp_failures": "Unhealthy after failed connections",
    "unhealthy__timeouts": "Unhealthy after timeouts",
    "unhealthy__http_statuses": "Bad statuses",
}
_ACTIVE = _check_labels(
    "active",
    type="Type",
    http_path="Path",
    healthy__interval="Interval while healthy",
    unhealthy__interval="Interval while unhealthy",
    timeout="Timeout",
    **_FAILURES,
    healthy__successes="Healthy after successes",
    healthy__http_statuses="Good statuses",
    headers="Headers",
    https_sni="TLS server name",
    https_verify_certificate="Verify certificate",
    concurrency="Concurrency",
)
_PASSIVE = _check_labels(
    "passive",
    type="Type",
    **_FAILURES,
    healthy__successes="Healthy after successes",
    healthy__http_statuses="Good statuses",
)
_HASHING = labels(
    hash_on="Hash on", hash_on_header="Header", hash_on_cookie="Cookie", hash_on_cookie_path="Cookie path",
    hash_on_query_arg="Query argument", hash_on_uri_capture="Path capture",
    hash_fallback="Fallback", hash_fallback_header="Fallback header",
    hash_fallback_query_arg="Fallback query argument", hash_fallback_uri_capture="Fallback path capture",
    slots="Slots",
)  # fmt: skip

LAYOUT: dict[str, tuple[Section, ...]] = {
    "services": (
        Section("Service", labels("name", "host", "port", "protocol", "path", "enabled", "tags"), is_folded=False),
        Section("Timeouts and retries", labels("connect_timeout", "write_timeout", "read_timeout", "retries")),
        Section("TLS to the targets", labels(tls_verify="Verify certificate", tls_verify_depth="Chain depth")),
    ),
    "routes": (
        Section(
            "Route", labels("name", "service", "paths", "hosts", "methods", "strip_path", "tags"), is_folded=False,
            note="A request must match every kind that is filled in; within a kind one entry is enough.",
        ),
        Section(
            "Advanced matching",
            labels("protocols", "headers", snis="TLS server names", regex_priority="Regex priority")
            | labels("sources", "destinations"),
        ),
        Section(
            "Forwarding",
            labels("preserve_host", "path_handling", https_redirect_status_code="HTTPS redirect status")
            | labels("request_buffering", "response_buffering"),
        ),
    ),
    "upstreams": (
        Section("Upstream", labels("name", "algorithm", "tags"), slug="balancing", is_folded=False),
        Section(
            "Active health checks", _ACTIVE, slug="health-checks", preset="active",
            note="The gateway asks each target by itself, at fixed intervals.",
        ),
        Section(
            "Passive health checks", _PASSIVE, slug="health-checks", preset="passive",
            note="The gateway watches how targets answer real requests.",
        ),
        Section(
            "Hashing", _HASHING, slug="balancing", note="Used by the algorithm consistent-hashing only.",
        ),
        Section(
            "Advanced",
            labels("host_header", use_srv_name="Send SRV name") | {"healthchecks.threshold": "Available at least"},
            slug="balancing",
        ),
    ),
    "targets": (
        Section("Target", labels("upstream", "target", "weight", "enabled", "tags"), is_folded=False),
        Section("Overrides", labels("scheme", path="Path prefix"), note="Of this target only; not in Kong."),
    ),
}  # fmt: skip

ON_ONE_LINE = {"tags", "methods"}
"""Lists of short words, written between commas."""

NOTES = {("services", "host"): "catalog/_host_note.html"}
"""Templates that say more under a field."""

ATTRIBUTES: dict[tuple[str, str], dict[str, str]] = {
    ("services", "host"): {
        "list": "upstream-names",
        "autocomplete": "off",
        "hx-get": "/admin-ui/services/destination/",
        "hx-trigger": "input changed delay:300ms",
        "hx-target": "#host-note",
        "hx-swap": "outerHTML",
        "hx-include": "[name=port]",
    },
}
"""Further attributes of a field's input: names to pick from, and the note that follows what is typed."""

PRESETS: dict[str, dict[str, Any]] = {
    "active": {
        "healthchecks.active.healthy.interval": 5,
        "healthchecks.active.healthy.successes": 2,
        "healthchecks.active.unhealthy.interval": 5,
        "healthchecks.active.unhealthy.http_failures": 3,
        "healthchecks.active.unhealthy.tcp_failures": 3,
        "healthchecks.active.unhealthy.timeouts": 3,
    },
    "passive": {
        "healthchecks.passive.unhealthy.http_failures": 5,
        "healthchecks.passive.unhealthy.tcp_failures": 2,
        "healthchecks.passive.unhealthy.timeouts": 5,
    },
}
"""Usual values. Kong's defaults are all 0, which checks nothing: whoever opens the section wants checks that act."""


def rule_at(kind: str, path: str) -> spec.Field:
    """The spec's field at ``healthchecks.active.timeout``."""
    fields: Mapping[str, spec.Field] = spec.KINDS[kind].fields
    *records, name = path.split(".")
    for record in records:
        fields = fields[record].fields
    return fields[name]


def value_at(values: Mapping, path: str) -> Any:
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` → ``{"a": {"b": 1}}``."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *records, name = path.split(".")
        place = nested
        for record in records:
            place = place.setdefault(record, {})
        place[name] = value
    return nested
