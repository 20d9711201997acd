"""Good and bad inputs per kind, in the spec's words. Models, actions and REST are all fed these."""

from typing import Any, NamedTuple

from gateway_admin.catalog.kinds import KINDS
from proxy_engine import spec
from tests.gateway_admin.builders import a_certificate, a_consumer, an_upstream, to
from tests.proxy_engine.pems import a_pair


class Good(NamedTuple):
    kind: str
    values: dict[str, Any]
    stored: dict[str, Any]  # what of it reads differently afterwards, and defaults worth a look


class Bad(NamedTuple):
    kind: str
    values: dict[str, Any]
    field: str


MINIMAL = {
    "services": {"host": "example.com"},
    "routes": {"paths": ["/"]},
    "upstreams": {"name": "pool"},
    "targets": {"target": "a:80"},
    "consumers": {"username": "alice"},
    "keyauth_credentials": {"key": "open-sesame"},
    "basicauth_credentials": {"username": "alice", "password": "correct horse"},
    "acls": {"group": "gold"},
    "plugins": {"name": "key-auth"},
    "certificates": a_pair("EC")._asdict(),
    "snis": {"name": "example.com"},
    "ca_certificates": {"cert": a_pair("EC", is_authority=True).cert},
}
"""The tests add what each needs to belong to."""

GOOD = [
    Good("services", {}, {"protocol": "http", "port": 80, "retries": 5, "connect_timeout": 60000, "enabled": True}),
    Good("services", {"name": "orders", "tags": ["team-a", "team-a", "b"]}, {"tags": ["team-a", "b"]}),
    Good("services", {"port": 8080.0}, {"port": 8080}),
    Good("services", {"protocol": "https", "tls_verify": True, "tls_verify_depth": 3}, {}),
    Good("services", {"path": "/v2", "retries": 0, "read_timeout": 1}, {}),
    Good("routes", {}, {"protocols": ["http", "https"], "strip_path": True, "service": None}),
    Good("routes", {"hosts": ["*.example.com"], "methods": ["GET", "GET"]}, {"methods": ["GET"]}),
    Good("routes", {"headers": {"x-region": ["eu", "us"]}}, {}),
    Good("routes", {"paths": ["~/users/(?<id>[0-9]+)$"], "regex_priority": 7}, {}),
    Good("upstreams", {}, {"algorithm": "round-robin", "slots": 10000, "hash_on": "none"}),
    Good("upstreams", {"algorithm": "power-of-two"}, {}),
    Good("upstreams", {"algorithm": "consistent-hashing", "hash_on": "header", "hash_on_header": "X-User"}, {}),
    Good("upstreams", {"healthchecks": {"active": {"healthy": {"interval": 0.5}}, "threshold": 25.5}}, {}),
    Good("upstreams", {}, {"when_all_unhealthy": "refuse", "retry": spec.defaults("upstreams")["retry"]}),
    Good("upstreams", {"algorithm": "consistent-hashing", "hash_on": "url", "hash_fallback": "ip"}, {}),
    Good("upstreams", {"when_all_unhealthy": "use_all"}, {"panic_threshold": 50}),
    Good("upstreams", {"when_all_unhealthy": "threshold", "panic_threshold": 100}, {}),
    Good(
        "upstreams", {"slow_start": {"window": 0.5}}, {"slow_start": {"window": 0.5, "min_share": 10, "aggression": 1}}
    ),
    Good(
        "upstreams",
        {"retry": {"statuses": [502, 503, 502], "on_read_timeout": True}},
        {"retry": {"statuses": [502, 503], "on_read_timeout": True, "budget": 0, "budget_min": 3}},
    ),
    Good("upstreams", {"retry": {"backoff": 25, "max_backoff": 60000, "total_timeout": 86400000, "budget": 12.5}}, {}),
    Good(
        "upstreams",
        {"circuit_breaker": {"consecutive_failures": 5, "failure_percentage": 0.5, "open_time": 0.1}},
        {"circuit_breaker": {"consecutive_failures": 5, "window": 10, "http_statuses": [500, 502, 503, 504]}},
    ),
    Good("upstreams", {"circuit_breaker": {"http_statuses": [], "max_ejected": 100, "half_open_requests": 1000}}, {}),
    Good(
        "upstreams",
        {"connections": {"pool_size": 0, "idle_timeout": 0.5, "connect_timeout": 1}},
        {"connections": {"pool_size": 0, "read_timeout": None, "tcp_fast_open": False}},
    ),
    Good("upstreams", {"connections": {"tcp_keepalive_idle": 30, "tcp_fast_open": True, "receive_buffer": 65536}}, {}),
    Good(
        "upstreams",
        {"probe": {"method": "POST", "body": "a b", "port": 81, "json": ["a.0=x"], "matches": "^ok", "jitter": 12.5}},
        {"probe": {"host": None, "start_unhealthy": False, "grpc_service": None}},
    ),
    Good("upstreams", {"probe": {"host": "a.example:81", "grpc_service": "a.B", "start_unhealthy": True}}, {}),
    Good("targets", {"priority": 9}, {}),
    Good("targets", {}, {"weight": 100, "priority": 0, "enabled": True, "scheme": None, "path": None}),
    Good("targets", {"target": "server-a"}, {"target": "server-a:8000"}),
    Good("targets", {"target": "[::1]:80"}, {"target": "[0000:0000:0000:0000:0000:0000:0000:0001]:80"}),
    Good("targets", {"weight": 0, "enabled": False, "scheme": "https", "path": "/base"}, {}),
    Good("consumers", {}, {"custom_id": None, "tags": None}),
    Good("consumers", {"username": None, "custom_id": "c-17"}, {}),
    Good("consumers", {"username": "Jörg Müller & co."}, {}),
    Good("keyauth_credentials", {}, {"key": "open-sesame", "expires_at": None}),
    Good("keyauth_credentials", {"expires_at": 253402300799, "tags": ["a"]}, {}),
    Good("basicauth_credentials", {"username": "Jörg"}, {}),
    Good("acls", {"group": "a group"}, {}),
    Good(
        "plugins",
        {},
        {"enabled": True, "protocols": ["grpc", "grpcs", "http", "https"], "route": None, "instance_name": None},
    ),
    Good("plugins", {"config": {"key_names": ["x-key"]}}, {"config": {"key_names": ["x-key"], "key_in_body": False}}),
    Good("plugins", {"instance_name": "one", "protocols": ["https"], "enabled": False}, {}),
    Good("plugins", {"name": "request-termination", "config": {"status_code": 451}}, {}),
    Good("certificates", {}, {"cert_alt": None, "key_alt": None}),
    Good("snis", {"name": "*.example.com"}, {}),
    Good("ca_certificates", {"tags": ["root"]}, {}),
]

