"""Responses that the gateway makes itself: Kong's messages, in the format the client asks for.

JSON unless ``Accept`` prefers HTML, XML or plain text. Nothing of the request is echoed.
"""

from __future__ import annotations

from http import HTTPStatus

SERVER = b"gatehouse"

MESSAGES = {
    400: "Bad request",
    404: "no Route matched with those values",
    405: "Method not allowed",
    408: "Request timeout",
    411: "Length required",
    413: "Payload too large",
    414: "URI too long",
    417: "Expectation failed",
    431: "Request header fields too large",
    500: "An unexpected error occurred",
    501: "Not implemented",
    502: "An invalid response was received from the upstream server",
    503: "failure to get a peer from the ring-balancer",
    504: "The upstream server is timing out",
    505: "HTTP version not supported",
}

NO_SERVICE = "no Service found with those values"
NAME_RESOLUTION = "name resolution failed"
NO_PEER_LEFT = "The upstream server is currently unavailable"
USE_HTTPS = "Please use HTTPS protocol"

_TEMPLATES = {
    "application/json": '{{\n  "message":"{0}",\n  "request_id":"{1}"\n}}',
    "text/html": (
        '<!doctype html>\n<html>\n  <head>\n    <meta charset="utf-8">\n    <title>Error</title>\n  </head>\n'
        "  <body>\n    <h1>Error</h1>\n    <p>{0}.</p>\n    <p>request_id: {1}</p>\n  </body>\n</html>\n"
    ),
    "application/xml": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<error>\n  <message>{0}</message>\n'
        "  <requestid>{1}</requestid>\n</error>\n"
    ),
    "text/plain": "{0}\nrequest_id: {1}\n",
}
_JSON = "application/json"
_OFFERS = {name: name for name in _TEMPLATES} | {
    "text/xml": "application/xml",
    "*/*": _JSON,
    "application/*": _JSON,
    "text/*": "text/plain",
}


def words_for(status: int) -> str:
    """What an answer says when there is nothing more exact to say."""
    return MESSAGES.get(status) or HTTPStatus(status).phrase


def preferred_type(accept: bytes | None) -> str:
    """The offered media type with the highest quality; the earlier one on a tie (RFC 9110 §12.5.1)."""
    best, best_quality = _JSON, 0.0
    for item in (accept or b"*/*").decode("latin-1").lower().split(",")[:16]:
        media_type, *parameters = (part.strip() for part in item.split(";"))
        quality = next((_quality(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
        if media_type in _OFFERS and quality > best_quality:
            best, best_quality = _OFFERS[media_type], quality
    return best


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def error_response(
    status: int,
    message: str | None,
    *,
    accept: bytes | None,
    request_id: str,
    close: bool,
    head_only: bool = False,
    extra: bytes = b"",
) -> tuple[bytes, bytes]:
    """Head and body. ``extra``: further header lines, each with CRLF."""
    media_type = preferred_type(accept)
    message = message or words_for(status)
    body = _TEMPLATES[media_type].format(message, request_id).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {media_type}; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        f"{'Connection: close' if close else 'Connection: keep-alive'}\r\n"
    ).encode()
    return b"".join((head, extra, b"\r\n")), b"" if head_only else body


def redirect_response(status: int, location: bytes, *, close: bool, extra: bytes = b"") -> bytes:
    connection = b"close" if close else b"keep-alive"
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Length: 0\r\n".encode()
    return b"".join((line, b"Location: ", location, b"\r\nConnection: ", connection, b"\r\n", extra, b"\r\n"))
