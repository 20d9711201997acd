"""Routes: what their protocols demand and forbid, and what their paths, hosts and headers may be."""

from __future__ import annotations

import time

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine import spec
from proxy_engine.routing import normalise_path
from proxy_engine.routing.hosts import parse_pattern
from proxy_engine.routing.patterns import PathPattern, ValuePattern
from proxy_engine.spec.route_rules import MAX_GROUPS, compile_regex, regex_problem, route_path


def complaints(**given):
    return [f"{problem.field}: {problem.message}" for problem in spec.check("routes", given).problems]


# -- matchers and protocols -----------------------------------------------------------------------

HTTPS = "@entity: must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"
HTTP = "@entity: must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"
GRPCS = "@entity: must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'"
GRPC = "@entity: must set one of 'hosts', 'headers', 'paths' when 'protocols' is 'grpc'"
STREAM = "@entity: must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"
PASSTHROUGH = "@entity: must set snis when 'protocols' is 'tls_passthrough'"


@pytest.mark.parametrize(
    "matcher",
    [{"methods": ["GET"]}, {"hosts": ["a.test"]}, {"headers": {"X-A": ["b"]}}, {"paths": ["/a"]}, {"snis": ["a.test"]}],
)
def test_one_matcher_is_enough(matcher):
    assert complaints(**matcher) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, HTTPS),
        ({"protocols": ["https"]}, HTTPS),
        ({"protocols": ["http"]}, HTTP),
        ({"protocols": ["grpcs", "grpc"]}, GRPCS),
        ({"protocols": ["grpc"]}, GRPC),
        ({"protocols": ["tcp", "udp"]}, STREAM),
        ({"protocols": ["tls_passthrough"]}, PASSTHROUGH),
        ({"protocols": ["tls_passthrough"], "sources": [{"port": 1}]}, PASSTHROUGH),
        ({"paths": [], "hosts": [], "headers": {}, "methods": [], "snis": []}, HTTPS),
    ],
)
def test_a_route_must_match_something(given, message):
    assert complaints(**given) == [message]


def test_an_empty_list_is_kept_but_counts_as_unset():
    checked = spec.check("routes", {"hosts": [], "paths": ["/a"]})
    assert checked.problems == []
    assert checked.values["hosts"] == []


@pytest.mark.parametrize(
    ("protocols", "family", "matcher", "forbidden"),
    [
        (["http"], "'http' or 'https'", {"paths": ["/"]}, {"sources": [{"port": 1}]}),
        (["https"], "'http' or 'https'", {"paths": ["/"]}, {"destinations": [{"ip": "10.0.0.1"}]}),
        (["grpc"], "'grpc' or 'grpcs'", {"paths": ["/"]}, {"methods": ["POST"]}),
        (["grpcs"], "'grpc' or 'grpcs'", {"paths": ["/"]}, {"sources": [{"port": 1}]}),
        *(
            (["tcp"], "'tcp', 'tls', 'tls_passthrough' or 'udp'", {"sources": [{"port": 1}]}, matcher)
            for matcher in ({"methods": ["GET"]}, {"hosts": ["a"]}, {"paths": ["/"]}, {"headers": {"X": ["y"]}})
        ),
    ],
)
def test_a_matcher_must_fit_the_protocols(protocols, family, matcher, forbidden):
    [field] = forbidden
    assert complaints(protocols=protocols, **matcher) == []
    expected = [f"{field}: cannot set '{field}' when 'protocols' is {family}"]
    assert complaints(protocols=protocols, **matcher, **forbidden) == expected


@pytest.mark.parametrize("protocols", [["http"], ["grpc"]])
def test_server_names_need_tls(protocols):
    assert complaints(protocols=protocols, paths=["/"], snis=["a.test"]) == [
        "snis: length must be 0",
        "@entity: 'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'",
    ]


@pytest.mark.parametrize(
    ("protocols", "sets"),
    [
        (["http", "grpc"], "('http', 'https'), ('grpc', 'grpcs')"),
        (["grpc", "https"], "('grpc', 'grpcs'), ('http', 'https')"),
        (["http", "https", "tcp"], "('http', 'https'), ('tcp', 'tls', 'udp')"),
        (["tls_passthrough", "tls"], "('tls_passthrough'), ('tcp', 'tls', 'udp')"),
    ],
)
def test_protocols_of_two_families_cannot_be_mixed(protocols, sets):
    matchers = {"paths": ["/"], "snis": ["a.test"]}
    assert f"protocols: these sets are mutually exclusive: {sets}" in complaints(protocols=protocols, **matchers)


