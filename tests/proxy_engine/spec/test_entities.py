"""Services, upstreams and targets: defaults, ranges, the rules over several fields, and the clients' shorthands.

Routes have a file of their own.
"""

from __future__ import annotations

import pytest

from proxy_engine import spec
from tests.proxy_engine.builders import SMALLEST, an_id


def complaints(kind, **given):
    """``field: message`` of each problem."""
    checked = spec.check(kind, SMALLEST[kind] | given)
    return [f"{problem.field}: {problem.message}" for problem in checked.problems]


# -- what all kinds have in common ----------------------------------------------------------------


@pytest.mark.parametrize("kind", spec.KINDS)
def test_the_smallest_entity_is_valid_and_complete(kind):
    checked = spec.check(kind, SMALLEST[kind])
    assert checked.problems == []
    assert list(checked.values) == list(spec.KINDS[kind].fields)
    assert checked.values == spec.defaults(kind) | checked.values


@pytest.mark.parametrize("kind", spec.KINDS)
def test_every_default_is_acceptable(kind):
    checked = spec.check(kind, spec.defaults(kind) | SMALLEST[kind])
    assert checked.problems == []
    assert checked.values == spec.check(kind, SMALLEST[kind]).values


@pytest.mark.parametrize("kind", spec.KINDS)
def test_control_fields_pass_through_untouched(kind):
    control = {"id": "anything", "created_at": 1.5, "updated_at": None}
    assert spec.check(kind, SMALLEST[kind] | control).values.items() >= control.items()


@pytest.mark.parametrize("kind", spec.KINDS)
@pytest.mark.parametrize("value", [None, [], "text", 7, True, [["host", "a"]]])
def test_only_a_record_is_an_entity(kind, value):
    problem = spec.Problem(spec.ENTITY, "expected a record")
    assert spec.check(kind, value) == ({}, [problem])
    assert spec.expand(kind, value) == ({}, [problem])


@pytest.mark.parametrize("kind", spec.KINDS)
def test_an_unknown_field_is_named(kind):
    checked = spec.check(kind, SMALLEST[kind] | {"hots": 1})
    assert checked.problems == [spec.Problem(("hots",), "unknown field", "unknown")]


@pytest.mark.parametrize(("kind", "field"), [("services", "host"), ("upstreams", "name"), ("targets", "target")])
def test_a_required_field_without_default_must_be_given(kind, field):
    given = {name: value for name, value in SMALLEST[kind].items() if name != field}
    assert spec.check(kind, given).problems == [spec.Problem((field,), "required field missing", "required")]


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *(("services", name) for name in ("protocol", "port", "enabled")),
        *(("routes", name) for name in ("protocols", "strip_path", "preserve_host", "https_redirect_status_code")),
    ],
)
def test_null_is_refused_where_kong_refuses_it(kind, field):
    assert complaints(kind, **{field: None}) == [f"{field}: required field missing"]


@pytest.mark.parametrize(
    ("kind", "field", "default"),
    [
        *(("services", f"{name}_timeout", 60000) for name in ("connect", "write", "read")),
        ("services", "retries", 5),
        ("routes", "regex_priority", 0),
        ("routes", "path_handling", "v0"),
        ("upstreams", "algorithm", "round-robin"),
        ("upstreams", "slots", 10000),
        ("targets", "weight", 100),
    ],
)
def test_null_means_the_default_where_kong_takes_it(kind, field, default):
    assert spec.check(kind, SMALLEST[kind] | {field: None}).values[field] == default


@pytest.mark.parametrize("kind", spec.KINDS)
def test_tags_are_a_set_of_words(kind):
    assert spec.check(kind, SMALLEST[kind] | {"tags": ["b", "a", "b"]}).values["tags"] == ["b", "a"]
    assert complaints(kind, tags=["a,b"])[0].startswith("tags.0: invalid tag 'a,b'")
    assert complaints(kind, tags="a") == ["tags: expected a set"]


@pytest.mark.parametrize("kind", spec.KINDS)
def test_every_field_explains_itself(kind):
    def walk(fields, path):
        for name, field in fields.items():
            yield f"{path}{name}", field
            if isinstance(field, spec.Record):
                yield from walk(field.fields, f"{path}{name}.")

    silent = [
        path
        for path, field in walk(spec.KINDS[kind].fields, "")
        if not field.help and not isinstance(field, spec.Record)
    ]
    assert silent == []


