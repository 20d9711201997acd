"""Response heads of targets: what goes on to the client, and what becomes a 502."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine.errors import BadMessage
from proxy_engine.http.response import MAX_FIELDS, parse_block, parse_head
from tests.proxy_engine.builders import a_block

OK = b"HTTP/1.1 200 OK"


def forwarded(*lines: str) -> list[str]:
    return parse_block(a_block(*lines)).forward.decode("latin-1").split("\r\n")[:-1]


def refuses(line: bytes = OK, block: bytes = b"") -> bool:
    with pytest.raises(BadMessage):
        parse_head(line, block)
    return True


@pytest.mark.parametrize(
    ("line", "status", "rendered"),
    [
        (b"HTTP/1.1 200 OK", 200, b"HTTP/1.1 200 OK"),
        (b"HTTP/1.0 404 Not Found", 404, b"HTTP/1.1 404 Not Found"),
        (b"HTTP/1.1 200 ", 200, b"HTTP/1.1 200 "),
        (b"HTTP/1.1 200", 200, b"HTTP/1.1 200 "),
        (b"HTTP/1.0 200", 200, b"HTTP/1.1 200 "),
        (b"HTTP/1.1 299 a b\tc \xe4", 299, b"HTTP/1.1 299 a b\tc \xe4"),
        (b"HTTP/1.1 999 Odd", 999, b"HTTP/1.1 999 Odd"),
        (b"HTTP/1.1 100 Continue", 100, b"HTTP/1.1 100 Continue"),
    ],
)
def test_it_reads_the_status_line(line, status, rendered):
    head = parse_head(line, b"")
    assert (head.status, head.line) == (status, rendered)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 000 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 2\xb90 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 200 OK\n",
        b"HTTP/1.1 200 O\rK",
        b"HTTP/1.1 200 O\x00K",
        b"HTTP/1.1 200 \x1b[2J",
        b" HTTP/1.1 200 OK",
        b"http/1.1 200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/1.2 200 OK",
        b"ICY 200 OK",
        b"GET / HTTP/1.1",
    ],
)
def test_it_refuses_a_malformed_status_line(line):
    assert refuses(line)


@pytest.mark.parametrize(
    ("lines", "length", "is_chunked"),
    [
        ([], -1, False),
        (["Content-Length: 0"], 0, False),
        (["content-length:\t5 "], 5, False),
        (["Content-Length: 5", "Content-Length: 5"], 5, False),
        (["Content-Length: 5", "Content-Length: 05"], 5, False),
        (["Transfer-Encoding: chunked"], -1, True),
        (["transfer-encoding: Chunked"], -1, True),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 5, True),
    ],
)
def test_it_reads_the_framing_and_leaves_it_out(lines, length, is_chunked):
    block = parse_block(a_block(*lines, "X-A: 1"))
    assert (block.length, block.chunked) == (length, is_chunked)
    assert block.forward == b"X-A: 1\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        *([f"Content-Length: {value}"] for value in ("", "+5", "-1", "5, 5", "5,6", "0x5", "5_0", "\xb2", "9" * 19)),
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked, chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding:"],
        ["Transfer-Encoding: chunked\x0b"],
    ],
)
def test_it_refuses_a_framing_with_more_than_one_reading(lines):
    assert refuses(block=a_block(*lines))


def test_http10_knows_no_transfer_coding():
    assert refuses(b"HTTP/1.0 200 OK", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    "line", ["X : y", " X: y", "X", ": y", "X: a\nb", "X: a\rb", "X: \x00", "X: y\r\n folded", "X\x00: y", "X y: z"]
)
def test_it_refuses_a_malformed_field(line):
    assert refuses(block=a_block(line))


def test_a_target_cannot_split_the_response():
    assert refuses(block=a_block("Location: /\nSet-Cookie: evil=1"))
    assert refuses(block=a_block("Location: /\rSet-Cookie: evil=1"))


def test_other_fields_pass_as_they_came_and_in_their_order():
    lines = ["Server: x", "date: y", "Set-Cookie: a=1", "Set-Cookie: b=2", "WWW-Authenticate:Basic", "X_y: z"]
    assert forwarded(*lines) == lines


@pytest.mark.parametrize(
    "name", ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "CONTENT-LENGTH", "via"]
)
def test_hop_by_hop_fields_end_here(name):
    assert forwarded(f"{name}: 5") == []


def test_fields_named_in_connection_end_here():
    assert forwarded("X-A: 1", "Connection: close, X-A", "x-a: 2", "X-B: 3") == ["X-B: 3"]


def test_via_is_kept_aside():
    assert parse_block(a_block("Via: 1.0 a", "via: 1.1 b")).via == b"1.0 a, 1.1 b"


@pytest.mark.parametrize(
    ("version", "lines", "keeps"),
    [
        ("1.1", [], True),
        ("1.1", ["Connection: keep-alive"], True),
        ("1.1", ["Connection: close"], False),
        ("1.1", ["Connection: x, CLOSE"], False),
        ("1.1", ["Content-Length: 5"], True),
        ("1.1", ["Transfer-Encoding: chunked"], True),
        ("1.1", ["Content-Length: 0", "Transfer-Encoding: chunked"], False),
        ("1.0", [], False),
        ("1.0", ["Connection: Keep-Alive"], True),
        ("1.0", ["Connection: keep-alive, close"], False),
    ],
)
def test_it_knows_whether_the_connection_can_be_used_again(version, lines, keeps):
    assert parse_head(f"HTTP/{version} 200 OK".encode(), a_block(*lines)).keeps_connection is keeps


def test_there_may_be_so_many_fields_and_no_more():
    lines = [f"X-{number}: a" for number in range(MAX_FIELDS)]
    assert forwarded(*lines) == lines
    assert refuses(block=a_block(*lines, "X: a"))


@given(st.binary(max_size=60), st.binary(max_size=200))
def test_nothing_but_bad_message_is_raised_and_what_is_passed_on_is_clean(line, raw):
    for status_line in (OK, line):
        try:
            head = parse_head(status_line, raw)
        except BadMessage:
            continue
        for part in (head.line, head.block.forward.replace(b"\r\n", b"")):
            assert not set(part) & set(b"\r\n\x00")
