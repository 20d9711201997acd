"""Heads of one form: what is remembered of a connection's last head never changes how the next one is read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http.limits import DEFAULTS
from proxy_engine.http.request import RequestHead, parse_head
from proxy_engine.http.request_block import RequestBlock
from tests.proxy_engine.builders import a_block

LINE = b"GET / HTTP/1.1"
USUAL = ["Host: a.test", "Accept: */*", "X-Id: 1", "Cookie: a=b", "Cache-Control: no-cache"]


def read(known: RequestBlock | None, *lines: str) -> RequestHead:
    return parse_head(LINE, a_block(*lines), known)


def settled(*blocks: list[str]) -> RequestBlock:
    """What a connection remembers after these heads."""
    known = None
    for lines in blocks:
        known = read(known, *lines).block
    return known


def with_id(value: object, *more: str) -> list[str]:
    return [*USUAL[:2], f"X-Id: {value}", *more, *USUAL[3:]]


# -- what is read again and what is not ------------------------------------------------------------


def test_an_equal_block_serves_again():
    known = settled(USUAL)
    again = read(known, *USUAL)
    assert again.block is known
    assert (again.raw, again.middle) == (a_block(*USUAL), b"")


def test_a_value_that_changed_once_may_change_again():
    known = settled(with_id(1), with_id(2))
    for value in ("3", "", "  much longer than before: \t\xff", "2"):
        head = read(known, *with_id(value))
        assert head.block is known
        assert head.raw == a_block(*with_id(value))
        assert head.field(b"x-id") == value.strip(" \t").encode("latin-1")
        assert head.field(b"accept") == b"*/*"


def test_lines_that_changed_may_change_again_in_number_too():
    known = settled(with_id(1), with_id(2, "X-More: 1"))
    for lines in (with_id(3), with_id(4, "X-More: 2"), with_id(5, "X-More: 3", "Accept: */*"), USUAL[:2] + USUAL[3:]):
        head = read(known, *lines)
        assert head.block is known
        assert head.raw == a_block(*lines)
        assert head.forward == read(None, *lines).forward


def test_a_form_shrinks_to_what_all_heads_have_in_common():
    known = settled(with_id(1), with_id(2), [*with_id(3)[:3], "Cookie: c", USUAL[4]])
    head = read(known, "Host: a.test", "Accept: */*", "X-Id: 4", "Cookie: d", "Cache-Control: no-cache")
    assert head.block is known
    assert read(known, "Host: a.test", "Accept: */*", "Cookie: d", "Cache-Control: no-store").block is not known


def test_a_line_that_is_gone_leaves_an_empty_middle():
    known = settled(USUAL, USUAL[:2] + USUAL[3:])
    assert read(known, *USUAL).block is known
    assert read(known, *(USUAL[:2] + USUAL[3:])).raw == a_block(*(USUAL[:2] + USUAL[3:]))


def test_before_and_after_do_not_overlap():
    known = settled(*(["Host: a.test", "X-A: 1", f"X-Id: {n}", "X-A: 1", "X-B: 1"] for n in range(2)))
    for more in (known, settled(*(["Host: a.test", "X-A: 1", *["X-Id: 1"] * n, "X-A: 1", "X-B: 1"] for n in range(2)))):
        head = read(more, "Host: a.test", "X-A: 1", "X-B: 1")
        assert head.raw == b"Host: a.test\r\nX-A: 1\r\nX-B: 1"


ANEW = [
    ("a special name", with_id(3, "Connection: close")),
    ("another host", ["Host: b.test", *with_id(3)[1:]]),
    ("a length", with_id(3, "Content-Length: 5")),
    ("a spelling that is folded", with_id(3, "X_Forwarded-For: 1.2.3.4")),
    ("a claim", with_id(3, "Forwarded: for=1.2.3.4")),
    ("a nomination", with_id(3, "Connection: x-id")),
]


@pytest.mark.parametrize("lines", [lines for _, lines in ANEW], ids=[name for name, _ in ANEW])
def test_what_a_rule_looks_at_is_read_anew(lines):
    for known in (settled(with_id(1), with_id(2)), settled(with_id(1), with_id(2, "X-More: 1"))):
        head, fresh = read(known, *lines), read(None, *lines)
        assert head.block is not known
        assert all(getattr(head.block, name) == getattr(fresh.block, name) for name in FACTS)
        assert head.forward == fresh.forward


def test_nominated_fields_have_no_form():
    lines = ["Host: a.test", "Connection: x-id", "X-Id: 1", "X-B: 1"]
    known = settled(lines)
    for other in ([*lines[:3], "X-B: 2"], [*lines[:2], "X-Id: 2", "X-B: 1"]):
        head = read(known, *other)
        assert head.block is not known
        assert head.forward == other[3].encode() + b"\r\n"


def test_what_ends_here_anyhow_may_be_nominated():
    lines = ["Host: a.test", "Connection: TE, close", "TE: gzip"]
    known = settled([*lines, "X-Id: 1"], [*lines, "X-Id: 2"])
    assert read(known, *lines, "X-Id: 3").block is known


HOSTILE = [
    "X-Id: 3\r\n",
    "X-Id: 3\r\n\r\nX: y",
    "X-Id: 3\nHost: b",
    "X-Id: 3\rHost: b",
    "X-Id: \x00",
    "X-Id: \x7f",
    "X-Id",
    "X-Id : 3",
    " X-Id: 3",
    "X-Id: 3\r\n folded",
    "X-Id: 3\r\nHost: a.test",
    "X-Id: 3\r\nhost: b.test",
    "X-Id: 3\r\n: no name",
    "X-Id: 3\r\nno colon",
    "",
]


@pytest.mark.parametrize("line", HOSTILE)
@pytest.mark.parametrize("more", [(), ("X-More: 1",)])
def test_no_form_lets_anything_through(line, more):
    known = settled(with_id(1), with_id(2, *more))
    with pytest.raises(BadMessage):
        read(known, *USUAL[:2], line, *USUAL[3:])


def test_there_may_be_so_many_fields_in_a_form_and_no_more():
    known = settled(with_id(1), with_id(2, "X-More: 1"))
    many = ["X-More: 1"] * (DEFAULTS.fields - len(USUAL))
    assert read(known, *with_id(3, *many)).block is known
    with pytest.raises(BadMessage) as caught:
        read(known, *with_id(3, *many, "X-More: 1"))
    assert caught.value.status == 431


def test_a_field_of_a_form_may_be_so_long_and_no_longer():
    known = settled(with_id(1), with_id(2))
    longest = "a" * (8192 - len("X-Id: "))
    assert read(known, *with_id(longest)).block is known
    with pytest.raises(BadMessage) as caught:
        read(known, *with_id(longest + "a"))
    assert caught.value.status == 431


# -- properties ------------------------------------------------------------------------------------

FACTS = (
    *("host", "length", "body_bytes", "chunked", "close", "keep_alive", "expects", "lists_upgrade", "upgrade"),
    *("forwarded", "nominates", "takes_trailers", "asks_websocket"),
)

LINES = st.sampled_from(
    [
        "Host: a.test",
        "Host: b.test",
        "host: a.test",
        "Accept: */*",
        "Accept: text/html",
        "X-Id: 1",
        "X-Id: 2",
        "X-Id:3",
        "x-id: 1",
        "Cookie: a=b",
        "Connection: close",
        "Connection: keep-alive",
        "Connection: x-id",
        "Connection: te, http2-settings",
        "Content-Length: 5",
        "Content-Length: 6",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
        "Upgrade: websocket",
        "X-Forwarded-For: 10.0.0.1",
        "X_Forwarded_For: 10.0.0.2",
        "Forwarded: for=10.0.0.3",
        "X-Kong-Request-Id: 1",
        "bad",
        "X-Id: 1\n",
        "X-Id: 1\r",
        "X-Id: \x00",
        " folded",
        "",
    ]
) | st.integers(0, 10**6).map("X-Id: {}".format)


@st.composite
def neighbours(draw) -> list[bytes]:
    """The heads of one connection: each is the one before with some lines changed, come, gone or moved."""
    lines, heads = ["Host: a.test", *draw(st.lists(LINES, max_size=6))], []
    for _ in range(draw(st.integers(2, 8))):
        heads.append("\r\n".join(lines).encode("latin-1"))
        lines = list(lines)
        for _ in range(draw(st.integers(0, 2))):
            place, how = draw(st.integers(0, len(lines))), draw(st.integers(0, 3))
            if how == 0 or not lines:
                lines.insert(place, draw(LINES))
            elif how == 1:
                lines[place % len(lines)] = draw(LINES)
            elif how == 2:
                del lines[place % len(lines)]
            else:
                lines.insert(place, lines.pop(0))
    return heads


def told(line: bytes, raw: bytes, known: RequestBlock | None) -> tuple[object, RequestBlock | None]:
    try:
        head = parse_head(line, raw, known)
    except BadMessage as problem:
        return (problem.status, problem.reason), None
    facts = [getattr(head.block, name) for name in FACTS]
    return (head.method, head.target, head.host, head.forward, head.raw, head.fields(), facts), head.block


@given(neighbours(), st.sampled_from([LINE, b"POST /x?y HTTP/1.0", b"GET http://c.test/ HTTP/1.1", b"GET / HTTP/2.0"]))
@settings(max_examples=300, deadline=None)
def test_what_was_read_before_never_changes_the_result(heads, line):
    known = None
    for raw in heads:
        anew, _ = told(line, raw, None)
        again, block = told(line, raw, known)
        assert again == anew
        known = block or known


@given(neighbours(), st.binary(max_size=8), st.integers(0, 200))
@settings(max_examples=150, deadline=None)
def test_nor_do_bytes_that_are_put_in_anywhere(heads, put_in, at):
    known = settled_bytes(heads)
    raw = heads[-1][:at] + put_in + heads[-1][at:]
    assert told(LINE, raw, known)[0] == told(LINE, raw, None)[0]


def settled_bytes(heads: list[bytes]) -> RequestBlock | None:
    known = None
    for raw in heads:
        known = told(LINE, raw, known)[1] or known
    return known
