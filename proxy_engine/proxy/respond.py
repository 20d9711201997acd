"""What the gateway says to a client in the target's name: heads of responses that are passed on.

Which lines it adds is a setting, GATEWAY_RESPONSE_HEADERS, in Kong's words and meaning. Lines that are the same
for each response of a target are rendered once per head; those that are not stand at the end, as one ``tail``.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxy_engine.http.date import DateLine
from proxy_engine.http.reply import SERVER
from proxy_engine.http.response import ResponseHead
from proxy_engine.proxy.forward import HANDSHAKE_LINES, VIA_NAME

if TYPE_CHECKING:
    from proxy_engine.proxy.account import Account

_VIA = b"Via: 1.1 " + VIA_NAME + b"\r\n"
_SERVER = b"Server: " + SERVER + b"\r\n"


class ResponseLines:
    """``names``: the fields to add, lower-case."""

    __slots__ = ("date", "has_id", "has_server", "has_via", "is_plain", "names")

    def __init__(self, names: frozenset[str], date: DateLine) -> None:
        self.names = names
        self.date = date
        self.has_id = "x-kong-request-id" in names
        self.has_via = "via" in names
        self.has_server = "server" in names
        measures = {"x-kong-upstream-latency", "x-kong-proxy-latency", "x-kong-upstream-status"}
        self.is_plain = self.has_id and not names & measures  # the tail is the request's id alone

    def __repr__(self) -> str:
        return f"<ResponseLines {', '.join(sorted(self.names))}>"

    # -- of a response that is passed on ----------------------------------------

    def usual_head(self, head: ResponseHead) -> bytes:
        """The head as most clients get it, with a counted body. It lacks its tail. Kept with the head for when it comes
        again."""
        length = b"" if head.status == 204 else b"Content-Length: %d\r\n" % head.block.length
        rendered = b"".join((self.lines(head), length))
        if _has(head.block.forward, b"Date"):
            head.rendered = rendered
        return rendered

    def lines(self, head: ResponseHead) -> bytes:
        """The status line and all fields but those of framing and the tail."""
        block = head.block
        lines = [head.line, b"\r\n", block.forward, self._via(head)]
        if self.has_server and not _has(block.forward, b"Server"):
            lines.append(_SERVER)
        if not _has(block.forward, b"Date"):  # RFC 9110 §6.6.1: a recipient with a clock adds it before it forwards
            lines.append(self.date.now())
        lines += [b"%b: %b\r\n" % field for name, field in block.kept.items() if name not in self.names]
        return b"".join(lines)

    def _via(self, head: ResponseHead) -> bytes:
        sent = head.block.via
        if not self.has_via:
            return b"Via: %b\r\n" % sent if sent else b""
        return _VIA if not sent else b"Via: " + sent + b", 1.1 " + VIA_NAME + b"\r\n"

    def switching_head(self, head: ResponseHead, cookie: bytes, account: Account) -> bytes:
        """Of a 101. ``cookie``: a Set-Cookie line, or nothing."""
        start = (head.line, b"\r\n", head.block.forward, self._via(head))
        return b"".join((*start, cookie, HANDSHAKE_LINES, self.tail(account)))

    def tail(self, account: Account) -> bytes:
        """The lines that differ from one response to the next, and the empty one. Kong's latencies are whole ms."""
        names, lines = self.names, []
        if "x-kong-upstream-latency" in names:
            lines.append(b"X-Kong-Upstream-Latency: %d\r\n" % ((account.answered_at - account.picked_at) * 1000))
        if "x-kong-proxy-latency" in names:
            lines.append(b"X-Kong-Proxy-Latency: %d\r\n" % ((account.picked_at - account.started_at) * 1000))
        if "x-kong-upstream-status" in names:
            lines.append(b"X-Kong-Upstream-Status: %d\r\n" % account.status)
        lines.append(account.id_line if self.has_id else b"\r\n")
        return b"".join(lines)

    # -- of a response of the gateway's own -------------------------------------

    def own(self, request_id: bytes, started_at: float) -> bytes:
        """``started_at``: of the request, on the monotonic clock."""
        lines = [self.date.now()]
        if self.has_server:
            lines.append(_SERVER)
        if "x-kong-response-latency" in self.names:
            lines.append(b"X-Kong-Response-Latency: %d\r\n" % ((monotonic() - started_at) * 1000))
        if self.has_id:
            lines.append(b"X-Kong-Request-Id: %b\r\n" % request_id)
        return b"".join(lines)


def _has(lines: bytes, name: bytes) -> bool:
    if b"\r\n%b: " % name in lines or lines.startswith(b"%b: " % name):  # as nearly all servers spell it
        return True
    return b"\r\n%b:" % name.lower() in b"\r\n" + lines.lower()
