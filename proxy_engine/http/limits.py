"""Bounds on heads and trailers: what the parsers read at most. Plain values, so that parsing stays free of settings.

The operator's values come from the environment (``proxy_engine.settings``, which adds the bounds that are no parser's);
the defaults hold for targets, which no setting concerns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def limit(default: float, low: int, high: int) -> Any:
    """A field with the range in which the operator may set it."""
    return field(default=default, metadata={"range": (low, high)})


@dataclass(frozen=True, slots=True)
class MessageLimits:
    head_bytes: int = limit(32_768, 1024, 1_048_576)  # the whole head; nginx 4 × 8 KiB, Envoy 60 KiB
    request_line_bytes: int = limit(8192, 256, 65_536)  # nginx 8 KiB
    field_bytes: int = limit(8192, 256, 65_536)  # one line; nginx 8 KiB, aiohttp 8,190 B
    fields: int = limit(100, 8, 1000)  # lines; Envoy 100, HAProxy 101 with the start line
    trailers: int = limit(32, 0, 1000)  # lines; nobody counts them apart: a third of the fields is plenty; 0: none
    trailer_bytes: int = limit(8192, 256, 65_536)  # all together; as much as one field may have


DEFAULTS = MessageLimits()