# -- ranges ---------------------------------------------------------------------------------------

RANGES = [
    ("services", "port", 0, 65535),
    ("services", "retries", 0, 32767),
    ("services", "connect_timeout", 1, 2147483646),
    ("services", "write_timeout", 1, 2147483646),
    ("services", "read_timeout", 1, 2147483646),
    ("routes", "regex_priority", -(2**31), 2**31 - 1),
    ("upstreams", "slots", 10, 65536),
    ("targets", "weight", 0, 65535),
]


@pytest.mark.parametrize(("kind", "field", "low", "high"), RANGES)
def test_both_ends_of_a_range_belong_to_it(kind, field, low, high):
    assert complaints(kind, **{field: low}) == complaints(kind, **{field: high}) == []


@pytest.mark.parametrize(("kind", "field", "low", "high"), RANGES)
def test_what_is_out_of_range_is_refused(kind, field, low, high):
    expected = [f"{field}: value should be between {low} and {high}"]
    for value in (low - 1, high + 1, 10**400, -(10**400)):
        assert complaints(kind, **{field: value}) == expected


# -- services -------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["tcp", "tls", "udp", "grpc", "grpcs"])
def test_a_service_without_request_paths_has_no_path(protocol):
    assert complaints("services", protocol=protocol, path="/a") == ["path: value must be null"]


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_an_http_service_may_have_a_path(protocol):
    assert complaints("services", protocol=protocol, path="/a") == []


@pytest.mark.parametrize(("field", "value"), [("tls_verify", False), ("tls_verify_depth", 0)])
def test_tls_options_belong_to_tls_protocols(field, value):
    assert complaints("services", protocol="https", **{field: value}) == []
    assert complaints("services", protocol="tls", **{field: value}) == []
    assert complaints("services", protocol="http", **{field: value}) == [
        f"{field}: value must be null",
        "@entity: failed conditional validation given value of field 'protocol'",
    ]


@pytest.mark.parametrize(
    ("url", "protocol", "host", "port", "path"),
    [
        ("http://a.test", "http", "a.test", 80, None),
        ("https://a.test", "https", "a.test", 443, None),
        ("http://a.test/", "http", "a.test", 80, "/"),
        ("http://A.test:8080/v1/x", "http", "A.test", 8080, "/v1/x"),
        ("HTTPS://a.test", "https", "a.test", 443, None),
        ("grpc://a.test", "grpc", "a.test", 80, None),
        ("//a.test:443", "https", "a.test", 443, None),
        ("//a.test:80", "http", "a.test", 80, None),
        ("//a.test", "http", "a.test", 80, None),
        ("http://[::1]:81/x", "http", "[::1]", 81, "/x"),
        ("http://[::1]/x", "http", "[::1]", 80, "/x"),
        ("http://a.test:/x", "http", "a.test", 80, "/x"),
    ],
)
def test_a_url_stands_for_protocol_host_port_and_path(url, protocol, host, port, path):
    given = {"url": url, "host": "overridden", "port": 1, "path": "/overridden", "retries": 1}
    expanded = spec.expand("services", given)
    assert expanded.problems == []
    parts = {"protocol": protocol, "host": host, "port": port, "path": path}
    assert expanded.values == {"retries": 1} | parts
    assert spec.check("services", expanded.values).problems == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("invalid url", ["host: required field missing", "path: should start with: /"]),
        ("a.test/x", ["host: required field missing", "path: should start with: /"]),
        ("a.test:80", ["host: required field missing", "path: should start with: /"]),
        ("/x", ["host: required field missing"]),
        ("http://", ["host: required field missing"]),
        ("http:///x", ["host: required field missing"]),
        ("http://a b/", ["host: invalid value: a b"]),
        ("http://[::1/", ["url: invalid url: Invalid IPv6 URL"]),
        ("http://a:port/", ["url: invalid url: Port could not be cast to integer value as 'port'"]),
        ("http://a:99999/", ["url: invalid url: Port out of range 0-65535"]),
        ("http://user@a/", ["url: must not have a user, query or fragment"]),
        ("http://a/?x", ["url: must not have a user, query or fragment"]),
        ("http://a/#x", ["url: must not have a user, query or fragment"]),
        ("http://a\n.evil/", ["url: must not contain control characters"]),
        ("http://a\ud800/", ["url: must not contain control characters"]),
        ("", ["url: length must be at least 1"]),
        (7, ["url: expected a string"]),
        ([], ["url: expected a string"]),
    ],
)
def test_a_bad_url_is_refused(url, expected):
    expanded = spec.expand("services", {"url": url})
    problems = expanded.problems or spec.check("services", expanded.values).problems
    assert [f"{problem.field}: {problem.message}" for problem in problems] == expected


