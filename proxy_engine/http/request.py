"""Strict request heads: bytes in, ``RequestHead`` out, or BadMessage.

No sockets and no clock here. What is refused, and why:

- both Content-Length and Transfer-Encoding, repeated or malformed Content-Length, any transfer coding but one
  ``chunked``, transfer codings in HTTP/1.0 (RFC 9112 §6.1, §6.3: each is a request-smuggling vector);
- no Host in HTTP/1.1, two of them, or one that is no host (RFC 9112 §3.2);
- targets other than origin-form and absolute-form (CONNECT and ``*`` lead nowhere in a reverse proxy);
- bare CR or LF, NUL, folded lines (RFC 9112 §2.2, §5.2).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from proxy_engine.errors import BadMessage

from .fields import LineTable, tokens

MAX_HEAD = 32768  # bytes; nginx 4 × 8 KiB
MAX_REQUEST_LINE = 8192  # bytes; nginx 8 KiB
MAX_FIELDS = 100  # Envoy, HAProxy 101

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21\x22\x24-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")
_OTHER_VERSION = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21\x22\x24-\x7e\x80-\xff]+ HTTP/[0-9]\.[0-9]\Z")
_ABSOLUTE = re.compile(rb"https?://([^/?#@\\]+)([/?].*)?\Z", re.I | re.S)
# RFC 3986 §3.2.2 without ",": a list is what two Host fields become where somebody joins them.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]{0,5})?\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")

REPLACED = frozenset(b"x-forwarded-" + name for name in (b"for", b"proto", b"host", b"port", b"path", b"prefix")) | {
    b"x-real-ip",
    b"via",
}
"""Set anew by the gateway; what the client sent is kept aside for trusted peers."""

DROPPED = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy",
        b"te",
        b"trailer",
        b"upgrade",
        b"http2-settings",
    )
)
"""Hop-by-hop (RFC 9110 §7.6.1) and ``Proxy`` (CVE-2016-5385, "httpoxy")."""

_FRAMING = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))

LINES = LineTable(DROPPED | REPLACED | _FRAMING)


class RequestBlock:
    """The header fields of a request, checked; everything about them that does not depend on the request line."""

    __slots__ = (
        "chunked",
        "close",
        "expects",
        "forward",
        "forwarded",
        "host",
        "keep_alive",
        "length",
        "lists_upgrade",
        "raw",
        "upgrade",
    )

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.forward = b""  # lines to pass on, each with CRLF; with the framing field, without Host and ``REPLACED``
        self.forwarded: dict[bytes, bytes] = {}  # what the client sent of ``REPLACED``, by lower-case name
        self.host: bytes | None = None
        self.length = -1  # -1: no Content-Length
        self.chunked = False
        self.close = False
        self.keep_alive = False  # asked for by name, which only HTTP/1.0 needs
        self.expects = False  # 100-continue
        self.lists_upgrade = False  # Connection: Upgrade
        self.upgrade: bytes | None = None

    @property
    def asks_websocket(self) -> bool:
        """RFC 9110 §7.8: an Upgrade that Connection does not list is none. Any other protocol is not spoken here."""
        return self.lists_upgrade and self.upgrade is not None and self.upgrade.lower() == b"websocket"

    def fields(self) -> dict[bytes, list[bytes]]:
        """All fields by lower-case name, for rules that look at headers. Made on demand."""
        found: dict[bytes, list[bytes]] = {}
        for raw in self.raw.split(b"\r\n") if self.raw else ():
            line = LINES.read(raw)
            found.setdefault(line.name, []).append(line.value)
        return found

    def field(self, name: bytes) -> bytes | None:
        """The values of one field joined with ``, `` (RFC 9110 §5.3), None when it is absent."""
        values = self.fields().get(name.lower())
        return b", ".join(values) if values else None


class RequestHead(NamedTuple):
    method: bytes
    target: bytes  # origin-form: path and query as received
    host: bytes  # Host field, or the authority of an absolute-form target; b"" only in HTTP/1.0
    is_http10: bool
    block: RequestBlock

    @property
    def is_handshake(self) -> bool:
        """Of a WebSocket (RFC 6455 §4.1)."""
        block = self.block
        has_body = block.length > 0 or block.chunked
        return block.asks_websocket and self.method == b"GET" and not self.is_http10 and not has_body


def parse_head(line: bytes, raw_block: bytes, known: RequestBlock | None) -> RequestHead:
    """``line`` without CRLF; ``raw_block``: the field lines, joined by CRLF.

    ``known``: the connection's previous block, used again when the bytes are equal. Raises BadMessage.
    """
    matched = _REQUEST_LINE.match(line)
    if matched is None or len(line) > MAX_REQUEST_LINE:
        raise _bad_request_line(line)
    method, target, minor = matched.groups()
    block = known if known is not None and known.raw == raw_block else parse_block(raw_block)
    host = block.host
    if minor == b"0":
        _check_http10(block)
        host = host or b""
    elif host is None:
        raise BadMessage(400, "no Host header")
    if not target.startswith(b"/"):
        target, host = _origin_form(method, target)
    return RequestHead(method, target, host, minor == b"0", block)


def _bad_request_line(line: bytes) -> BadMessage:
    if len(line) > MAX_REQUEST_LINE:
        return BadMessage(414, "the request line is too long")
    if _OTHER_VERSION.match(line):
        return BadMessage(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    return BadMessage(400, "malformed request line")


def _check_http10(block: RequestBlock) -> None:
    if block.chunked:
        raise BadMessage(400, "Transfer-Encoding in HTTP/1.0")


def _origin_form(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """RFC 9112 §3.2.2: an absolute-form target's authority replaces the Host field."""
    if method == b"CONNECT":
        raise BadMessage(405, "CONNECT is not allowed")
    matched = _ABSOLUTE.match(target)
    if matched is None or not _HOST.match(matched[1]):
        raise BadMessage(400, "malformed request target")
    path = matched[2] or b"/"
    return (path if path.startswith(b"/") else b"/" + path), matched[1]