@pytest.mark.parametrize(
    ("protocols", "message"),
    [
        ([], "protocols: length must be at least 1"),
        (None, "protocols: required field missing"),
        ("http", "protocols: expected a set"),
        (["HTTP"], "protocols.0: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"),
        ([10**5000], "protocols.0: expected a string"),
        ([{"grpc": 1}], "protocols.0: expected a string"),
    ],
)
def test_protocols_must_be_known(protocols, message):
    assert complaints(protocols=protocols, paths=["/"]) == [message]


@pytest.mark.parametrize(("protocols", "strips"), [(["grpc"], False), (["grpcs", "grpc"], False), (["https"], True)])
def test_the_prefix_is_stripped_by_default_except_for_grpc(protocols, strips):
    assert spec.check("routes", {"protocols": protocols, "paths": ["/"]}).values["strip_path"] is strips


def test_a_grpc_route_cannot_strip_the_prefix():
    assert complaints(protocols=["grpc"], paths=["/"], strip_path=True) == [
        "strip_path: cannot set 'strip_path' when 'protocols' is 'grpc' or 'grpcs'"
    ]


@pytest.mark.parametrize("field", ["sources", "destinations"])
@pytest.mark.parametrize(
    ("peer", "message"),
    [
        ({}, "{}.0: at least one of these fields must be non-empty: 'ip', 'port'"),
        ({"ip": None, "port": None}, "{}.0: at least one of these fields must be non-empty: 'ip', 'port'"),
        ({"ip": "a.test"}, "{}.0.ip: invalid ip or cidr range: 'a.test'"),
        ({"port": 65536}, "{}.0.port: value should be between 0 and 65535"),
        ({"port": 1, "host": "a"}, "{}.0.host: unknown field"),
        ("10.0.0.1", "{}.0: expected a record"),
    ],
)
def test_a_peer_has_an_address_or_a_port(field, peer, message):
    assert complaints(protocols=["tcp"], **{field: [{"ip": "10.0.0.0/8", "port": 1}]}) == []
    assert complaints(protocols=["tcp"], **{field: [peer]}) == [message.format(field)]


# -- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Host", "host", "HOST"])
def test_the_host_is_not_matched_as_a_header(name):
    assert complaints(headers={name: ["a.test"]}) == [
        "headers: cannot contain 'host' header, which must be specified in the 'hosts' attribute"
    ]


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"X-A": "b"}, "headers.X-A: expected an array"),
        ({"X-A": []}, "headers.X-A: length must be at least 1"),
        ({"X-A": [""]}, "headers.X-A.0: length must be at least 1"),
        ({"X-A": ["b\r\nc"]}, "headers.X-A.0: must not contain control characters"),
        ({"X A": ["b"]}, "headers.X A: bad header name 'X A'"),
        ({"": ["b"]}, "headers.: bad header name ''"),
        ({"X-A": ["c", "~*("]}, "headers.X-A.1: invalid regex: '('"),
        ([], "headers: expected a map"),
    ],
)
def test_headers_must_be_well_formed(headers, field):
    [complaint] = complaints(paths=["/"], headers=headers)
    assert complaint.startswith(field)


# -- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/a b",
        "/café",
        "/a%2Fb",
        "/a%25",
        "/a..",
        "/..a",
        "/.well-known",
        "/a;v=1",
        "/{id}",
        "~/",
        "~/users/(?<id>[0-9]+)$",
        "~/users/(?P<id>\\d+)",
        "~/größe/.*",
        "~/(?i)a",
        "~/a%20b",
    ],
)
def test_it_accepts_prefixes_in_normal_form_and_regexes(path):
    assert route_path(path) is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("api", "should start with: / (fixed path) or ~/ (regex path)"),
        ("~api", "should start with: / (fixed path) or ~/ (regex path)"),
        ("~", "should start with: / (fixed path) or ~/ (regex path)"),
        ("~^/api", "should start with: / (fixed path) or ~/ (regex path)"),
        (" /api", "should start with: / (fixed path) or ~/ (regex path)"),
        ("/a//b", "must not have empty segments"),
        ("//", "must not have empty segments"),
        ("~/a//b", "must not have empty segments"),
        ("/%2w", "invalid url-encoded value: '%2w'"),
        ("/a%", "invalid url-encoded value: '%'"),
        ("~/a%zz", "invalid url-encoded value: '%zz'"),
        ("/a/./b", "non-normalized path, consider use '/a/b' instead"),
        ("/a/../b", "non-normalized path, consider use '/b' instead"),
        ("/a/.", "non-normalized path, consider use '/a/' instead"),
        ("/a/..", "non-normalized path, consider use '/' instead"),
        ("/%61", "non-normalized path, consider use '/a' instead"),
        ("/a%2fb", "non-normalized path, consider use '/a%2Fb' instead"),
        ("/caf%C3%A9", "non-normalized path, consider use '/café' instead"),
        ("/a%20b", "non-normalized path, consider use '/a b' instead"),
        ("/%2e%2e/a", "invalid path: '/%2e%2e/a' (the path climbs above /)"),
        ("/a/..%2fb", "invalid path: '/a/..%2fb' (dot segment behind an encoded or foreign separator)"),
        ("/a/..;/b", "invalid path: '/a/..;/b' (dot segment behind an encoded or foreign separator)"),
        ("/a%00", "invalid path: '/a%00' (% without two hexadecimal digits, or an encoded NUL)"),
        ("/a%0a", "invalid path: '/a%0a' (control characters can only be matched by a regex path)"),
        ("/%ff", "invalid path: '/%ff' (escapes that are not UTF-8 can only be matched by a regex path)"),
        ("/%ed%a0%80", "invalid path: '/%ed%a0%80' (escapes that are not UTF-8 can only be matched by a regex path)"),
    ],
)
def test_it_says_what_is_wrong_with_a_path(path, message):
    assert route_path(path) == message


