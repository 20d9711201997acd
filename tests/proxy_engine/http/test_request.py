"""Request heads: what is understood and what is passed on. Framing has a file of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http.limits import DEFAULTS
from proxy_engine.http.request import parse_head
from proxy_engine.http.request_block import DROPPED, REPLACED, parse_block
from tests.proxy_engine.builders import a_block, a_request

from .heads import HOST, forwarded, status_of

# -- the request line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "method", "target", "is_http10"),
    [
        (b"GET / HTTP/1.1", b"GET", b"/", False),
        (b"GET / HTTP/1.0", b"GET", b"/", True),
        (b"purge /a?b=c&d HTTP/1.1", b"purge", b"/a?b=c&d", False),
        (b"M-SEARCH /%41//../x HTTP/1.1", b"M-SEARCH", b"/%41//../x", False),
        (b"GET //a HTTP/1.1", b"GET", b"//a", False),
        (b"GET /caf\xc3\xa9?\xff HTTP/1.1", b"GET", b"/caf\xc3\xa9?\xff", False),
    ],
)
def test_it_reads_the_request_line(line, method, target, is_http10):
    head = parse_head(line, b"Host: example.com", None)
    assert (head.method, head.target, head.is_http10) == (method, target, is_http10)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET / ",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET\t/\tHTTP/1.1",
        b"GET / HTTP/1.1\n",
        b"GET /\nX: y HTTP/1.1",
        b"GET /\r HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /a#b HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.",
        b"GET / HTTP/1.10",
        b"GET / HTTP/11",
        b"GET / HTTP/1.1.1",
        b"GET / HTTP/ 1.1",
        b"GET / HTTP /1.1",
        b"GET / XTTP/1.1",
        b"GET / HTTP/\xb9.\xb9",
        b"G(T / HTTP/1.1",
        b"G\xc4T / HTTP/1.1",
        b": / HTTP/1.1",
    ],
)
def test_it_refuses_a_malformed_request_line(line):
    assert status_of(line) == 400


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"1.9", b"2.0", b"3.0", b"9.9"])
def test_it_speaks_no_other_version(version):
    assert status_of(b"GET / HTTP/" + version) == 505


def test_the_preface_of_http2_is_another_version():
    assert status_of(b"PRI * HTTP/2.0", b"") == 505


def test_the_request_line_may_be_so_long_and_no_longer():
    longest = b"GET /%b HTTP/1.1" % (b"a" * (DEFAULTS.request_line_bytes - len(b"GET / HTTP/1.1")))
    assert len(parse_head(longest, b"Host: a", None).target) == DEFAULTS.request_line_bytes - len(b"GET  HTTP/1.1")
    assert status_of(longest.replace(b"/a", b"/aa", 1)) == 414
    assert status_of(b"x" * (DEFAULTS.request_line_bytes + 1)) == 414


# -- host and target ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "A.Example.com",
        "a.",
        "a:80",
        "a:",
        "10.0.0.1:8000",
        "[::1]",
        "[::1]:80",
        "xn--a",
        "a_b",
        "a%20b",
        "a~!$&'()*+;=",
    ],
)
def test_it_takes_a_host_as_it_is(host):
    assert a_request(f"Host:\t{host} ").host == host.encode()


NO_HOSTS = ["", " ", "a b", "a, b", "a:8 0", "a\xe4", "a\\b", '"a"', "<a>"]
NO_HOSTS += ["a,b", "a/b", "a?b", "a#b", "a@b", "user:pw@a", "http://a", "a:b", "a:80:80", "a:999999", "a:+80"]
NO_HOSTS += ["[::1", "::1", "[::1]x", "[::g]"]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_it_refuses_what_is_no_host(host):
    assert status_of(block=a_block(f"Host: {host}")) == 400


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Accept: */*"],
        ["Host: a", "Host: a"],
        ["Host: a", "Host: b"],
        ["Host: a", "host: b"],
        ["Host: a", "Accept: */*", "HOST: a"],
        ["Host: a", "Host:"],
    ],
)
def test_there_is_exactly_one_host(lines):
    assert status_of(block=a_block(*lines)) == 400


def test_http10_may_come_without_a_host():
    head = parse_head(b"GET / HTTP/1.0", b"", None)
    assert head.host == b""


def test_a_second_host_is_refused_in_http10_too():
    assert status_of(b"GET / HTTP/1.0", a_block("Host: a", "Host: a")) == 400


@pytest.mark.parametrize(
    ("target", "origin_form", "host"),
    [
        ("http://b.test", b"/", b"b.test"),
        ("http://b.test/x?y", b"/x?y", b"b.test"),
        ("http://b.test?y", b"/?y", b"b.test"),
        ("HTTPS://B.test:444/x", b"/x", b"B.test:444"),
        ("http://[::1]:80/x", b"/x", b"[::1]:80"),
        ("http://b.test//x", b"//x", b"b.test"),
        ("http://b.test/http://c.test/", b"/http://c.test/", b"b.test"),
    ],
)
def test_the_authority_of_an_absolute_form_replaces_the_host(target, origin_form, host):
    head = a_request("Host: a.test", target=target)
    assert (head.target, head.host) == (origin_form, host)


OTHER_TARGETS = ["*", "a", "a/b", "?a", "http:/a", "http://", "http:///a", "http://?a", "ftp://a/", "a.test:80"]
OTHER_TARGETS += ["http://a:b/", "http://user@a/", "http://a.test@evil/", "http://a\\b/", "http://a:80:80/"]
OTHER_TARGETS += ["http://a,b/", "javascript:alert(1)"]


@pytest.mark.parametrize("target", OTHER_TARGETS)
def test_it_refuses_other_targets(target):
    assert status_of(f"GET {target} HTTP/1.1".encode()) == 400


def test_an_absolute_form_needs_a_host_field_all_the_same():
    assert status_of(b"GET http://a/ HTTP/1.1", b"") == 400


def test_connect_is_not_allowed():
    assert status_of(b"CONNECT a:443 HTTP/1.1") == 405


# -- what is passed on ----------------------------------------------------------------------------


def test_other_fields_pass_as_they_came_and_in_their_order():
    lines = [
        "accept:*/*",
        "X-A:  1 ",
        "Cookie: a=b",
        "X-A: 2",
        "Authorization: Basic x",
        "Proxy-Authorization: y",
        "X_y: z",
    ]
    assert forwarded(*lines) == lines


@pytest.mark.parametrize("name", sorted(DROPPED | REPLACED))
@pytest.mark.parametrize("spell", [bytes.lower, bytes.upper, bytes.title])
def test_hop_by_hop_and_replaced_fields_end_here(name, spell):
    assert forwarded(f"{spell(name).decode()}: x") == []


@pytest.mark.parametrize(
    ("connection", "gone"),
    [
        (["X-A"], {"X-A"}),
        (["close, x-a"], {"X-A"}),
        (["keep-alive,X-A , x-b"], {"X-A", "X-B"}),
        (["x-a", "X-B"], {"X-A", "X-B"}),
        ([",,X-A,,"], {"X-A"}),
        (["upgrade"], set()),
        (["x a"], set()),
        (["authorization"], {"Authorization"}),
    ],
)
def test_fields_named_in_connection_end_here(connection, gone):
    lines = ["X-A: 1", "X-B: 2", "Authorization: 3"]
    expected = [line for line in lines if line.partition(":")[0] not in gone]
    nominations = [f"Connection: {value}" for value in connection]
    assert forwarded(*lines, *nominations) == expected
    assert forwarded(*nominations, *lines) == expected


@pytest.mark.parametrize(
    "named", ["host", "content-length", "transfer-encoding", "x-forwarded-for", "via", "connection"]
)
def test_no_field_of_the_gateways_own_can_be_nominated_away(named):
    head = a_request(f"Connection: {named}", "Content-Length: 5", "X-Forwarded-For: 10.0.0.1")
    block = head.block
    assert block.host == b"example.com"
    assert head.forward == b"Content-Length: 5\r\n"
    assert block.forwarded == {b"x-forwarded-for": b"10.0.0.1"}


@pytest.mark.parametrize(
    ("values", "close", "keep_alive"),
    [
        ([], False, False),
        (["close"], True, False),
        (["CLOSE"], True, False),
        (["keep-alive"], False, True),
        (["keep-alive, close"], True, True),
        (["x", "close"], True, False),
        (["close-not", '"close"'], False, False),
    ],
)
def test_it_knows_what_the_client_wants_of_the_connection(values, close, keep_alive):
    block = parse_block(a_block(HOST, *(f"Connection: {value}" for value in values)))
    assert (block.close, block.keep_alive) == (close, keep_alive)


def test_what_the_client_claims_of_itself_is_kept_aside():
    block = parse_block(a_block(HOST, "X-Forwarded-For: a", "x-forwarded-for: b", "Via: 1.0 c", "X-Real-IP:"))
    assert block.forwarded == {b"x-forwarded-for": b"a, b", b"via": b"1.0 c", b"x-real-ip": b""}


def test_the_only_expectation_is_100_continue():
    assert parse_block(a_block(HOST, "Expect: 100-Continue")).expects
    assert forwarded("Expect: 100-continue") == []
    for value in ("", "200-ok", "100-continue, x", "100-continue;a"):
        assert status_of(block=a_block(HOST, f"Expect: {value}")) == 417


def test_an_upgrade_is_noted_but_not_passed_on():
    head = a_request("Connection: Upgrade", "Upgrade: websocket")
    assert head.block.upgrade == b"websocket"
    assert head.forward == b""


@pytest.mark.parametrize(
    ("lines", "asks"),
    [
        (["Connection: Upgrade", "Upgrade: websocket"], True),
        (["Upgrade: WebSocket", "Connection: keep-alive, upgrade"], True),
        (["Connection: keep-alive", "Upgrade: websocket", "Connection: Upgrade"], True),
        (["Upgrade: websocket"], False),
        (["Connection: Upgrade"], False),
        (["Connection: Upgrade", "Upgrade: h2c"], False),
        (["Connection: Upgrade", "Upgrade: websocket/13"], False),
        (["Connection: Upgrade", "Upgrade: websocket, h2c"], False),
        (["Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"], False),
    ],
)
def test_a_websocket_is_asked_for_by_two_fields_and_leaves_no_http_behind_it(lines, asks):
    block = parse_block(a_block(HOST, *lines))
    assert (block.asks_websocket, block.close) == (asks, asks)


def test_rules_see_every_field_as_the_client_sent_it():
    head = a_request("X-A: 1", "x-a:2", "Connection: x-a", "X-Forwarded-For: b")
    assert head.fields()[b"x-a"] == [b"1", b"2"]
    assert head.field(b"X-A") == b"1, 2"
    assert head.field(b"x-forwarded-for") == b"b"
    assert head.field(b"x-b") is None
    assert parse_head(b"GET / HTTP/1.0", b"", None).fields() == {}


# -- limits and memory ----------------------------------------------------------------------------


def test_there_may_be_so_many_fields_and_no_more():
    lines = [HOST, *(f"X-{number}: a" for number in range(DEFAULTS.fields - 1))]
    parse_block(a_block(*lines))
    assert status_of(block=a_block(*lines, "X: a")) == 431


def test_a_field_may_be_so_long_and_no_longer():
    assert len(forwarded("Cookie: " + "a" * 8184)) == 1
    assert status_of(block=a_block(HOST, "Cookie: " + "a" * 8185)) == 431


def test_an_equal_block_is_used_again():
    first = parse_head(b"GET / HTTP/1.1", a_block(HOST, "X-A: 1"), None)
    second = parse_head(b"GET /b HTTP/1.1", a_block(HOST, "X-A: 1"), first.block)
    assert second.block is first.block
    assert parse_head(b"GET / HTTP/1.1", a_block(HOST, "X_Via: 2"), first.block).block is not first.block


def test_the_checks_of_the_version_hold_for_a_known_block_too():
    head = parse_head(b"POST / HTTP/1.1", a_block(HOST, "Transfer-Encoding: chunked"), None)
    with pytest.raises(BadMessage):
        parse_head(b"POST / HTTP/1.0", head.raw, head.block)
    hostless = parse_head(b"GET / HTTP/1.0", b"", None).block
    with pytest.raises(BadMessage):
        parse_head(b"GET / HTTP/1.1", b"", hostless)


# -- properties -----------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [name.decode() for name in sorted(DROPPED | REPLACED)]
    + [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "Accept",
        "Cookie",
        "X-A",
        "X_A",
        "X-Forwarded_For",
        "Keep_Alive",
    ]
).flatmap(lambda name: st.sampled_from([name, name.lower(), name.upper(), name.title(), name.replace("-", "_")]))
VALUES = st.sampled_from(
    [
        "",
        "a",
        "example.com",
        "5",
        "0",
        "chunked",
        "close",
        "keep-alive",
        "x-a",
        "upgrade, cookie",
        "100-continue",
        "a, b",
        "\t5 ",
    ]
) | st.text(st.characters(max_codepoint=255), max_size=8)
BLOCKS = st.lists(st.tuples(NAMES, VALUES).map(": ".join), max_size=9).map(lambda lines: a_block(HOST, *lines))


@given(BLOCKS | st.binary(max_size=200))
def test_what_is_passed_on_is_clean_whatever_was_sent(raw):
    try:
        head = parse_head(b"GET / HTTP/1.0", raw, None)
    except BadMessage:
        return
    block, forward = head.block, head.forward
    names = [line.partition(b":")[0].lower() for line in forward.split(b"\r\n")[:-1]]
    folded = [name.replace(b"_", b"-") for name in names]
    assert not (DROPPED | REPLACED | {b"host", b"expect"}) & set(folded)
    framing = [name for name in folded if name in (b"content-length", b"transfer-encoding")]
    assert len(framing) == (block.chunked or block.length >= 0)
    assert not framing or names[-1] == framing[0]
    assert b"\x00" not in forward
    assert b"\n" not in forward.replace(b"\r\n", b"")
    assert b"\r" not in forward.replace(b"\r\n", b"")
    assert b"\r\n " not in forward
    assert parse_head(b"GET / HTTP/1.0", forward.removesuffix(b"\r\n"), None).forward == forward


@given(
    st.binary(max_size=60) | st.text(st.sampled_from("GET /.ahtp:[]@?#*HTP1.0 2\t\r\n\\"), max_size=40).map(str.encode)
)
def test_no_request_line_raises_anything_else(line):
    try:
        head = parse_head(line, b"Host: a", None)
    except BadMessage:
        return
    assert head.target.startswith(b"/")
    assert not set(head.target) & set(b"\r\n \x00#\t")
    assert head.host
