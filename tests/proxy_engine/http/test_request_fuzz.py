"""Hostile bytes, a bounded number of them, the same ones each time: the parser raises nothing but BadMessage, and what
it accepts satisfies rules that are written here from the RFCs, without a look at its code.

A corpus of valid and of hostile heads is cut, joined, doubled and sprinkled with the bytes that parsers differ about.
"""

from __future__ import annotations

import random
import re

import pytest

from proxy_engine.errors import BadMessage
from proxy_engine.http.request import RequestHead, parse_head
from proxy_engine.http.request_block import LINES

from .test_request_form import told

HEADS_OF_A_SEED = 10_000

CORPUS = [
    b"GET / HTTP/1.1\r\nHost: a.test",
    b"GET /a/b?c=d HTTP/1.1\r\nHost: a.test:8000\r\nAccept: */*\r\nCookie: a=b; c=d\r\nX-Id: 1",
    b"POST /a HTTP/1.1\r\nHost: [::1]:80\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nExpect: 100-continue",
    b"POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE, close",
    b"GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=10.0.0.1",
    b"GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
    b"HEAD / HTTP/1.0",
    b"PUT /a HTTP/1.0\r\nConnection: keep-alive, x-id\r\nX-Id: 1\r\nContent-Length: 0",
    b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Length: 6",
    b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\nTransfer_Encoding: chunked",
    b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test",
    b"GET / HTTP/1.1\r\nHost : a.test\r\n folded: line",
    b"GET / HTTP/1.1\nHost: a.test\n\nGET /admin HTTP/1.1\nHost: a.test",
    b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443",
    b"PRI * HTTP/2.0",
]
PIECES = [
    *(
        b"\r\n",
        b"\r",
        b"\n",
        b"\x00",
        b"\t",
        b" ",
        b":",
        b",",
        b";",
        b"\x0b",
        b"\x0c",
        b"\x7f",
        b"\x80",
        b"\xa0",
        b"\xff",
    ),
    *(b"\r\n\r\n", b"\r\n ", b"\n\n", b"#", b"?", b"\\", b"%0d%0a", b"0", b"+5", b"0x5", b"5, 5", b"chunked, chunked"),
    *(b"Host: ", b"\r\nHost: b.test", b"\r\nContent-Length: 3", b"\r\nTransfer-Encoding: chunked", b"\r\nExpect: x"),
    *(b"\r\nConnection: content-length", b"\r\nX_Forwarded_For: 1.1.1.1", b" HTTP/1.1", b"http://", b"@", b"_", b"-"),
]


def mutated(chance: random.Random) -> bytes:
    head = chance.choice(CORPUS)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(head))
        how = chance.randrange(5)
        if how == 0:
            head = head[:at] + chance.choice(PIECES) + head[at:]
        elif how == 1:
            head = head[:at] + head[at + chance.randint(1, 12) :]
        elif how == 2:
            head = head[:at] + bytes((chance.randrange(256),)) + head[at + 1 :]
        elif how == 3:
            lines = head.split(b"\r\n")
            lines.insert(chance.randint(0, len(lines)), chance.choice(lines))
            head = b"\r\n".join(lines)
        else:
            other = chance.choice(CORPUS)
            head = head[:at] + other[chance.randint(0, len(other)) :]
    return head


def parse(head: bytes) -> RequestHead | None:
    line, _, block = head.partition(b"\r\n")
    try:
        return parse_head(line, block, None)
    except BadMessage:
        return None


# -- rules, from the RFCs ---------------------------------------------------------------------------

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 9110 §5.5
HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"}  # RFC 9110 §7.6.1
NEVER_PASSED = {b"x-forwarded-for", b"x-real-ip", b"x-kong-request-id", b"forwarded", b"via", b"host", b"expect"}


def received(head: bytes) -> list[tuple[bytes, bytes]]:
    """Names, lower-case, and values as RFC 9112 §5 separates them."""
    pairs = [line.split(b":", 1) for line in head.split(b"\r\n")[1:]]
    return [(name.lower(), value.strip(b" \t")) for name, value in pairs]