def parse_block(raw: bytes) -> RequestBlock:
    """Check and classify the field lines. Raises BadMessage."""
    block = RequestBlock(raw)
    lines = raw.split(b"\r\n") if raw else []
    if len(lines) > MAX_FIELDS:
        raise BadMessage(431, "too many header fields")
    copied = LINES.classify(lines, block, _SPECIAL)
    _frame(block, copied)
    return block


def _frame(block: RequestBlock, copied: list[bytes]) -> None:
    if block.chunked:
        if block.length >= 0:
            raise BadMessage(400, "both Content-Length and Transfer-Encoding")
        copied.append(b"Transfer-Encoding: chunked")
    elif block.length >= 0:
        copied.append(b"Content-Length: %d" % block.length)
    copied.append(b"")
    block.forward = b"\r\n".join(copied)


def _host(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    if block.host is not None:
        raise BadMessage(400, "more than one Host header")
    if not _HOST.match(value):
        raise BadMessage(400, "malformed Host header")
    block.host = value


def _content_length(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    if block.length >= 0:
        raise BadMessage(400, "more than one Content-Length")
    if not _LENGTH.match(value):
        raise BadMessage(400, "malformed Content-Length")
    block.length = int(value)


def _transfer_encoding(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    if block.chunked:
        raise BadMessage(400, "more than one Transfer-Encoding")
    if value.lower() != b"chunked":
        raise BadMessage(501, "the only transfer coding known here is chunked")
    block.chunked = True


def _connection(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    for option in tokens(value):
        if option == b"close":
            block.close = True
        elif option == b"keep-alive":
            block.keep_alive = True
        elif option == b"upgrade":
            block.lists_upgrade = True
            _close_after_handshake(block)
        else:
            nominated.append(option)


def _expect(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    if value.lower() != b"100-continue":
        raise BadMessage(417, "the only expectation known here is 100-continue")
    block.expects = True


def _upgrade(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    block.upgrade = value if block.upgrade is None else block.upgrade + b", " + value
    _close_after_handshake(block)


def _close_after_handshake(block: RequestBlock) -> None:
    """What follows a handshake has no sure reading: the client may have begun to speak the other protocol, and in it
    the words of somebody else (CVE-2026-69243). So no request is read behind one, whatever its answer. The two fields
    come in any order."""
    if block.asks_websocket:
        block.close = True


def _keep_aside(name: bytes):
    def keep(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
        before = block.forwarded.get(name)
        block.forwarded[name] = value if before is None else before + b", " + value

    return keep


_SPECIAL = {
    b"host": _host,
    b"content-length": _content_length,
    b"transfer-encoding": _transfer_encoding,
    b"connection": _connection,
    b"expect": _expect,
    b"upgrade": _upgrade,
} | {name: _keep_aside(name) for name in REPLACED}
