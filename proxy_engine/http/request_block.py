"""The fields of a request, checked, and what heads of one connection have in common.

A client's requests resemble each other: other path, other trace id, the rest as before. A ``RequestBlock`` therefore
remembers not only what its lines say but their *form*: the lines before and after those that changed. A head of the
same form needs only its middle looked at. If the lines there are well-formed and none that a rule looks at, then
nothing that is known of the block has changed:

    before   Host: a.test ␍␊ Accept: */* …        equal bytes
    middle   X-Request-ID: 7f3a…                  any lines that are copied and not looked at, or none;
                                                  its name counts to ``before`` while only its value changes
    after    Cookie: … ␍␊ Content-Length: 12 …    equal bytes

Fields that a client cannot set, whatever it sends: ``REPLACED`` ones, which the gateway sets itself, or which it
believes (``Forwarded`` passes on) when the client is a trusted proxy; and ``DROPPED`` ones.
"""

from __future__ import annotations

import re
from typing import Any

from proxy_engine.errors import BadMessage

from .fields import NO_VALUE_BYTE, LineTable, tokens
from .limits import DEFAULTS, MessageLimits

LONGEST_LINE = 65_536  # bytes, whatever the limits say

# RFC 3986 §3.2.2 without ",": a list is what two Host fields become where somebody joins them.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]+)(?::[0-9]{0,5})?\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")

REPLACED = frozenset(b"x-forwarded-" + name for name in (b"for", b"proto", b"host", b"port", b"path", b"prefix")) | {
    b"forwarded",
    b"x-real-ip",
    b"x-kong-request-id",
    b"via",
}
"""Set anew by the gateway, or by nobody; what the client sent is kept aside for trusted peers."""

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

_TAKES_TRAILERS = b"Connection: TE\r\nTE: trailers\r\n"
_FRAMING = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))

LINES = LineTable(DROPPED | REPLACED | _FRAMING, LONGEST_LINE)


class RequestBlock:
    """The header fields of a request, checked: everything about them that does not depend on the request line, and
    their form, which later heads of the connection may share."""

    __slots__ = (
        "after",
        "after_size",
        "before",
        "before_size",
        "body_bytes",
        "chunked",
        "close",
        "expects",
        "forward_after",
        "forward_before",
        "forwarded",
        "host",
        "keep_alive",
        "length",
        "limits",
        "lists_upgrade",
        "logged",
        "most_between",
        "most_value",
        "nominates",
        "takes_trailers",
        "upgrade",
    )

    def __init__(self, limits: MessageLimits) -> None:
        self.limits = limits
        # what the lines say
        self.forwarded: dict[bytes, bytes] = {}  # what the client sent of ``REPLACED``, by lower-case name
        self.host: bytes | None = None
        self.length = -1  # -1: no Content-Length
        self.body_bytes = 0  # the Content-Length, 0 where there is none
        self.chunked = False
        self.close = False
        self.keep_alive = False  # asked for by name, which only HTTP/1.0 needs
        self.expects = False  # 100-continue
        self.lists_upgrade = False  # Connection: Upgrade
        self.upgrade: bytes | None = None
        self.nominates = False  # Connection names fields that would pass on otherwise
        self.takes_trailers = False  # TE: trailers
        self.logged: Any = None  # what the access log says of all heads of this form, once that was asked for

    @property
    def asks_websocket(self) -> bool:
        """RFC 9110 §7.8: an Upgrade that Connection does not list is none. Any other protocol is not spoken here."""
        return self.lists_upgrade and self.upgrade is not None and self.upgrade.lower() == b"websocket"

    def take_form(self, before: list[bytes], after: list[bytes], most_between: int, name: bytes = b"") -> None:
        """``before``, ``after``: lines that stay. ``most_between``: how many others may stand between them.

        ``name``: with colon, of the one line between them of which only the value changes.
        """
        self.before = b"\r\n".join([b"", *before, name])
        self.after = b"\r\n".join([b"", *after, b"\r\n"])
        self.before_size = len(self.before)
        self.after_size = len(self.after)
        self.most_between = most_between
        self.most_value = self.limits.field_bytes - len(name) if name else 0

    def middle_of(self, data: bytes, line_end: int, end: int) -> bytes | None:
        """What of a head's lines is not in ``before`` and ``after``, with CRLF; None when it is not of this form.

        ``end``: where the head ends, empty line included, or where it is guessed to: with none of its lines empty, a
        head of this form ends nowhere before.
        """
        start, stop = line_end + self.before_size, end - self.after_size
        if stop < start - 2 or not data.startswith(self.before, line_end) or not data.startswith(self.after, stop):
            return None
        if self.most_value:  # ``is_value`` written out: it is asked of each head that differs
            is_good = 0 <= stop - start <= self.most_value and data[start:stop].translate(NO_VALUE_BYTE).find(1) < 0
        elif stop < start:  # nothing between: ``before`` ends with the CRLF that ``after`` begins with
            return b""
        else:
            is_short = stop - start <= self.limits.field_bytes
            is_good = is_short and self.most_between and LINES.are_plain(data[start:stop], self.most_between)
        return data[start : stop + 2] if is_good else None


