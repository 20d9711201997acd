"""What a request brings: JSON, a form or multipart, as one document. Kong's answers to what is none of these.

Only POST, PUT and PATCH have a body here; with other methods it is ignored, even where it is broken.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from django.conf import settings

from gateway_admin.common import multipart
from gateway_admin.common.strict_json import NotStrictJSON, parse

from .errors import KongError, plain
from .form_keys import document

METHODS = ("POST", "PUT", "PATCH")
MAX_ARGUMENTS = 1000
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Body(NamedTuple):
    """``is_text``: from a form, so that all values are texts and want to be read by the schema."""

    values: dict[str, Any]
    is_text: bool


def received(request) -> bytes:
    """The bytes, before anything else (Django's CSRF check for one) can take them for a form."""
    body = request.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise plain(413, f"the body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes")
    return body


def read(request, body: bytes) -> Body:
    media_type = _media_type(request)
    if not media_type:
        if body:
            raise unsupported()
        return Body({}, is_text=False)
    if media_type.startswith(JSON):
        return Body(_json(body), is_text=False)
    if media_type.startswith(FORM):
        return Body(document(_form(body)), is_text=True)
    if media_type.startswith(multipart.MEDIA_TYPE):
        return Body(document(_multipart(request, body)), is_text=True)
    raise unsupported()


def unsupported() -> KongError:
    return KongError(415, None)


def _media_type(request) -> str:
    headers = getattr(request, "scope", {}).get("headers", ())
    if sum(name.lower() == b"content-type" for name, _ in headers) > 1:
        raise plain(400, "Multiple Content-Type headers not allowed")
    return request.META.get("CONTENT_TYPE", "")


def _json(body: bytes) -> dict[str, Any]:
    try:
        values = parse(body)
    except NotStrictJSON:
        values = None
    if not isinstance(values, dict):
        raise plain(400, "Cannot parse JSON body")
    return values


def _form(body: bytes) -> Iterator[tuple[str, Any]]:
    pieces = body.split(b"&") if body else []
    if len(pieces) > MAX_ARGUMENTS:
        raise too_many()
    return [_argument(piece) for piece in pieces if piece]


def _argument(piece: bytes) -> tuple[str, Any]:
    """A name without ``=`` is true, as nginx reads it."""
    try:
        name, equals, value = (unquote_plus(part.decode(), errors="strict") for part in piece.partition(b"="))
    except UnicodeDecodeError:
        raise plain(400, "Cannot parse form body") from None
    return name, value if equals else True


def _multipart(request, body: bytes) -> list[tuple[str, Any]]:
    try:
        return multipart.parts(request, body)
    except multipart.NotMultipart:
        raise plain(400, "Cannot parse multipart body") from None
    except multipart.TooManyParts:
        raise too_many() from None


def too_many() -> KongError:
    return plain(400, "Too many arguments")
