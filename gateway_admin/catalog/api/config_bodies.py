"""A configuration as the body of a request: JSON, YAML, or a multipart form with the file in it.

JSON and YAML are the document itself or, as Kong's ``/config`` takes it, ``{"config": "<text of the document>"}``.
"""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from gateway_admin.common import multipart
from gateway_admin.common.parsers import BodyTooLarge
from proxy_engine.spec.declarative import BadText, parse

JSON = "application/json"
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain", "application/octet-stream")
FIELDS = ("config", "file")
_WRAPPED = re.compile(rb"\s*\{\s*\"config\"\s*:|\s*config\s*:")


def configuration_text(request) -> bytes:
    """``request``: the framework's. Raises what the framework answers with 400, 413 or 415."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type not in (JSON, multipart.MEDIA_TYPE, *YAML):
        raise UnsupportedMediaType(media_type or "none")
    text = _limited(request)
    if media_type == multipart.MEDIA_TYPE:
        text = _uploaded(request, text)
    if not text.strip():
        raise ParseError("expected a declarative configuration, but there is no body")
    return _unwrapped(text)


def _limited(stream) -> bytes:
    text = stream.read(settings.CONFIG_UPLOAD_MAX_BYTES + 1)
    if len(text) > settings.CONFIG_UPLOAD_MAX_BYTES:
        raise BodyTooLarge(settings.CONFIG_UPLOAD_MAX_BYTES)
    return text


def _uploaded(request, body: bytes) -> bytes:
    """The one file or field of the form. Its name is nobody's business."""
    try:
        found = {name: text for name, text in multipart.parts(request, body) if name in FIELDS}
    except RequestDataTooBig:
        raise BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) from None
    except multipart.TooManyParts:
        raise ParseError("the form has too many fields") from None
    except multipart.NotMultipart as error:
        raise ParseError(f"the form cannot be read: {error}") from None
    if not found:
        raise ParseError("expected the file in a field called config or file")
    return next(iter(found.values())).encode()


def _unwrapped(text: bytes) -> bytes:
    if not _WRAPPED.match(text):
        return text
    try:
        document = parse(text)
    except BadText:
        return text  # whoever reads it next says what is wrong
    inner = document.get("config") if isinstance(document, dict) and len(document) == 1 else None
    return inner.encode("utf-8", "surrogatepass") if isinstance(inner, str) else text
