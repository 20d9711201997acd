"""Strict response heads from targets, and how their bodies are framed (RFC 9112 §6.3).

A target is trusted to serve its clients, not to frame well: whatever has no sure reading is refused here and becomes
a 502, never a guess that desynchronises a pooled connection.
"""

from __future__ import annotations

import re

from proxy_engine.errors import BadMessage

from .fields import LineTable, tokens

MAX_HEAD = 65536  # bytes
MAX_FIELDS = 200

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_BARE_STATUS = len(b"HTTP/1.1 200")

_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"))
_KEPT = (b"X-Kong-Proxy-Latency", b"X-Kong-Request-Id", b"X-Kong-Upstream-Latency", b"X-Kong-Upstream-Status")
"""Replaced by the gateway's own where it sends them."""

LINES = LineTable(_HOP_BY_HOP | {b"content-length", b"transfer-encoding", b"via"} | {name.lower() for name in _KEPT})


class ResponseBlock:
    """The header fields of a response, checked. ``forward``: lines to pass on, each with CRLF, framing left out."""

    __slots__ = ("chunked", "close", "forward", "keep_alive", "kept", "length", "raw", "upgrade", "via")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.forward = b""
        self.length = -1
        self.chunked = False
        self.close = False
        self.keep_alive = False
        self.upgrade = b""
        self.via = b""
        self.kept: dict[str, tuple[bytes, bytes]] = {}  # name and value of ``_KEPT`` ones, by lower-case name


class ResponseHead:
    __slots__ = ("block", "is_http10", "keeps_connection", "line", "rendered", "status")

    def __init__(self, status: int, line: bytes, is_http10: bool, block: ResponseBlock) -> None:
        self.status = status
        self.line = line  # "HTTP/1.1 200 OK", always 1.1 towards the client
        self.is_http10 = is_http10
        self.block = block
        self.rendered = b""  # for the client, once that was asked for
        # Whether the target will keep its connection open after this response.
        if block.close or (block.chunked and block.length >= 0):
            self.keeps_connection = False
        else:
            self.keeps_connection = block.keep_alive or not is_http10

    def __repr__(self) -> str:
        return f"<ResponseHead {self.line!r}>"

    @property
    def accepts_websocket(self) -> bool:
        """RFC 6455 §4.2.2."""
        return self.status == 101 and not self.is_http10 and self.block.upgrade.lower() == b"websocket"


def parse_head(line: bytes, raw_block: bytes) -> ResponseHead:
    """``line`` without CRLF; ``raw_block``: the field lines, joined by CRLF.

    Raises BadMessage, whose reason is for the log: whatever its status, the client gets a 502.
    """
    matched = _STATUS_LINE.match(line)
    if matched is None:
        raise BadMessage(502, "malformed status line")
    block = parse_block(raw_block)
    is_http10 = matched[1] == b"0"
    if is_http10 and block.chunked:
        raise BadMessage(502, "Transfer-Encoding in an HTTP/1.0 response")
    if is_http10:
        line = b"HTTP/1.1" + line[8:]
    if len(line) == _BARE_STATUS:
        line += b" "  # RFC 9112 §4: the space stands there even when no reason follows
    return ResponseHead(int(matched[2]), line, is_http10, block)


def parse_block(raw: bytes) -> ResponseBlock:
    block = ResponseBlock(raw)
    lines = raw.split(b"\r\n") if raw else []
    if len(lines) > MAX_FIELDS:
        raise BadMessage(502, "too many header fields")
    copied = LINES.classify(lines, block, _SPECIAL)
    copied.append(b"")
    block.forward = b"\r\n".join(copied)
    return block


def _connection(block: ResponseBlock, value: bytes, nominated: list[bytes]) -> None:
    for option in tokens(value):
        if option == b"close":
            block.close = True
        elif option == b"keep-alive":
            block.keep_alive = True
        else:
            nominated.append(option)


def _content_length(block: ResponseBlock, value: bytes, nominated: list[bytes]) -> None:
    if not _LENGTH.match(value) or block.length not in (-1, int(value)):
        raise BadMessage(502, "malformed or contradicting Content-Length")
    block.length = int(value)


def _transfer_encoding(block: ResponseBlock, value: bytes, nominated: list[bytes]) -> None:
    if block.chunked or value.lower() != b"chunked":
        raise BadMessage(502, "unknown transfer coding")
    block.chunked = True


def _upgrade(block: ResponseBlock, value: bytes, nominated: list[bytes]) -> None:
    block.upgrade = value if not block.upgrade else block.upgrade + b", " + value


def _via(block: ResponseBlock, value: bytes, nominated: list[bytes]) -> None:
    block.via = value if not block.via else block.via + b", " + value


def _keep_aside(name: bytes):
    key = name.decode().lower()

    def keep(block: ResponseBlock, value: bytes, nominated: list[bytes]) -> None:
        block.kept[key] = (name, value)

    return keep


_SPECIAL = {
    b"connection": _connection,
    b"content-length": _content_length,
    b"transfer-encoding": _transfer_encoding,
    b"upgrade": _upgrade,
    b"via": _via,
} | {name.lower(): _keep_aside(name) for name in _KEPT}
