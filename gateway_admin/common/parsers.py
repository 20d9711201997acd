"""The body of a REST request: strict JSON of limited size. The answer is JSON whatever ``Accept`` says."""

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser

from .strict_json import NotStrictJSON, parse


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"

    def __init__(self, limit: int | None = None):
        super().__init__(f"the body is larger than {limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes")


def json_body(request):
    """What ``request.data`` is, for bodies sent in chunks as well: the framework takes those for empty ones."""
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type not in ("", StrictJSONParser.media_type):
        raise UnsupportedMediaType(media_type)
    body = _limited(request)
    if not body:
        raise ParseError("expected a JSON object, but there is no body")
    if not media_type:
        raise UnsupportedMediaType("none")
    return _parsed(body)


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        return _parsed(_limited(stream))


def _limited(stream) -> bytes:
    body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise BodyTooLarge
    return body


def _parsed(body: bytes):
    try:
        return parse(body)
    except NotStrictJSON as error:
        raise ParseError(str(error)) from None


class AlwaysJSON(BaseContentNegotiation):
    """Clients say ``Accept: */*``, ``text/html`` or nothing and mean JSON all the same, as with Kong."""

    def select_parser(self, request, parsers):
        return DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type