def test_the_protocol_of_a_url_must_be_known():
    expanded = spec.expand("services", {"url": "ftp://a/"})
    [problem] = spec.check("services", expanded.values).problems
    assert problem.field == "protocol"


def test_a_null_url_changes_nothing():
    assert spec.expand("services", {"url": None, "host": "a"}) == ({"host": "a"}, [])


# -- upstreams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", spec.ALGORITHMS)
def test_the_algorithms_are_kongs_and_ours(algorithm):
    assert complaints("upstreams", algorithm=algorithm) == []


@pytest.mark.parametrize(
    ("selector", "detail"),
    [
        ("header", {"hash_on_header": "X-Id"}),
        ("cookie", {"hash_on_cookie": "sid"}),
        ("query_arg", {"hash_on_query_arg": "q"}),
        ("uri_capture", {"hash_on_uri_capture": "id"}),
        ("ip", {}),
        ("path", {}),
        ("consumer", {}),
        ("none", {}),
    ],
)
def test_a_hash_input_needs_its_detail(selector, detail):
    assert complaints("upstreams", hash_on=selector, **detail) == []
    expected = [f"{name}: required field missing" for name in detail]
    assert complaints("upstreams", hash_on=selector) == expected


@pytest.mark.parametrize("selector", ["header", "query_arg", "uri_capture"])
def test_a_fallback_needs_its_own_detail(selector):
    field = f"hash_fallback_{selector}"
    assert complaints("upstreams", hash_on="ip", hash_fallback=selector) == [f"{field}: required field missing"]
    assert complaints("upstreams", hash_on="ip", hash_fallback=selector, **{field: "a"}) == []


def test_a_cookie_as_fallback_uses_the_one_cookie_field():
    assert complaints("upstreams", hash_on="ip", hash_fallback="cookie") == ["hash_on_cookie: required field missing"]
    assert complaints("upstreams", hash_on="ip", hash_fallback="cookie", hash_on_cookie="sid") == []


@pytest.mark.parametrize("selector", ["header", "query_arg", "uri_capture"])
def test_input_and_fallback_must_differ_in_their_detail(selector):
    given = {"hash_on": selector, "hash_fallback": selector, f"hash_on_{selector}": "a"}
    assert complaints("upstreams", **given, **{f"hash_fallback_{selector}": "b"}) == []
    assert complaints("upstreams", **given, **{f"hash_fallback_{selector}": "a"}) == [
        f"@entity: values of these fields must be distinct: 'hash_on_{selector}', 'hash_fallback_{selector}'"
    ]


@pytest.mark.parametrize("hash_on", ["none", "cookie"])
def test_without_an_input_that_can_be_missing_there_is_no_fallback(hash_on):
    assert complaints("upstreams", hash_on=hash_on, hash_on_cookie="sid", hash_fallback="ip") == [
        "hash_fallback: expected one of: none",
        "@entity: failed conditional validation given value of field 'hash_on'",
    ]


@pytest.mark.parametrize("hash_on", ["consumer", "ip", "path"])
def test_a_fallback_must_not_repeat_the_input(hash_on):
    first, second = complaints("upstreams", hash_on=hash_on, hash_fallback=hash_on)
    allowed = first.removeprefix("hash_fallback: expected one of: ").split(", ")
    assert set(allowed) == {*spec.HASH_INPUTS} - {hash_on}
    assert second == "@entity: failed conditional validation given value of field 'hash_on'"


