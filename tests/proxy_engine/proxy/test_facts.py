"""What a hash input may look at in a request."""

from __future__ import annotations

import pytest

from proxy_engine.proxy.facts import RequestFacts
from tests.proxy_engine.builders import a_request


def facts(*lines: str) -> RequestFacts:
    return RequestFacts(b"192.0.2.7", a_request(*lines, target="/a%2f?q=1"), b"/a%2F", b"?q=1", {"id": b"7"})


def test_it_knows_the_request():
    request = facts()
    assert (request.ip, request.path, request.query, request.target) == (b"192.0.2.7", b"/a%2F", b"?q=1", b"/a%2f?q=1")
    assert request.captures == {"id": b"7"}
    assert request.consumer is None


@pytest.mark.parametrize(
    ("lines", "value"),
    [([], None), (["X-User: a"], b"a"), (["x-user:"], b""), (["X-User: a", "Accept: */*", "X-USER: b"], b"a, b")],
)
def test_a_header_is_joined_as_one_list(lines, value):
    assert facts(*lines).header(b"X-User") == value


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ([], None),
        (["Cookie: sid=7"], b"7"),
        (["Cookie: a=1; sid=7; b=2"], b"7"),
        (["Cookie: a=1;sid=7;b=2"], b"7"),
        (['Cookie: sid="7"'], b"7"),
        (["Cookie: sid="], b""),
        (["Cookie: sid=a=b"], b"a=b"),
        (["Cookie: sid=1; sid=2"], b"1"),
        (["Cookie: a=1", "Cookie: sid=7", "Cookie: b=2"], b"7"),
        (["Cookie: sid"], None),
        (["Cookie: SID=7"], None),
        (["Cookie: xsid=7; sidx=8"], None),
        (["Cookie: a=sid=7"], None),
        (["Cookie: ;;; =; ="], None),
    ],
)
def test_a_cookie_is_found_by_its_name(lines, value):
    assert facts(*lines).cookie(b"sid") == value
