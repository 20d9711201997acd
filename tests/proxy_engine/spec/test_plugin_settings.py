"""What the settings of each plugin are by default, what they take, and what they refuse in Kong's words."""

from __future__ import annotations

import pytest

from proxy_engine import spec
from tests.proxy_engine.builders import SMALLEST_CONFIG


def check(name, config=None):
    return spec.check("plugins", {"name": name, "config": SMALLEST_CONFIG.get(name, {}) | (config or {})})


def complaints(name, config=None):
    return [f"{problem.field}: {problem.message}" for problem in check(name, config).problems]


# -- defaults -------------------------------------------------------------------------------------

ALL_METHODS = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
LISTS = {"body": [], "headers": [], "querystring": []}
JSON_LISTS = {"json": [], "json_types": [], "headers": []}
DEFAULTS = {
    "key-auth": {
        "key_names": ["apikey"],
        "key_in_header": True,
        "key_in_query": True,
        "key_in_body": False,
        "hide_credentials": False,
        "anonymous": None,
        "run_on_preflight": True,
        "realm": None,
    },
    "basic-auth": {"anonymous": None, "hide_credentials": False, "realm": "service"},
    "acl": {
        "allow": ["gold"],
        "deny": None,
        "hide_groups_header": False,
        "always_use_authenticated_groups": False,
    },
    "rate-limiting": {
        **dict.fromkeys(("second", "hour", "day", "month", "year")),
        "minute": 5,
        "limit_by": "consumer",
        "header_name": None,
        "path": None,
        "policy": "local",
        "fault_tolerant": True,
        "hide_client_headers": False,
        "error_code": 429,
        "error_message": "API rate limit exceeded",
        "sync_rate": -1,
        "redis": {
            "host": None,
            "port": 6379,
            "timeout": 2000,
            "username": None,
            "password": None,
            "database": 0,
            "ssl": False,
            "ssl_verify": False,
            "server_name": None,
        },
    },
    "proxy-cache": {
        "strategy": "memory",
        "response_code": [200, 301, 404],
        "request_method": ["GET", "HEAD"],
        "content_type": ["text/plain", "application/json"],
        "cache_ttl": 300,
        "storage_ttl": None,
        "cache_control": False,
        "ignore_uri_case": False,
        "vary_query_params": None,
        "vary_headers": None,
        "memory": {"dictionary_name": "kong_db_cache"},
        "response_headers": {"age": True, "X-Cache-Status": True, "X-Cache-Key": True},
    },
    "cors": {
        "origins": None,
        "methods": ALL_METHODS,
        "headers": None,
        "exposed_headers": None,
        "max_age": None,
        "credentials": False,
        "private_network": False,
        "preflight_continue": False,
        "allow_origin_absent": True,
    },
    "ip-restriction": {"allow": None, "deny": ["10.0.0.0/8"], "status": None, "message": None},
    "request-transformer": {
        "http_method": None,
        "remove": LISTS,
        "rename": LISTS,
        "replace": LISTS | {"uri": None},
        "add": LISTS,
        "append": LISTS,
    },
    "response-transformer": {
        "remove": {"json": [], "headers": []},
        "rename": {"json": [], "headers": []},
        "replace": JSON_LISTS,
        "add": JSON_LISTS,
        "append": JSON_LISTS,
    },
    "correlation-id": {"header_name": "Kong-Request-ID", "generator": "uuid#counter", "echo_downstream": False},
    "request-size-limiting": {
        "allowed_payload_size": 128,
        "size_unit": "megabytes",
        "require_content_length": False,
    },
    "request-termination": {
        "status_code": 503,
        "message": None,
        "content_type": None,
        "body": None,
        "echo": False,
        "trigger": None,
    },
    "prometheus": {
        "per_consumer": False,
        "status_code_metrics": False,
        "latency_metrics": False,
        "bandwidth_metrics": False,
        "upstream_health_metrics": False,
        "ai_metrics": False,
        "wasm_metrics": False,
    },
}


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_absent_settings_are_kongs_defaults(name):
    assert check(name).values["config"] == DEFAULTS[name]


@pytest.mark.parametrize("name", spec.PLUGINS)
def test_null_is_kept_or_refused_and_never_becomes_a_default(name):
    """deck compares what was written with what is stored: a null that turned into a default would differ for ever."""
    for field_name, field in spec.PLUGINS[name].settings.items():
        given = SMALLEST_CONFIG.get(name, {})
        if field_name in given:
            continue
        checked = check(name, {field_name: None})
        if field.required:
            assert f"config.{field_name}" in [problem.field for problem in checked.problems]
        else:
            assert checked.values["config"][field_name] is None


# -- each plugin ----------------------------------------------------------------------------------

NO_LIMIT = ", ".join(f"'config.{period}'" for period in ("second", "minute", "hour", "day", "month", "year"))
FAILED = "@entity: failed conditional validation given value of field 'config.{}'"

