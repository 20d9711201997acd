"""Trailer fields of responses: which of them may go on, and how (RFC 9110 §6.5, RFC 9112 §7.1.2).

A recipient may merge trailer fields into the header fields, so a late ``Content-Length`` or ``Set-Cookie`` would be a
header that no rule on the way has seen. RFC 9110 §6.5.1: "A sender MUST NOT generate a trailer field unless the sender
knows the corresponding header field name's definition permits sending it in trailer fields. Fields that are generally
used for message framing, routing, authentication, request modifiers, response controls, or payload processing (§8.1)
are prohibited." What is prohibited is left out here; the rest (checksums, signatures, ``Server-Timing``, gRPC's
status) goes to clients that said ``TE: trailers``, and to no others.

Trailer fields of requests are read strictly and end at the gateway, as in nginx: hardly a target reads them, and those
that do merge them behind the back of every rule that looked at the head.
"""

from __future__ import annotations

from .chunked import LAST_CHUNK
from .fields import folded

PROHIBITED = frozenset(
    (
        # framing and hop-by-hop
        *(b"transfer-encoding", b"content-length", b"connection", b"keep-alive", b"proxy-connection", b"te"),
        *(b"trailer", b"upgrade", b"http2-settings"),
        # routing
        *(b"host", b"via", b"forwarded", b"x-real-ip", b"x-request-id", b"x-kong-request-id", b"max-forwards"),
        # authentication and state
        *(b"authorization", b"proxy-authorization", b"www-authenticate", b"proxy-authenticate"),
        *(b"authentication-info", b"proxy-authentication-info", b"cookie", b"set-cookie", b"set-cookie2"),
        *(b"strict-transport-security", b"clear-site-data"),
        # request modifiers and response controls
        *(b"cache-control", b"expect", b"range", b"age", b"expires", b"date", b"location", b"retry-after", b"vary"),
        *(b"warning", b"pragma", b"refresh", b"status", b"server", b"alt-svc", b"link"),
        # how the content is to be read
        *(b"content-type", b"content-encoding", b"content-range", b"content-language", b"content-location"),
        *(b"content-disposition", b"content-security-policy", b"content-security-policy-report-only"),
    )
)
_PROHIBITED_PREFIXES = (b"x-forwarded-", b"x-kong-", b"x-gateway-", b"access-control-", b"if-", b"proxy-", b":")


def last_chunk(lines: list[bytes]) -> bytes:
    """The end of a message in chunks, with those of ``lines`` that may be trailer fields. They have been checked."""
    allowed = [line for line in lines if is_allowed(line.partition(b":")[0])]
    return b"".join((b"0\r\n", *(line + b"\r\n" for line in allowed), b"\r\n")) if allowed else LAST_CHUNK


def is_allowed(name: bytes) -> bool:
    """In any case, and with any mark for ``-``: some servers fold ``Set_Cookie`` and ``Set-Cookie`` into one."""
    name = folded(name)
    return name not in PROHIBITED and not name.startswith(_PROHIBITED_PREFIXES)