def assert_lawful(head: bytes, parsed: RequestHead) -> None:
    line = head.split(b"\r\n")[0]
    method, target, version = line.split(b" ")  # RFC 9112 §3: single spaces
    assert TOKEN.fullmatch(method)
    assert version in (b"HTTP/1.0", b"HTTP/1.1")
    assert target
    assert not CONTROL.search(line)
    for text in head.split(b"\r\n")[1:]:
        assert TOKEN.fullmatch(text.partition(b":")[0])  # §5.1: no white space before the colon; §5.2: no folding
        assert not CONTROL.search(text)  # §2.2: no bare CR or LF
    assert_framed(received(head), parsed, is_http10=version == b"HTTP/1.0")
    assert_forwardable(received(head), parsed)


def assert_framed(fields: list[tuple[bytes, bytes]], parsed: RequestHead, *, is_http10: bool) -> None:
    """RFC 9112 §3.2 and §6.3: one reading of where the request goes and where it ends, or none."""
    hosts, lengths, codings = (
        [value for name, value in fields if name == wanted]
        for wanted in (b"host", b"content-length", b"transfer-encoding")
    )
    assert len(hosts) <= 1
    assert is_http10 or len(hosts) == 1
    assert not (lengths and codings)
    assert len(lengths) <= 1
    assert all(length.isdigit() for length in lengths)
    assert [coding.lower() for coding in codings] in ([], [b"chunked"])
    assert not (codings and is_http10)
    assert parsed.block.chunked == bool(codings)
    assert parsed.block.length == (int(lengths[0]) if lengths else -1)
    assert parsed.target.startswith(b"/")
    assert parsed.host or is_http10


def assert_forwardable(fields: list[tuple[bytes, bytes]], parsed: RequestHead) -> None:
    """What goes on is well-formed, framed as it was read, and says nothing that only the gateway may say."""
    forward = parsed.forward
    assert forward == b"" or forward.endswith(b"\r\n")
    passed = [line.partition(b":") for line in forward.split(b"\r\n")[:-1]]
    assert all(TOKEN.fullmatch(name) and colon and not CONTROL.search(value) for name, colon, value in passed)
    names = [name.lower() for name, _, _ in passed]
    nominated = {
        option.strip(b" \t").lower() for name, value in fields if name == b"connection" for option in value.split(b",")
    }
    framing = {b"content-length", b"transfer-encoding"}
    relayed = {b"te", b"connection"}  # which the gateway may say on its own behalf
    assert not (HOP_BY_HOP - relayed | NEVER_PASSED) & set(names)
    assert not (nominated - framing - relayed) & set(names)
    assert sum(name in framing for name in names) == (parsed.block.chunked or parsed.block.length >= 0)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_accepted_keeps_the_law_and_nothing_else_is_raised(seed):
    chance, accepted = random.Random(seed), 0
    for _ in range(HEADS_OF_A_SEED):
        head = mutated(chance)
        parsed = parse(head)
        if parsed is not None:
            accepted += 1
            assert_lawful(head, parsed)
    assert accepted > HEADS_OF_A_SEED / 20  # else the rules were hardly asked


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_hostile_heads_changes_how_one_is_read(seed):
    chance, known = random.Random(100 + seed), None
    for _ in range(HEADS_OF_A_SEED // 2):
        line, _, block = mutated(chance).partition(b"\r\n")
        again, left = told(line, block, known)
        assert again == told(line, block, None)[0]
        known = left or known


def test_memory_that_overflows_changes_nothing(monkeypatch):
    monkeypatch.setattr("proxy_engine.http.fields.MAX_REMEMBERED", 9)
    chance, known = random.Random(7), None
    for _ in range(HEADS_OF_A_SEED // 4):
        line, _, block = mutated(chance).partition(b"\r\n")
        again, left = told(line, block, known)
        LINES._forget_all()
        assert again == told(line, block, None)[0]
        known = left or known