REFUSED = [
    ("key-auth", {"key_names": ["a b"]}, "config.key_names.0: bad header name 'a b', allowed characters"),
    ("key-auth", {"key_names": "apikey"}, "config.key_names: expected an array"),
    ("key-auth", {"hide_credentials": "true"}, "config.hide_credentials: expected a boolean"),
    ("key-auth", {"realm": 'a", Bearer "'}, "config.realm: must not contain quotation marks"),
    ("basic-auth", {"realm": "a\r\nSet-Cookie: x"}, "config.realm: must not contain control characters"),
    ("basic-auth", {"realm": None}, "config.realm: required field missing"),
    ("acl", {"deny": ["b"]}, "@entity: exactly one of these fields must be non-empty: 'config.allow', 'config.deny'"),
    ("rate-limiting", {"minute": 0}, "config.minute: value must be greater than 0"),
    ("rate-limiting", {"minute": -1}, "config.minute: value must be greater than 0"),
    ("rate-limiting", {"minute": 10**400}, "config.minute: value should be between"),
    ("rate-limiting", {"minute": "5"}, "config.minute: expected a number"),
    ("rate-limiting", {"limit_by": "moon"}, "config.limit_by: expected one of: consumer, credential, ip, service"),
    ("rate-limiting", {"policy": "moon"}, "config.policy: expected one of: local, cluster, redis"),
    ("rate-limiting", {"sync_rate": 5}, "config: sync_rate can only be used with the redis policy"),
    (
        "rate-limiting",
        {"minute": 1, "second": 2},
        "config: The limit for minute(1.0) cannot be lower than the limit for second(2.0)",
    ),
    ("rate-limiting", {"redis": {"port": 70000}}, "config.redis.port: value should be between 0 and 65535"),
    ("rate-limiting", {"redis": {"host": "a:1"}}, "config.redis.host: must not have a port"),
    ("rate-limiting", {"redis": None}, "config.redis: required field missing"),
    ("proxy-cache", {"strategy": "disk"}, "config.strategy: expected one of: memory"),
    ("proxy-cache", {"strategy": None}, "config.strategy: required field missing"),
    ("proxy-cache", {"response_code": []}, "config.response_code: length must be at least 1"),
    ("proxy-cache", {"response_code": [99]}, "config.response_code.0: value should be between 100 and 900"),
    ("proxy-cache", {"request_method": ["DELETE"]}, "config.request_method.0: expected one of: HEAD, GET, POST"),
    ("proxy-cache", {"cache_ttl": 0}, "config.cache_ttl: value must be greater than 0"),
    ("proxy-cache", {"cache_ttl": 10**30}, "config.cache_ttl: value should be between"),
    ("cors", {"origins": ["("]}, "config.origins.0: '(' is not a valid regex"),
    ("cors", {"methods": ["BREW"]}, "config.methods.0: expected one of: GET, HEAD"),
    ("cors", {"exposed_headers": ["a: b"]}, "config.exposed_headers.0: bad header name 'a: b'"),
    ("ip-restriction", {"allow": ["10.0.0"]}, "config.allow.0: invalid ip or cidr range: '10.0.0'"),
    ("ip-restriction", {"deny": ["::/129"]}, "config.deny.0: invalid ip or cidr range: '::/129'"),
    ("request-transformer", {"add": {"body": ["a"]}}, "config.add.body.0: key 'a' has no value"),
    ("request-transformer", {"add": {"querystring": ["a:"]}}, "config.add.querystring.0: key 'a' has no value"),
    ("request-transformer", {"add": {"headers": ["a"]}}, "config.add.headers.0: invalid value: a"),
    ("request-transformer", {"add": {"headers": ["a b:c"]}}, "config.add.headers.0: 'a b' is not a valid header"),
    ("request-transformer", {"add": {"headers": ["a:b\r\nc:d"]}}, "config.add.headers.0: must not contain control"),
    ("request-transformer", {"rename": {"headers": ["a:b c"]}}, "config.rename.headers.0: 'b c' is not a valid header"),
    ("request-transformer", {"http_method": "get"}, "config.http_method: invalid value: get"),
    ("request-transformer", {"add": {"uri": "/a"}}, "config.add.uri: unknown field"),
    ("response-transformer", {"add": {"json": ["a"]}}, "config.add.json.0: invalid value: a"),
    ("response-transformer", {"add": {"json_types": ["list"]}}, "config.add.json_types.0: expected one of: boolean"),
    ("response-transformer", {"remove": {"headers": ["a b"]}}, "config.remove.headers.0: 'a b' is not a valid header"),
    ("correlation-id", {"header_name": "a b"}, "config.header_name: bad header name 'a b'"),
    ("correlation-id", {"generator": "dice"}, "config.generator: expected one of: uuid, uuid#counter, tracker"),
    ("request-size-limiting", {"size_unit": "yards"}, "config.size_unit: expected one of: megabytes, kilobytes, bytes"),
    ("request-size-limiting", {"allowed_payload_size": 1.5}, "config.allowed_payload_size: expected an integer"),
    ("request-termination", {"status_code": 600}, "config.status_code: value should be between 100 and 599"),
    (
        "request-termination",
        {"message": "a", "body": "b"},
        "config: message cannot be used with content_type or body",
    ),
    ("request-termination", {"content_type": "text/plain"}, "config: content_type requires a body"),
    ("request-termination", {"echo": True, "body": "b"}, "config: echo cannot be used with content_type and body"),
    ("request-termination", {"content_type": "a\nb", "body": "b"}, "config.content_type: must not contain control"),
    ("prometheus", {"per_consumer": 1}, "config.per_consumer: expected a boolean"),
]


