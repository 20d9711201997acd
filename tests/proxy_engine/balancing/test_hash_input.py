from __future__ import annotations

import pytest

from proxy_engine.balancing import compile_hash_input, issue_cookie

from .builders import an_upstream


class Facts:
    def __init__(self, **given):
        self.ip = b"192.0.2.7"
        self.path = b"/a/b"
        self.query = b""
        self.target = b"/a%2Fb"
        self.captures = None
        self.consumer = None
        self.headers = {}
        self.cookies = {}
        vars(self).update(given)

    def header(self, name):
        return self.headers.get(name)

    def cookie(self, name):
        return self.cookies.get(name)


HEADER = {"hash_on": "header", "hash_on_header": "X-User"}
QUERY = {"hash_on": "query_arg", "hash_on_query_arg": "u"}
CAPTURE = {"hash_on": "uri_capture", "hash_on_uri_capture": "id"}
COOKIE = {"hash_on": "cookie", "hash_on_cookie": "sid"}


def key(facts, **upstream):
    return compile_hash_input(an_upstream(algorithm="consistent-hashing", **upstream))(facts)


@pytest.mark.parametrize(
    ("upstream", "facts", "value"),
    [
        ({"hash_on": "none"}, {}, b""),
        ({"hash_on": "ip"}, {}, b"192.0.2.7"),
        ({"hash_on": "path"}, {}, b"/a/b"),
        ({"hash_on": "url"}, {"target": b"/a%2fb/./c?x=1&y"}, b"/a%2fb/./c?x=1&y"),
        (HEADER | {"hash_fallback": "url"}, {"target": b"/a?x=2"}, b"/a?x=2"),
        ({"hash_on": "consumer"}, {"consumer": b"alice"}, b"alice"),
        (HEADER, {"headers": {b"x-user": b"bob, eve"}}, b"bob, eve"),
        (HEADER, {"headers": {b"x-user": b""}}, b""),
        (COOKIE, {"cookies": {b"sid": b"s1"}}, b"s1"),
        (QUERY, {"query": b"?u=1"}, b"1"),
        (QUERY, {"query": b"?a=0&u=b&u=a"}, b"a,b"),
        (QUERY, {"query": b"?u"}, b"true"),
        (QUERY, {"query": b"?u="}, b""),
        (QUERY, {"query": b"?%75=a%20b+c"}, b"a b c"),
        (QUERY, {"query": b"?uu=1&u=2"}, b"2"),
        (CAPTURE, {"captures": {"1": b"42", "id": b"42"}}, b"42"),
        (CAPTURE | {"hash_on_uri_capture": "1"}, {"captures": {"1": b"42"}}, b"42"),
    ],
)
def test_it_reads_what_the_upstream_names(upstream, facts, value):
    assert key(Facts(**facts), **upstream) == value


@pytest.mark.parametrize(
    ("upstream", "facts"),
    [
        ({"hash_on": "consumer"}, {}),
        (HEADER, {"headers": {b"x-other": b"1"}}),
        (QUERY, {}),
        (QUERY, {"query": b"?"}),
        (QUERY, {"query": b"?uu=1&&=x"}),
        (CAPTURE, {}),
        (CAPTURE, {"captures": {"1": b"42"}}),
    ],
)
def test_it_falls_back_when_the_first_input_is_missing(upstream, facts):
    assert key(Facts(**facts), **upstream) == b""
    assert key(Facts(**facts), **upstream, hash_fallback="ip") == b"192.0.2.7"
    header = {"hash_fallback": "header", "hash_fallback_header": "x-fall"}
    assert key(Facts(**facts | {"headers": {b"x-fall": b"f"}}), **upstream, **header) == b"f"
    assert key(Facts(**facts), **upstream, **header) == b""


def test_an_input_that_is_there_but_empty_needs_no_fallback():
    assert key(Facts(query=b"?u="), **QUERY, hash_fallback="ip") == b""


@pytest.mark.parametrize("upstream", [COOKIE, HEADER | {"hash_fallback": "cookie", "hash_on_cookie": "sid"}])
def test_none_asks_for_a_cookie_to_be_issued(upstream):
    assert key(Facts(), **upstream) is None
    assert key(Facts(cookies={b"sid": b"s1"}), **upstream) == b"s1"


def test_an_issued_cookie_is_a_random_uuid_with_the_attributes_browsers_know():
    upstream = an_upstream(algorithm="consistent-hashing", **COOKIE, hash_on_cookie_path="/shop")
    value, header = issue_cookie(upstream, bytes(range(16)))
    assert value == b"00010203-0405-4607-8809-0a0b0c0d0e0f"
    assert header == b"sid=" + value + b"; Path=/shop; SameSite=Lax; HttpOnly"
