"""In which sections and under which labels the fields of an entity stand, in forms and on its page.

Each field of the spec but those of BY_ACTION stands in exactly one section (a test compares); order is the order of
use: what one always fills in first, the rest folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from proxy_engine import spec
from proxy_engine.spec import certificates
from proxy_engine.spec.check_url import USUAL

from .plugin_layout import sections_of
from .sections import Preset, Section, labels


def _record_labels(record: str, **own: str) -> dict[str, str]:
    """``<record>.…``, where keywords write dots as two underscores."""
    return {f"{record}.{name.replace('__', '.')}": label for name, label in own.items()}


_FAILURES = {
    "unhealthy__http_failures": "Unhealthy after bad statuses",
    "unhealthy__tcp_failures": "Unhealthy after failed connections",
    "unhealthy__timeouts": "Unhealthy after timeouts",
    "unhealthy__http_statuses": "Bad statuses",
}
_ACTIVE = _record_labels(
    "healthchecks.active",
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
_PROBE = _record_labels(
    "probe",
    method="Method",
    host="Host",
    port="Port",
    body="Request body",
    contains="Body contains",
    matches="Body matches",
    json="JSON says",
    grpc_service="gRPC service",
    jitter="Jitter",
    start_unhealthy="New targets wait",
)
_PASSIVE = _record_labels(
    "healthchecks.passive",
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

_RETRIES = _record_labels(
    "retry",
    statuses="Statuses tried again",
    on_read_timeout="After a read timeout",
    backoff="First wait",
    max_backoff="Longest wait",
    total_timeout="Time for all tries",
    budget="Budget",
    budget_min="Always allowed",
)
_BREAKER = _record_labels(
    "circuit_breaker",
    consecutive_failures="Failures in a row",
    failure_percentage="Share of failures",
    minimum_requests="Share counts from",
    window="Window of the share",
    http_statuses="Failure statuses",
    open_time="Ejected for",
    half_open_requests="Trial requests",
    max_ejected="Ejected at most",
)
_SLOW_START = _record_labels("slow_start", window="Window", min_share="Begins with", aggression="Aggression")
_CONNECTIONS = _record_labels(
    "connections",
    pool_size="Idle connections",
    idle_timeout="Idle time",
    max_requests="Requests per connection",
    connect_timeout="Connect timeout",
    write_timeout="Write timeout",
    read_timeout="Read timeout",
    tcp_keepalive_idle="TCP keepalive after",
    tcp_keepalive_interval="TCP keepalive interval",
    tcp_keepalive_count="TCP keepalive probes",
    receive_buffer="Receive buffer",
    tcp_fast_open="TCP fast open",
)

BY_ACTION = {("targets", "drain")}
"""Set by actions with pages of their own, not in the form."""

LAYOUT: dict[str, tuple[Section, ...]] = {
    "services": (
        Section("Service", labels("name", "host", "port", "protocol", "path", "enabled", "tags"), is_folded=False),
        Section("Timeouts and retries", labels("connect_timeout", "write_timeout", "read_timeout", "retries")),
        Section(
            "TLS to the targets",
            labels(
                tls_verify="Verify certificate",
                tls_verify_depth="Chain depth",
                ca_certificates="CA certificates",
                client_certificate="Client certificate",
            ),
        ),
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
            "Active health checks", _ACTIVE, slug="health-checks", key="active",
            note="The gateway asks each target by itself, at fixed intervals.",
        ),
        Section(
            "What the checks ask and expect", _PROBE, slug="health-checks", key="probe",
            note="Of the active checks; Kong has none of these.",
        ),
        Section(
            "Passive health checks", _PASSIVE, slug="health-checks", key="passive",
            note="The gateway watches how targets answer real requests.",
        ),
        Section(
            "When all are unhealthy",
            {"healthchecks.threshold": "Available at least"}
            | labels(when_all_unhealthy="Then", panic_threshold="Panic threshold"),
            slug="health-checks", key="all_unhealthy", note="What happens to requests then.",
        ),
        Section(
            "Slow start", _SLOW_START, slug="health-checks", key="slow_start",
            note="Targets that are new or came back get their share little by little.",
        ),
        Section(
            "Circuit breaker", _BREAKER, slug="health-checks", key="breaker",
            note="Each worker ejects a target for a time when its requests to it fail.",
        ),
        Section(
            "Retries", _RETRIES, slug="connections", key="retries",
            note="What is tried again besides failed connections, as often as the service says.",
        ),
        Section(
            "Connections", _CONNECTIONS, slug="connections", key="connections",
            note="How connections to the targets are opened and kept.",
        ),
        Section(
            "Hashing", _HASHING, slug="balancing", note="Used by the algorithm consistent-hashing only.",
        ),
        Section(
            "Advanced",
            labels("host_header", use_srv_name="Send SRV name", client_certificate="Client certificate"),
            slug="balancing",
        ),
    ),
    "targets": (
        Section("Target", labels("upstream", "target", "weight", "priority", "enabled", "tags"), is_folded=False),
        Section("Overrides", labels("scheme", path="Path prefix"), note="Of this target only; not in Kong."),
    ),
    "consumers": (
        Section("Consumer", labels("username", "custom_id", "tags", username="User name"), is_folded=False),
    ),
    "keyauth_credentials": (
        Section("API key", labels("consumer", "key", expires_at="Ends", tags="Tags"), is_folded=False),
    ),
    "basicauth_credentials": (
        Section(
            "Password login", labels("consumer", "username", "password", "tags", username="User name"), is_folded=False
        ),
    ),
    "acls": (
        Section("Group membership", labels("consumer", "group", "tags"), is_folded=False),
    ),
    "certificates": (
        Section(
            "Certificate",
            labels("cert", "key", "snis", "tags", cert="Certificate", key="Private key", snis="Server names"),
            is_folded=False,
        ),
        Section(
            "Second certificate", labels(cert_alt="Certificate", key_alt="Private key"),
            note="For the same names with a key of the other type, for clients that know one of them only.",
        ),
    ),
    "snis": (
        Section("Server name", labels("name", "certificate", "tags"), is_folded=False),
    ),
    "ca_certificates": (
        Section("CA certificate", labels("cert", "tags", cert="Certificate"), is_folded=False),
    ),
}  # fmt: skip

ON_ONE_LINE = {"tags", "methods"}
"""Lists of short words, written between commas."""

COMPLAINTS = {
    ("certificates", certificates.KEY_DIFFERS): "key",
    ("certificates", certificates.ALTERNATIVE_KEY_DIFFERS): "key_alt",
    ("certificates", certificates.SAME_TYPE): "cert_alt",
}
"""What is said of a whole entity, and the field where it is put right."""

MOMENTS = {"expires_at"}
"""Unix seconds, written as date and time."""

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

CHOICE_WORDS: dict[str, dict[str, str]] = {
    "when_all_unhealthy": {
        "refuse": "refuse – answer with 503",
        "use_all": "use_all – as if they were healthy",
        "threshold": "threshold – use all, already below the panic threshold",
    },
}
"""What a choice means, where its name alone does not say it; the name stays, REST and files have it."""

CHECK_URL = spec.String(
    help="The whole check in one line, such as http://_/health?interval=5s&timeout=1s; it replaces what stands in "
    "this section and the next."
)
SHORTHANDS: dict[str, dict[str, tuple[str, str, spec.String]]] = {
    "upstreams": {"active": ("check_url", "Or as one URL", CHECK_URL)},
}
"""By kind and key of the section whose first field it is: name, label and rule of what stands for several fields."""

_ALL_0 = "All counts are 0, which means off."
PRESETS: dict[str, Preset] = {
    "active": Preset(_ALL_0, "Fill in usual values", USUAL),
    "passive": Preset(_ALL_0, "Fill in usual values", {
        "healthchecks.passive.unhealthy.http_failures": 5,
        "healthchecks.passive.unhealthy.tcp_failures": 2,
        "healthchecks.passive.unhealthy.timeouts": 5,
    }),
    "breaker": Preset(
        "Neither a count nor a share is set, which means off.",
        "Usual circuit breaker: 5 failures in a row, or 50 % of at least 20 requests",
        {
            "circuit_breaker.consecutive_failures": 5,
            "circuit_breaker.failure_percentage": 50,
            "circuit_breaker.minimum_requests": 20,
        },
    ),
    "slow_start": Preset(
        "The window is 0, which means off.", "Usual slow start: 30 s, from 10 %", {"slow_start.window": 30}
    ),
    "retries": Preset(
        "Nothing but failed connections is tried again.",
        "Careful retries: 502, 503 and 504, within a budget of 20 %",
        {"retry.statuses": [502, 503, 504], "retry.budget": 20},
    ),
}  # fmt: skip
"""The defaults are those that do nothing, as Kong's are: whoever opens the section wants something that acts."""


_SEARCHED = {"consumers", "routes"}


def searched(kind: str, to: str) -> bool:
    """Whether a reference is found by typing: there may be too many to pick from."""
    return to in _SEARCHED or kind == "plugins"


def layout_of(kind: str, values: Mapping) -> tuple[Section, ...]:
    return sections_of(values["name"]) if kind == "plugins" else LAYOUT[kind]


def rule_at(kind: str, path: str, values: Mapping = MappingProxyType({})) -> spec.Field:
    """The spec's field at ``healthchecks.active.timeout``; ``values``: where fields depend on them."""
    entity = spec.KINDS[kind]
    fields: Mapping[str, spec.Field] = {**entity.fields_for(values), **entity.also}
    *records, name = path.split(".")
    for record in records:
        fields = fields[record].fields
    return fields[name]


def value_at(values: Mapping, path: str) -> Any:
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
