"""What the gateway says to a client in the target's name: heads of responses that are passed on."""

from __future__ import annotations

from proxy_engine.http.response import ResponseHead
from proxy_engine.proxy.forward import HANDSHAKE_LINES, VIA_NAME

_VIA = b"Via: 1.1 " + VIA_NAME + b"\r\n"


def via(head: ResponseHead) -> bytes:
    sent = head.block.via
    return _VIA if not sent else b"Via: " + sent + b", 1.1 " + VIA_NAME + b"\r\n"


def usual_head(head: ResponseHead) -> bytes:
    """The head as most clients get it: counted body, connection kept. Kept with the head for when it comes again."""
    length = b"" if head.status == 204 else b"Content-Length: %d\r\n" % head.block.length
    head.rendered = b"".join((head.line, b"\r\n", head.block.forward, via(head), length, b"\r\n"))
    return head.rendered


def switching_head(head: ResponseHead, cookie: bytes) -> bytes:
    """Of a 101. ``cookie``: a Set-Cookie line, or nothing."""
    return b"".join((head.line, b"\r\n", head.block.forward, via(head), cookie, HANDSHAKE_LINES, b"\r\n"))