@pytest.mark.parametrize("path", ["~/(", "~/[", "~/a{2,1}", "~/*a**", "~/(?=a)", "~/(a)\\1", "~/(?<=a)b", "~/\\"])
def test_a_regex_must_compile(path):
    assert route_path(path).startswith(f"invalid regex: '{path[1:]}' (")


@pytest.mark.parametrize(
    "path",
    [
        "~/(((a{1,100}){1,100}){1,100})",
        "~/" + "(" * 2000,
        "~/" + "(" * 1001 + ")" * 1001,
        "~/" + ".{1000}" * 290,
        "~/" + "(.*)" * (MAX_GROUPS + 1),
        "~/(?:.*a){1000}",
        "~/" + "größe\\pL{100}" * 100,
    ],
    ids=lambda path: path[:20],
)
def test_a_regex_bomb_is_refused(path):
    assert route_path(path).startswith("invalid regex: ")


@pytest.mark.parametrize("path", ["/(a+)+$", "/(a|aa)+$", "/(.*a){9}$", "/" + "(.*)" * MAX_GROUPS, "/([a-z]+)*!"])
def test_what_would_be_a_bomb_for_other_engines_is_none_here(path):
    pattern = compile_regex(path)
    started = time.process_time()
    pattern.match(b"/" + b"a" * 8000)
    assert time.process_time() - started < 1


def test_a_dollar_is_the_very_end():
    assert compile_regex("/a$").match(b"/a")
    assert not compile_regex("/a$").match(b"/a\n")


def test_an_ascii_regex_takes_bytes_that_are_no_text():
    assert compile_regex("/[^/]+$").match(b"/\xff\xfe")
    assert compile_regex("/größe.$").match("/größeß".encode())


def test_a_regex_that_cannot_be_written_as_bytes_is_no_crash():
    assert spec.check("routes", {"paths": ["~/\ud800"]}).problems[0].message == "must not contain control characters"


# -- spec and router agree ------------------------------------------------------------------------

PATHS = st.text(st.sampled_from("ab./%2eEfF5cC3bB;\\é \x1f"), max_size=16).map(lambda text: "/" + text)
REGEXES = st.text(st.sampled_from("ab./[]()*+?{}1,2^$|\\dwé-<>P:"), max_size=16).map(lambda text: "/" + text)
HOSTS = st.text(st.sampled_from("aA.-_*:180[]"), min_size=1, max_size=12)


@given(PATHS)
def test_the_router_leaves_every_accepted_prefix_as_it_is(path):
    if route_path(path) is not None:
        return
    escaped = path.encode().replace(b" ", b"%20")  # what a client has to write to reach it
    assert b"\x1f" in escaped or normalise_path(escaped) == (path.encode(), b"")


@given(PATHS)
def test_the_router_brings_paths_into_the_form_that_the_spec_asks_for(path):
    try:
        normal = normalise_path(path.encode())[0]
    except ValueError:
        return
    assert spec.normal_path(path.encode()) == normal


@given(REGEXES)
def test_the_router_compiles_every_regex_that_the_spec_accepts(regex):
    if regex_problem(regex) is None:
        PathPattern(regex)
    if regex_problem(regex, ignore_case=True) is None:
        ValuePattern(regex)


@given(HOSTS)
def test_the_router_reads_every_host_that_the_spec_accepts(host):
    if spec.scalars.route_host(host) is None:
        parse_pattern(host)
    if spec.scalars.wildcard_host(host) is None:
        parse_pattern(host)


@given(REGEXES)
def test_no_regex_raises_anything_else(regex):
    try:
        compile_regex(regex)
    except re2.error:
        assert regex_problem(regex)
