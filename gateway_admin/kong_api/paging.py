"""Pages of a list: ``size`` and ``offset`` in, ``data``, ``next`` and ``offset`` out.

An offset is a place in the order of the rows, not a count of them: page 1,000 costs what page 1 costs, and rows that
come and go meanwhile shift nothing.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from . import errors

DEFAULT_SIZE = 100
MAX_SIZE = 1000
LONGEST_OFFSET = 512  # characters; ours have less than 200

Rows = Callable[[Any, int], tuple[list, Any]]
"""Given where to go on (None: at the start) and how many: the rows, and where the next page begins (None: nowhere)."""


class Asked(NamedTuple):
    size: int
    after: Any  # as it stood in the offset

    @classmethod
    def of(cls, query) -> "Asked":
        return cls(_size(query.get("size")), _after(query.get("offset")))


def page(path: str, asked: Asked, rows: Rows, *, repeated: dict[str, str] | None = None) -> dict[str, Any]:
    """``path``: of the list, as the client may ask it again; ``repeated``: arguments that ``next`` carries on."""
    data, after = rows(asked.after, asked.size)
    if after is None:
        return {"data": data, "next": None}
    offset = token(after)
    arguments = urlencode({"offset": offset} | (repeated or {}))
    return {"data": data, "offset": offset, "next": f"{quote(path, safe='/:@~')}?{arguments}"}


def token(after: Any) -> str:
    return base64.b64encode(json.dumps(after, separators=(",", ":")).encode()).decode()


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT_SIZE
    try:
        size = float(text)
    except ValueError:
        raise errors.invalid_size("size must be a number") from None
    if not 1 <= size <= MAX_SIZE or size != int(size):
        raise errors.invalid_size(f"size must be an integer between 1 and {MAX_SIZE}")
    return int(size)


def _after(text: str | None) -> Any:
    if text is None:
        return None
    try:
        decoded = base64.b64decode(text[:LONGEST_OFFSET].encode(), validate=True)
    except (binascii.Error, UnicodeError):
        raise errors.invalid_offset(text[:LONGEST_OFFSET], "bad base64 encoding") from None
    try:
        return json.loads(decoded)
    except (ValueError, RecursionError):
        raise errors.invalid_offset(text[:LONGEST_OFFSET], "bad json encoding") from None
