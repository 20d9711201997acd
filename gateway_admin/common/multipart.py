"""A multipart form as names and texts. Parts that are files (``curl -F cert=@cert.pem``) are as good as others."""

from io import BytesIO

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

MEDIA_TYPE = "multipart/form-data"


class NotMultipart(ValueError):
    """The message says why."""


class TooManyParts(ValueError):
    pass


def parts(request, body: bytes) -> list[tuple[str, str]]:
    """In the order of fields, then files. ``body``: as it was read, in chunks or not; ``request`` tells the boundary.

    Raises ``NotMultipart``, ``TooManyParts``, and Django's ``RequestDataTooBig`` for fields that are no files.
    """
    meta = {"CONTENT_TYPE": request.META["CONTENT_TYPE"], "CONTENT_LENGTH": str(len(body))}
    handlers = [MemoryFileUploadHandler(request), TemporaryFileUploadHandler(request)]
    try:
        body.decode()  # Django would put marks in the place of what is not UTF-8
        fields, files = MultiPartParser(meta, BytesIO(body), handlers).parse()
        read = [(name, file.read().decode()) for name, several in files.lists() for file in several]
    except UnicodeDecodeError:
        raise NotMultipart("it is not UTF-8") from None
    except MultiPartParserError as error:
        raise NotMultipart(str(error)) from None
    except RequestDataTooBig:
        raise
    except SuspiciousOperation:  # more fields or files than the settings allow
        raise TooManyParts from None
    return [(name, value) for name, values in fields.lists() for value in values] + read
