"""The forwarding fields: what a target is told of the client, and whom the gateway believes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.http.request_block import parse_block
from proxy_engine.proxy.forward import Peer, bare_host, believed_scheme, forwarding_lines, path_lines
from tests.proxy_engine.builders import a_block, a_request

STRANGER = Peer("192.0.2.7", scheme="http", port=8000, is_trusted=False)
FRIEND = Peer("10.0.0.2", scheme="http", port=8000, is_trusted=True)
CLAIMS = (
    "X-Forwarded-For: 198.51.100.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: shop.test",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Path: /before",
    "X-Forwarded-Prefix: /pre",
    "X-Real-IP: 198.51.100.2",
    "Via: 1.0 cdn",
)


def lines_of(raw: bytes) -> dict[str, str]:
    """Fields by name; fails when one stands there twice."""
    assert raw.endswith(b"\r\n")
    pairs = [line.split(": ", 1) for line in raw.decode("latin-1").split("\r\n") if line]
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    return fields


def test_a_target_is_told_whom_it_serves():
    head = a_request("Host: Shop.Test:8000")
    assert lines_of(forwarding_lines(STRANGER, head)) == {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "8000",
        "X-Forwarded-Host": "shop.test",
        "X-Real-IP": "192.0.2.7",
        "Via": "1.1 gatehouse",
    }


def test_via_says_how_the_client_spoke():
    assert lines_of(forwarding_lines(STRANGER, a_request(version="1.0")))["Via"] == "1.0 gatehouse"


def test_a_stranger_is_believed_in_nothing():
    fields = lines_of(forwarding_lines(STRANGER, a_request("Host: a.test", *CLAIMS)))
    assert fields == {
        "X-Forwarded-For": "198.51.100.1, 192.0.2.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "8000",
        "X-Forwarded-Host": "a.test",
        "X-Real-IP": "192.0.2.7",
        "Via": "1.0 cdn, 1.1 gatehouse",
    }


def test_a_trusted_proxy_is_believed():
    fields = lines_of(forwarding_lines(FRIEND, a_request("Host: a.test", *CLAIMS)))
    assert fields == {
        "X-Forwarded-For": "198.51.100.1, 10.0.0.2",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Host": "shop.test",
        "X-Real-IP": "198.51.100.2",
        "Via": "1.0 cdn, 1.1 gatehouse",
    }


@pytest.mark.parametrize("sent", ["Forwarded: for=198.51.100.1;proto=https", "forwarded: for=198.51.100.1;proto=https"])
def test_what_is_forwarded_passes_on_from_friends_only(sent):
    """RFC 7239 §8.1: nothing in it can be trusted but what a trusted proxy says."""
    head = a_request("Host: a.test", sent)
    assert b"orwarded: " not in head.forward
    assert lines_of(forwarding_lines(FRIEND, head))["Forwarded"] == "for=198.51.100.1;proto=https"
    assert "Forwarded" not in lines_of(forwarding_lines(STRANGER, head))


@pytest.mark.parametrize("peer", [STRANGER, FRIEND])
def test_nobody_gives_a_request_its_id(peer):
    head = a_request("Host: a.test", "X-Kong-Request-Id: 1", "X_Kong_Request_Id: 2")
    assert head.forward == b""
    assert "X-Kong-Request-Id" not in lines_of(forwarding_lines(peer, head))


def test_what_was_said_for_one_request_is_not_said_for_another():
    peer = Peer("192.0.2.7", scheme="http", port=8000, is_trusted=False)
    for head in (
        a_request("Host: a.test"),
        a_request("Host: a.test"),
        a_request("Host: b.test"),
        a_request("Host: a.test", version="1.0"),
        a_request("Host: a.test", "X-Forwarded-For: 1.1.1.1"),
        a_request("Host: a.test"),
        a_request("Host: b.test", target="http://c.test/"),
    ):
        fresh = Peer("192.0.2.7", scheme="http", port=8000, is_trusted=False)
        assert forwarding_lines(peer, head) == forwarding_lines(fresh, head)


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_trusted_proxy_need_not_say_everything(claim):
    name = claim.partition(":")[0]
    own = lines_of(forwarding_lines(FRIEND, a_request("Host: a.test")))
    fields = lines_of(forwarding_lines(FRIEND, a_request("Host: a.test", claim)))
    assert {key: value for key, value in fields.items() if key != name} == {
        key: value for key, value in own.items() if key != name
    }


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("peer", [STRANGER, FRIEND])
def test_an_empty_claim_is_none(peer, claim):
    empty = claim.partition(":")[0] + ":"
    head, bare = a_request("Host: a.test", empty), a_request("Host: a.test")
    assert lines_of(forwarding_lines(peer, head)) == lines_of(forwarding_lines(peer, bare))
    assert path_lines(peer, head.block, b"/x", b"/p") == path_lines(peer, bare.block, b"/x", b"/p")


def test_the_last_address_is_always_one_the_gateway_saw():
    head = a_request("X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2, 3.3.3.3")
    assert lines_of(forwarding_lines(STRANGER, head))["X-Forwarded-For"] == "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7"


@pytest.mark.parametrize(
    ("host", "bare"),
    [
        (b"a.test", b"a.test"),
        (b"A.Test:8000", b"a.test"),
        (b"a:", b"a"),
        (b"[2001:DB8::1]", b"[2001:db8::1]"),
        (b"[::1]:80", b"[::1]"),
        (b"", b""),
    ],
)
def test_a_bare_host_has_no_port_and_one_case(host, bare):
    assert bare_host(host) == bare


# -- the path -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "fields"),
    [
        (None, {"X-Forwarded-Path": "/a%2f/x"}),
        (b"", {"X-Forwarded-Path": "/a%2f/x"}),
        (b"/a%2F", {"X-Forwarded-Path": "/a%2f/x", "X-Forwarded-Prefix": "/a%2F"}),
    ],
)
def test_a_target_is_told_path_and_prefix(prefix, fields):
    raw = path_lines(STRANGER, parse_block(b""), b"/a%2f/x", prefix)
    assert lines_of(raw) == fields


def test_a_trusted_proxys_path_and_prefix_stay():
    block = parse_block(a_block(*CLAIMS))
    assert lines_of(path_lines(FRIEND, block, b"/x", b"/y")) == {
        "X-Forwarded-Path": "/before",
        "X-Forwarded-Prefix": "/pre",
    }
    assert lines_of(path_lines(STRANGER, block, b"/x", None)) == {"X-Forwarded-Path": "/x"}


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [
        (b"/a\r\nX-Admin: 1", "/a%0D%0AX-Admin:%201"),
        (b"/a\r\n\r\nGET /admin HTTP/1.1", "/a%0D%0A%0D%0AGET%20/admin%20HTTP/1.1"),
        (b"/a\nb\x00c\x7f", "/a%0Ab%00c%7F"),
        ("/café".encode(), "/caf%C3%A9"),
        (b"/a%2F b", "/a%2F%20b"),
    ],
)
def test_what_a_regex_route_matched_cannot_break_out_of_its_line(prefix, shown):
    """``/a%0d%0aX-Admin:%201`` is decoded before it is matched by ``~/[^/]+``."""
    assert lines_of(path_lines(STRANGER, parse_block(b""), b"/x", prefix))["X-Forwarded-Prefix"] == shown


@given(st.binary(min_size=1, max_size=30))
def test_no_prefix_adds_a_line(prefix):
    raw = path_lines(STRANGER, parse_block(b""), b"/x", prefix)
    assert raw.count(b"\r\n") == 2
    assert raw.count(b"\n") == raw.count(b"\r") == 2


# -- the scheme -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "claim", "scheme"),
    [
        (STRANGER, [], "http"),
        (STRANGER, ["X-Forwarded-Proto: https"], "http"),
        (FRIEND, [], "http"),
        (FRIEND, ["X-Forwarded-Proto: HTTPS"], "https"),
        (FRIEND, ["X-Forwarded-Proto:"], "http"),
        (FRIEND, ["X_Forwarded_Proto: https"], "http"),
        (FRIEND, ["X-Forwarded-For: a"], "http"),
    ],
)
def test_the_scheme_of_the_client_is_believed_from_friends_only(peer, claim, scheme):
    assert believed_scheme(peer, parse_block(a_block(*claim))) == scheme