@pytest.mark.parametrize(
    ("sent", "algorithm", "hash_on"),
    [
        ({"algorithm": "least-connections", "hash_on": "ip"}, "least-connections", "none"),
        ({"algorithm": "latency", "hash_on": "ip"}, "latency", "none"),
        ({"algorithm": "random"}, "random", "none"),
        ({"algorithm": "power-of-two", "hash_on": "ip"}, "power-of-two", "none"),
        ({"algorithm": "round-robin", "hash_on": "ip"}, "consistent-hashing", "ip"),
        ({"hash_on": "ip"}, "consistent-hashing", "ip"),
        ({"algorithm": "consistent-hashing", "hash_on": "none"}, "round-robin", "none"),
        ({"algorithm": "consistent-hashing", "hash_on": None}, "consistent-hashing", "none"),
        ({"algorithm": "consistent-hashing"}, "consistent-hashing", None),
        ({"algorithm": "round-robin"}, "round-robin", None),
        ({"slots": 20}, None, None),
    ],
)
def test_algorithm_and_hash_input_are_coupled_as_in_kong(sent, algorithm, hash_on):
    values = spec.expand("upstreams", sent).values
    assert (values.get("algorithm"), values.get("hash_on")) == (algorithm, hash_on)


def test_what_is_no_algorithm_is_left_to_the_check():
    sent = {"algorithm": ["latency"], "hash_on": 0}
    assert spec.expand("upstreams", sent) == (sent, [])


# -- targets --------------------------------------------------------------------------------------


def test_a_target_is_stored_in_one_spelling():
    checked = spec.check("targets", SMALLEST["targets"] | {"target": "A.test"})
    assert checked.values["target"] == "a.test:8000"


@pytest.mark.parametrize("target", ["a b", "http://a", "a:0", "a:70000", "[::1", "1.2.3", "a/b", "a@b", "*.a"])
def test_a_target_must_be_an_address(target):
    assert complaints("targets", target=target) == ["target: Invalid target; not a valid hostname or ip address"]


def test_a_target_belongs_to_an_upstream():
    assert complaints("targets", upstream=None) == ["upstream: required field missing"]
    assert complaints("targets", upstream={"id": an_id(2)}) == []


@pytest.mark.parametrize(
    ("field", "good", "bad", "message"),
    [
        ("scheme", "https", "grpc", "expected one of: http, https"),
        ("path", "/v2", "v2", "should start with: /"),
        ("enabled", False, "no", "expected a boolean"),
    ],
)
def test_a_target_has_fields_that_kong_does_not_know(field, good, bad, message):
    assert spec.KINDS["targets"].fields[field].ours
    assert complaints("targets", **{field: good}) == []
    assert complaints("targets", **{field: bad}) == [f"{field}: {message}"]


# -- health checks --------------------------------------------------------------------------------

HEALTH_RANGES = [
    ("active.timeout", 0, 65535),
    ("active.concurrency", 1, 2**31),
    ("active.healthy.interval", 0, 65535),
    ("active.healthy.successes", 0, 255),
    ("active.unhealthy.interval", 0, 65535),
    *((f"{side}.unhealthy.{name}", 0, 255) for side in ("active", "passive") for name in ("tcp_failures", "timeouts")),
    *((f"{side}.unhealthy.http_failures", 0, 255) for side in ("active", "passive")),
    ("passive.healthy.successes", 0, 255),
    ("threshold", 0, 100),
]


def nested(path, value):
    for step in reversed(path.split(".")):
        value = {step: value}
    return value


@pytest.mark.parametrize(("path", "low", "high"), HEALTH_RANGES)
def test_health_checks_have_ranges(path, low, high):
    for value in (low, high):
        assert complaints("upstreams", healthchecks=nested(path, value)) == []
    for value in (low - 1, high + 1):
        expected = [f"healthchecks.{path}: value should be between {low} and {high}"]
        assert complaints("upstreams", healthchecks=nested(path, value)) == expected


@pytest.mark.parametrize("path", ["active.timeout", "active.healthy.interval", "threshold"])
def test_seconds_and_percent_may_be_fractions(path):
    assert complaints("upstreams", healthchecks=nested(path, 0.5)) == []


