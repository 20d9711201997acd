"""Responses of the gateway's own, as bytes, in the form that suits the request."""

from __future__ import annotations

import os

from proxy_engine.http import reply
from proxy_engine.http.request import RequestHead


def error(head: RequestHead | None, status: int, message: str | None, extra: bytes, *, close: bool) -> bytes:
    """``head``: None when the request was not understood. ``extra``: further header lines, each with CRLF."""
    return reply.error_response(
        status,
        message,
        accept=head.block.field(b"accept") if head else None,
        request_id=new_request_id(),
        close=close,
        head_only=head is not None and head.method == b"HEAD",
        extra=extra,
    )


def redirect(status: int, location: bytes, *, close: bool) -> bytes:
    return reply.redirect_response(status, location, request_id=new_request_id(), close=close)


def new_request_id() -> str:
    """32 lower-case hexadecimal digits, as Kong's."""
    return os.urandom(16).hex()