def parse_block(raw: bytes, limits: MessageLimits = DEFAULTS) -> RequestBlock:
    """Check and classify the field lines, joined by CRLF. Raises BadMessage."""
    return _parse_lines(raw, raw.split(b"\r\n") if raw else [], limits)


def parse_fields(raw: bytes, known: RequestBlock | None, limits: MessageLimits) -> tuple[RequestBlock, bytes]:
    """The block, and its middle: empty unless it could be brought into one form with ``known``."""
    lines = raw.split(b"\r\n") if raw else []
    block = _parse_lines(raw, lines, limits)
    if known is not None and not block.nominates:
        return block, _share_form(block, lines, known)
    return block, b""


def _parse_lines(raw: bytes, lines: list[bytes], limits: MessageLimits) -> RequestBlock:
    """``lines`` are those of ``raw``."""
    if len(lines) > limits.fields:
        raise BadMessage(431, "too many header fields")
    if len(raw) > limits.field_bytes and len(max(lines, key=len)) > limits.field_bytes:
        raise BadMessage(431, "a header field is too long")
    block = RequestBlock(limits)
    copied = LINES.classify(lines, block, _SPECIAL)
    if block.chunked and block.length >= 0:
        raise BadMessage(400, "both Content-Length and Transfer-Encoding")
    block.take_form(lines, [], 0)
    block.forward_before = _each_ended(copied)
    block.forward_after = _framing(block)
    return block


def _each_ended(lines: list[bytes]) -> bytes:
    return b"\r\n".join([*lines, b""])


def _framing(block: RequestBlock) -> bytes:
    lines = _TAKES_TRAILERS if block.takes_trailers and not block.asks_websocket else b""
    if block.chunked:
        return lines + b"Transfer-Encoding: chunked\r\n"
    return lines + b"Content-Length: %d\r\n" % block.length if block.length >= 0 else lines


def _share_form(block: RequestBlock, lines: list[bytes], known: RequestBlock) -> bytes:
    """Give ``block`` the form that it has in common with ``known``; the lines between come back, each with CRLF.

    Where a line between is one that rules look at, there is no such form and the block keeps its own. Otherwise all
    that it says is said before and after, whatever stands between.
    """
    before, after = known.before.split(b"\r\n")[1:-1], known.after.split(b"\r\n")[1:-2]
    begin = _equal_count(lines, before)
    if not known.most_between:  # one head so far: what is left of its lines is its end
        before, after = before[:begin], before[begin:]
    stop = len(lines) - _equal_count(lines[begin:][::-1], after[::-1])
    between, left_out = lines[begin:stop], before[begin:] + after[: len(after) - (len(lines) - stop)]
    if between and not LINES.are_plain(b"\r\n".join(between), len(between)):
        return b""
    name = _common_name(between, left_out) if not known.most_between else b""
    block.take_form(lines[:begin], lines[stop:], block.limits.fields - begin - (len(lines) - stop), name)
    block.forward_before = _each_ended(LINES.sort(lines[:begin])[0]) + name
    block.forward_after = _each_ended(LINES.sort(lines[stop:])[0]) + block.forward_after
    return _each_ended(between)[len(name) :] if between else b""


def _common_name(lines: list[bytes], others: list[bytes]) -> bytes:
    """With colon, of two lines that differ in their value only; empty when it is more than that."""
    names = {line.partition(b":")[0] for line in (*lines, *others)}
    return names.pop() + b":" if len(lines) == len(others) == len(names) == 1 else b""


def _equal_count(lines: list[bytes], others: list[bytes]) -> int:
    """How many lines are equal from the first on."""
    count = 0
    for line, other in zip(lines, others, strict=False):
        if line != other:
            break
        count += 1
    return count


def _host(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    if block.host is not None:
        raise BadMessage(400, "more than one Host header")
    if not HOST.match(value):
        raise BadMessage(400, "malformed Host header")
    block.host = value


def _content_length(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    if block.length >= 0:
        raise BadMessage(400, "more than one Content-Length")
    if not _LENGTH.match(value):
        raise BadMessage(400, "malformed Content-Length")
    block.length = block.body_bytes = int(value)


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
            # Lines that are looked at do not pass on anyhow, nominated (``TE``, ``HTTP2-Settings``) or not.
            block.nominates = block.nominates or option not in LINES.special


def _te(block: RequestBlock, value: bytes, nominated: list[bytes]) -> None:
    """What else the client could take (RFC 9110 §10.1.4) is of no use: the only coding spoken here is chunked."""
    if b"trailers" in tokens(value):
        block.takes_trailers = True


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
    b"te": _te,
    b"upgrade": _upgrade,
} | {name: _keep_aside(name) for name in REPLACED}