BAD = [
    Bad("services", {"host": None}, "host"),
    Bad("services", {"host": "a b"}, "host"),
    Bad("services", {"port": "80"}, "port"),
    Bad("services", {"port": True}, "port"),
    Bad("services", {"port": 70000}, "port"),
    Bad("services", {"port": 80.5}, "port"),
    Bad("services", {"name": "a b"}, "name"),
    Bad("services", {"name": ""}, "name"),
    Bad("services", {"name": "a\x00b"}, "name"),
    Bad("services", {"retries": -1}, "retries"),
    Bad("services", {"connect_timeout": 0}, "connect_timeout"),
    Bad("services", {"path": "v2"}, "path"),
    Bad("services", {"tls_verify": True}, "tls_verify"),
    Bad("services", {"tags": "team-a"}, "tags"),
    Bad("services", {"tags": ["a,b"]}, "tags.0"),
    Bad("routes", {"paths": None}, "@entity"),
    Bad("routes", {"paths": ["api"]}, "paths.0"),
    Bad("routes", {"paths": ["/ok", "~("]}, "paths.1"),
    Bad("routes", {"methods": ["get"]}, "methods.0"),
    Bad("routes", {"protocols": ["http", "tcp"]}, "protocols"),
    Bad("routes", {"protocols": []}, "protocols"),
    Bad("routes", {"https_redirect_status_code": 200}, "https_redirect_status_code"),
    Bad("upstreams", {"name": None}, "name"),
    Bad("upstreams", {"name": "10.0.0.1"}, "name"),
    Bad("upstreams", {"slots": 9}, "slots"),
    Bad("upstreams", {"algorithm": "fastest"}, "algorithm"),
    Bad("upstreams", {"hash_on": "header"}, "hash_on_header"),
    Bad("upstreams", {"healthchecks": {"active": {"timeout": -1}}}, "healthchecks.active.timeout"),
    Bad("upstreams", {"healthchecks": {"active": {"healthy": {"http_statuses": [99]}}}},
        "healthchecks.active.healthy.http_statuses.0"),
    Bad("upstreams", {"when_all_unhealthy": "panic"}, "when_all_unhealthy"),
    Bad("upstreams", {"hash_on": "url", "hash_fallback": "url"}, "hash_fallback"),
    Bad("upstreams", {"retry": []}, "retry"),
    Bad("upstreams", {"retry": {"statuses": [502, 200]}}, "retry.statuses.1"),
    Bad("upstreams", {"retry": {"statuses": 502}}, "retry.statuses"),
    Bad("upstreams", {"retry": {"backoff": 0.5}}, "retry.backoff"),
    Bad("upstreams", {"retry": {"max_backoff": 0}}, "retry.max_backoff"),
    Bad("upstreams", {"retry": {"total_timeout": -1}}, "retry.total_timeout"),
    Bad("upstreams", {"retry": {"budget": 100.5}}, "retry.budget"),
    Bad("upstreams", {"retry": {"budget": "20"}}, "retry.budget"),
    Bad("upstreams", {"retry": {"on_read_timeout": 1}}, "retry.on_read_timeout"),
    Bad("upstreams", {"circuit_breaker": {"consecutive_failures": 10001}}, "circuit_breaker.consecutive_failures"),
    Bad("upstreams", {"circuit_breaker": {"failure_percentage": 101}}, "circuit_breaker.failure_percentage"),
    Bad("upstreams", {"circuit_breaker": {"open_time": 0}}, "circuit_breaker.open_time"),
    Bad("upstreams", {"circuit_breaker": {"window": 0.5}}, "circuit_breaker.window"),
    Bad("upstreams", {"circuit_breaker": {"http_statuses": [500, 99]}}, "circuit_breaker.http_statuses.1"),
    Bad("upstreams", {"connections": {"pool_size": -1}}, "connections.pool_size"),
    Bad("upstreams", {"connections": {"connect_timeout": 0}}, "connections.connect_timeout"),
    Bad("upstreams", {"connections": {"idle_timeout": 0}}, "connections.idle_timeout"),
    Bad("upstreams", {"connections": {"tcp_keepalive_count": 128}}, "connections.tcp_keepalive_count"),
    Bad("upstreams", {"connections": {"receive_buffer": 2**25}}, "connections.receive_buffer"),
    Bad("upstreams", {"panic_threshold": 0}, "panic_threshold"),
    Bad("upstreams", {"slow_start": {"window": 3601}}, "slow_start.window"),
    Bad("upstreams", {"slow_start": {"min_share": 0}}, "slow_start.min_share"),
    Bad("upstreams", {"slow_start": {"aggression": 0}}, "slow_start.aggression"),
    Bad("upstreams", {"probe": {"method": "BREW"}}, "probe.method"),
    Bad("upstreams", {"probe": {"port": 0}}, "probe.port"),
    Bad("upstreams", {"probe": {"host": "a b"}}, "probe.host"),
    Bad("upstreams", {"probe": {"matches": "("}}, "probe.matches"),
    Bad("upstreams", {"probe": {"json": ["a=1", "a"]}}, "probe.json.1"),
    Bad("upstreams", {"probe": {"json": ["a..b=1"]}}, "probe.json.0"),
    Bad("upstreams", {"probe": {"grpc_service": "a b"}}, "probe.grpc_service"),
    Bad("upstreams", {"probe": {"jitter": 51}}, "probe.jitter"),
    Bad("upstreams", {"probe": {"contains": "x" * 1001}}, "probe.contains"),
    Bad("targets", {"priority": 10}, "priority"),
    Bad("targets", {"priority": -1}, "priority"),
    Bad("targets", {"priority": "1"}, "priority"),
    Bad("targets", {"target": "a:b"}, "target"),
    Bad("targets", {"target": None}, "target"),
    Bad("targets", {"weight": 65536}, "weight"),
    Bad("targets", {"weight": "3"}, "weight"),
    Bad("targets", {"enabled": None}, "enabled"),
    Bad("targets", {"scheme": "ftp"}, "scheme"),
    Bad("services", {"ca_certificates": ["x"], "protocol": "https"}, "ca_certificates.0"),
    Bad("consumers", {"username": None}, "@entity"),
    Bad("consumers", {"username": 3}, "username"),
    Bad("keyauth_credentials", {"key": ""}, "key"),
    Bad("keyauth_credentials", {"key": "a\x00b"}, "key"),
    Bad("keyauth_credentials", {"expires_at": -1}, "expires_at"),
    Bad("keyauth_credentials", {"consumer": None}, "consumer"),
    Bad("basicauth_credentials", {"username": None}, "username"),
    Bad("basicauth_credentials", {"password": None}, "password"),
    Bad("basicauth_credentials", {"password": 12345678}, "password"),
    Bad("acls", {"group": None}, "group"),
    Bad("plugins", {"name": "no-such-plugin"}, "name"),
    Bad("plugins", {"config": []}, "config"),
    Bad("plugins", {"config": {"key_nmaes": ["x"]}}, "config.key_nmaes"),
    Bad("plugins", {"protocols": ["http", "smtp"]}, "protocols.1"),
    Bad("plugins", {"enabled": "yes"}, "enabled"),
    Bad("certificates", {"cert": "-----BEGIN"}, "cert"),
    Bad("certificates", {"key": None}, "key"),
    Bad("certificates", {"key": a_pair("EC", 1).key}, "@entity"),
    Bad("certificates", {"cert_alt": a_pair("EC", 1).cert}, "@entity"),
    Bad("snis", {"name": "127.0.0.1"}, "name"),
    Bad("snis", {"certificate": None}, "certificate"),
    Bad("ca_certificates", {"cert": a_pair("EC").cert}, "@entity"),
]  # fmt: skip


def name_of(case) -> str:
    """The same in every process: what is made anew by each (PEM) is only mentioned."""
    shown = {name: "PEM" if isinstance(value, str) and "\n" in value else value for name, value in case.values.items()}
    return f"{case.kind}-{shown}"


_OWNERS = {"upstreams": an_upstream, "consumers": a_consumer, "certificates": a_certificate}


def whole(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """With what every entity of the kind needs."""
    fields = KINDS[kind].spec.fields
    owners = {name: to(_OWNERS[kind]()) for name, kind in KINDS[kind].references.items() if fields[name].required}
    return MINIMAL[kind] | owners | values


def contains(found: Any, wanted: Any) -> bool:
    """Whether ``found`` has all that ``wanted`` has, at every depth of records."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(name in found and contains(found[name], value) for name, value in wanted.items())
    return found == wanted