@pytest.mark.parametrize(("name", "config", "expected"), REFUSED)
def test_it_refuses(name, config, expected):
    [complaint] = complaints(name, config)
    assert complaint.startswith(expected)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("request-transformer", {"add": {"body": ["a\nb"]}}),
        ("response-transformer", {"append": {"json": ["a\nb"]}}),
    ],
)
def test_a_complaint_about_several_lines_is_one_line(name, config):
    [complaint] = complaints(name, config)
    assert complaint.isprintable()


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("key-auth", {"key_names": ["X-Key", "apikey"], "realm": "my api", "anonymous": "nobody"}),
        ("acl", {"allow": None, "deny": ["a"]}),
        ("acl", {"allow": [], "deny": ["a"]}),
        ("rate-limiting", {"second": 0.5, "minute": None, "year": 1}),
        ("rate-limiting", {"limit_by": "header", "header_name": "X-Team"}),
        ("rate-limiting", {"limit_by": "path", "path": "/api"}),
        ("rate-limiting", {"policy": "redis", "redis": {"host": "r.test"}, "sync_rate": 0.02}),
        ("proxy-cache", {"content_type": ["application/json; charset=utf-8", "*/*"], "vary_headers": ["Accept"]}),
        ("cors", {"origins": ["*", "https://a.test", r"https://[a-z]+\.test"], "headers": ["*"], "max_age": 3600}),
        ("ip-restriction", {"allow": ["10.0.0.1", "2001:db8::/32"], "deny": ["10.0.0.0/8"], "status": 404}),
        ("request-transformer", {"replace": {"uri": "/a/$(uri_captures.id)", "headers": ["Host:a.test"]}}),
        ("request-transformer", {"add": {"headers": ["x-a:b:c", "x-empty:"], "body": ["a:line\nline"]}}),
        ("response-transformer", {"remove": {"headers": ["X-A", "Set-Cookie:a=b"], "json": ["a"]}}),
        ("request-termination", {"body": '{\n\t"sorry": true\n}', "content_type": "application/json"}),
        ("request-termination", {"message": "closed", "status_code": 200, "trigger": "X-Stop"}),
    ],
)
def test_it_takes(name, config):
    assert complaints(name, config) == []


def test_an_acl_needs_a_list():
    lists = "'config.allow', 'config.deny'"
    assert complaints("acl", {"allow": None}) == [
        f"@entity: exactly one of these fields must be non-empty: {lists}",
        f"@entity: at least one of these fields must be non-empty: {lists}",
    ]


def test_an_ip_restriction_needs_a_list():
    expected = ["@entity: at least one of these fields must be non-empty: 'config.allow', 'config.deny'"]
    assert complaints("ip-restriction", {"deny": None}) == expected


def test_a_rate_needs_a_limit():
    assert complaints("rate-limiting", {"minute": None}) == [
        f"@entity: at least one of these fields must be non-empty: {NO_LIMIT}"
    ]


@pytest.mark.parametrize(
    ("config", "field", "cause"),
    [
        ({"limit_by": "header"}, "header_name", "limit_by"),
        ({"limit_by": "path"}, "path", "limit_by"),
        ({"policy": "redis"}, "redis.host", "policy"),
        ({"policy": "redis", "redis": {"host": "r.test", "port": None}}, "redis.port", "policy"),
        ({"policy": "redis", "redis": {"host": "r.test", "timeout": None}}, "redis.timeout", "policy"),
    ],
)
def test_a_rate_needs_what_its_choices_need(config, field, cause):
    assert complaints("rate-limiting", config) == [f"config.{field}: required field missing", FAILED.format(cause)]


def test_counts_cannot_be_brought_to_redis_all_the_time():
    config = {"policy": "redis", "redis": {"host": "r.test"}, "sync_rate": 0.01}
    assert complaints("rate-limiting", config) == ["config: sync_rate must be -1 or at least 0.02"]