@pytest.mark.parametrize("path", ["active.concurrency", "active.healthy.successes", "passive.unhealthy.timeouts"])
def test_counts_are_whole(path):
    assert complaints("upstreams", healthchecks=nested(path, 1.5)) == [f"healthchecks.{path}: expected an integer"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("active.type", "ftp", "expected one of: tcp, http, https, grpc, grpcs"),
        ("active.http_path", "status", "should start with: /"),
        ("active.http_path", "/a b", "invalid path: '/a b' (characters outside"),
        ("active.https_sni", "10.0.0.1", "must not be an IP"),
        ("active.https_sni", "a:443", "must not have a port"),
        ("active.https_verify_certificate", 1, "expected a boolean"),
        ("active.healthy.http_statuses", 200, "expected a set"),
        ("active", [], "expected a record"),
        ("active.nonsense", 1, "unknown field"),
    ],
)
def test_health_checks_refuse(path, value, message):
    [complaint] = complaints("upstreams", healthchecks=nested(path, value))
    assert complaint.startswith(f"healthchecks.{path}: {message}")


@pytest.mark.parametrize("status", [99, 1000, "200", None])
def test_a_status_is_a_number_of_three_digits(status):
    [complaint] = complaints("upstreams", healthchecks=nested("active.healthy.http_statuses", [200, status]))
    assert complaint.startswith("healthchecks.active.healthy.http_statuses.1: ")


@pytest.mark.parametrize(
    "headers", [{"X-Probe": ["a\r\nEvil: 1"]}, {"X Probe": ["a"]}, {"X-Probe\r\nEvil": ["a"]}, {"X-Probe": "a"}]
)
def test_probe_headers_cannot_inject_others(headers):
    assert len(complaints("upstreams", healthchecks={"active": {"headers": headers}})) == 1
    assert complaints("upstreams", healthchecks={"active": {"headers": {"X-Probe": ["a b", "c"]}}}) == []


def test_a_patch_of_one_limit_keeps_all_the_others():
    current = spec.check("upstreams", SMALLEST["upstreams"] | {"healthchecks": {"threshold": 50}}).values
    patched = spec.merge("upstreams", current, {"healthchecks": {"active": {"healthy": {"interval": 5}}}})
    checked = spec.check("upstreams", patched)
    assert checked.problems == []
    active, before = checked.values["healthchecks"]["active"], current["healthchecks"]["active"]
    assert active["healthy"] == before["healthy"] | {"interval": 5}
    assert active["unhealthy"] == before["unhealthy"]
    assert checked.values["healthchecks"]["threshold"] == 50


DRAIN = {"since": 100.0, "until": 160.5, "then": "remove", "keep_sticky": True}


def drained(drain):
    return spec.check("targets", {**SMALLEST["targets"], "drain": drain})


def test_a_target_drains_only_when_it_is_told_to():
    assert drained(None).values["drain"] is None
    assert spec.check("targets", SMALLEST["targets"]).values["drain"] is None
    assert drained(DRAIN).values["drain"] == DRAIN
    assert drained({"since": 1, "until": 1}).values["drain"] == {
        "since": 1, "until": 1, "then": "off", "keep_sticky": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("drain", "field"),
    [
        ({}, "drain.since"),
        (DRAIN | {"until": 99}, "drain.until"),
        (DRAIN | {"until": 2**50}, "drain.until"),
        (DRAIN | {"then": "explode"}, "drain.then"),
        (DRAIN | {"keep_sticky": None, "for": 3}, "drain.for"),
        (True, "drain"),
    ],
)
def test_a_drain_that_makes_no_sense_is_refused(drain, field):
    assert field in [problem.field for problem in drained(drain).problems]


def test_a_patch_ends_a_drain_with_null_and_changes_a_part_of_it():
    current = {"drain": DRAIN}
    assert spec.merge("targets", current, {"drain": None})["drain"] is None
    assert spec.merge("targets", current, {"drain": {"then": "off"}})["drain"] == DRAIN | {"then": "off"}
    assert spec.merge("targets", {"drain": None}, {"drain": DRAIN})["drain"] == DRAIN
