"""A configuration as the body of a request: JSON, YAML, or a multipart form with the file in it.

JSON and YAML are the document itself or, as Kong's ``/config`` takes it, ``{"config": "<text of the document>"}``.
"""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from gateway_admin.common.parsers import BodyTooLarge
from proxy_engine.spec.declarative import BadText, parse

JSON = "application/json"
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain", "application/octet-stream")
MULTIPART = "multipart/form-data"
FIELDS = ("config", "file")
_WRAPPED = re.compile(rb"\s*\{\s*\"config\"\s*:|\s*config\s*:")


def configuration_text(request) -> bytes:
    """``request``: the framework's. Raises what the framework answers with 400, 413 or 415."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        text = _uploaded(request._request)
    elif media_type in (JSON, *YAML):
        text = _limited(request)
    else:
        raise UnsupportedMediaType(media_type or "none")
    if not text.strip():
        raise ParseError("expected a declarative configuration, but there is no body")
    return _unwrapped(text)


def _limited(stream) -> bytes:
    text = stream.read(settings.CONFIG_UPLOAD_MAX_BYTES + 1)
    if len(text) > settings.CONFIG_UPLOAD_MAX_BYTES:
        raise BodyTooLarge(settings.CONFIG_UPLOAD_MAX_BYTES)
    return text


def _uploaded(request) -> bytes:
    """The one file or field of the form. Its name is nobody's business."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > settings.CONFIG_UPLOAD_MAX_BYTES:
            raise BodyTooLarge(settings.CONFIG_UPLOAD_MAX_BYTES)
        found = [request.FILES[name] for name in FIELDS if name in request.FILES]
        found = found or [request.POST[name] for name in FIELDS if name in request.POST]
    except RequestDataTooBig:
        raise BodyTooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) from None
    except (MultiPartParserError, ValueError, UnicodeDecodeError) as error:
        raise ParseError(f"the form cannot be read: {error}") from None
    if not found:
        raise ParseError("expected the file in a field called config or file")
    return found[0].encode("utf-8", "surrogatepass") if isinstance(found[0], str) else _limited(found[0])


def _unwrapped(text: bytes) -> bytes:
    if not _WRAPPED.match(text):
        return text
    try:
        document = parse(text)
    except BadText:
        return text  # whoever reads it next says what is wrong
    inner = document.get("config") if isinstance(document, dict) and len(document) == 1 else None
    return inner.encode("utf-8", "surrogatepass") if isinstance(inner, str) else text
