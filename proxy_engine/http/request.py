"""Strict request heads: bytes in, ``RequestHead`` out, or BadMessage.

No sockets and no clock here. What is refused, and why:

- both Content-Length and Transfer-Encoding, repeated or malformed Content-Length, any transfer coding but one
  ``chunked``, transfer codings in HTTP/1.0 (RFC 9112 §6.1, §6.3: each is a request-smuggling vector);
- no Host in HTTP/1.1, two of them, or one that is no host (RFC 9112 §3.2);
- targets other than origin-form and absolute-form (CONNECT and ``*`` lead nowhere in a reverse proxy);
- bare CR or LF, NUL, folded lines (RFC 9112 §2.2, §5.2).

The request line and what depends on it; the fields are in ``request_block``.
"""

from __future__ import annotations

import re

from proxy_engine.errors import BadMessage

from .limits import DEFAULTS, MessageLimits
from .request_block import HOST, LINES, RequestBlock, parse_fields

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21\x22\x24-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")
_OTHER_VERSION = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21\x22\x24-\x7e\x80-\xff]+ HTTP/[0-9]\.[0-9]\Z")
_ABSOLUTE = re.compile(rb"https?://([^/?#@\\]+)([/?].*)?\Z", re.I | re.S)


class RequestHead:
    """Made by ``read_head``, which fills all in: calling a constructor would cost a tenth of reading a head."""

    __slots__ = ("block", "host", "is_http10", "method", "middle", "target")

    method: bytes
    target: bytes  # origin-form: path and query as received
    host: bytes  # Host field, or the authority of an absolute-form target; b"" only in HTTP/1.0
    is_http10: bool
    block: RequestBlock
    middle: bytes  # lines of its own, which the block does not know

    def __repr__(self) -> str:
        return f"<RequestHead {self.method!r} {self.target!r}>"

    @property
    def is_handshake(self) -> bool:
        """Of a WebSocket (RFC 6455 §4.1)."""
        block = self.block
        has_body = block.length > 0 or block.chunked
        return block.asks_websocket and self.method == b"GET" and not self.is_http10 and not has_body

    @property
    def forward(self) -> bytes:
        """Lines to pass on, each with CRLF; with the framing field, without Host and ``REPLACED``."""
        return b"".join((self.block.forward_before, self.middle, self.block.forward_after))

    @property
    def raw(self) -> bytes:
        """The field lines as they came, joined by CRLF."""
        block = self.block
        return b"".join((block.before, self.middle, block.after[2:]))[2:-4]

    def fields(self) -> dict[bytes, list[bytes]]:
        """All fields by lower-case name, for rules that look at headers. Made on demand."""
        found: dict[bytes, list[bytes]] = {}
        raw = self.raw
        for text in raw.split(b"\r\n") if raw else ():
            line = LINES.read(text)
            found.setdefault(line.name, []).append(line.value)
        return found

    def field(self, name: bytes) -> bytes | None:
        """The values of one field joined with ``, `` (RFC 9110 §5.3), None when it is absent."""
        values = self.fields().get(name.lower())
        return b", ".join(values) if values else None


def parse_head(
    line: bytes, raw_block: bytes, known: RequestBlock | None, limits: MessageLimits = DEFAULTS
) -> RequestHead:
    """``line`` without CRLF; ``raw_block``: the field lines, joined by CRLF. See ``read_head``."""
    data = b"%b\r\n%b\r\n\r\n" % (line, raw_block) if raw_block else line + b"\r\n\r\n"
    middle = known.middle_of(data, len(line), len(data)) if known is not None else None
    return read_head(data, len(line), len(data), known, middle, limits)


def read_head(
    data: bytes, line_end: int, end: int, known: RequestBlock | None, middle: bytes | None, limits: MessageLimits
) -> RequestHead:
    """The head in ``data[:end]``, empty line included, whose request line ends at ``line_end``.

    ``known``: the connection's previous block. ``middle``: what it made of this head; None: it is to be read anew.
    Raises BadMessage.
    """
    matched = _REQUEST_LINE.match(data, 0, line_end)
    if matched is None or line_end > limits.request_line_bytes:
        raise _bad_request_line(data[:line_end], limits)
    method, target, minor = matched.groups()
    if middle is None:
        known, middle = parse_fields(data[line_end + 2 : end - 4], known, limits)
    host = known.host
    is_http10 = minor == b"0"
    if is_http10:
        _check_http10(known)
        host = host or b""
    elif host is None:
        raise BadMessage(400, "no Host header")
    if not target.startswith(b"/"):
        target, host = _origin_form(method, target)
    head = RequestHead()
    head.method = method
    head.target = target
    head.host = host
    head.is_http10 = is_http10
    head.block = known
    head.middle = middle
    return head


def _bad_request_line(line: bytes, limits: MessageLimits) -> BadMessage:
    if len(line) > limits.request_line_bytes:
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
    if matched is None or not HOST.match(matched[1]):
        raise BadMessage(400, "malformed request target")
    path = matched[2] or b"/"
    return (path if path.startswith(b"/") else b"/" + path), matched[1]
