"""The one normal form of paths: route prefixes are written in it, requests are brought into it before they are matched.

Were there two, a rule could be walked round by a spelling that the one reads differently from the other.

1. ``%XX`` is decoded, except where it stands for a reserved character (RFC 3986 §2.2) or ``%`` itself: an encoded slash
   is data, not a separator. Kept triplets get upper-case digits.
2. Dot segments go (RFC 3986 §5.2.4), after decoding; ``//`` becomes ``/``.

Refused: broken triplets, an encoded NUL, climbing above ``/``, and dot segments behind a separator that only some
servers honour (``..%2f``, ``..\\``, ``..;``).
"""

from __future__ import annotations

import re

RESERVED = b"!*'();:@&=+$,/?%#[]"

_TRIPLET = re.compile(rb"%([0-9A-Fa-f]{2})?")
_FOREIGN_SEPARATOR = re.compile(rb"%2F|%5C|%3B|[\\;]")
_DECODED = {
    b"%c%c" % (high, low): b"%%%02X" % value if value in RESERVED else bytes([value])
    for value in range(1, 256)
    for high in {*(b"%X" % (value >> 4)), *(b"%x" % (value >> 4))}
    for low in {*(b"%X" % (value & 15)), *(b"%x" % (value & 15))}
}


def normal_path(path: bytes) -> bytes:
    """``/a/%7eb/../c`` → ``/a/c``. ``path`` begins with ``/`` and has no query. Raises ValueError when refused."""
    if b"%" in path:
        path = _TRIPLET.sub(_decode, path)
    return _resolve_dots(path) if b"/." in path or b"//" in path or _FOREIGN_SEPARATOR.search(path) else path


def _decode(triplet: re.Match[bytes]) -> bytes:
    decoded = _DECODED.get(triplet[1])
    if decoded is None:
        raise ValueError("% without two hexadecimal digits, or an encoded NUL")
    return decoded


def _resolve_dots(path: bytes) -> bytes:
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            if not kept:
                raise ValueError("the path climbs above /")
            kept.pop()
        elif segment not in (b"", b"."):
            _refuse_hidden_dots(segment)
            kept.append(segment)
    is_folder = segments[-1] in (b"", b".", b"..")
    return b"/" + b"/".join(kept) + (b"/" if is_folder and kept else b"")


def _refuse_hidden_dots(segment: bytes) -> None:
    pieces = _FOREIGN_SEPARATOR.split(segment)
    if len(pieces) > 1 and (b".." in pieces or b"." in pieces):
        raise ValueError("dot segment behind an encoded or foreign separator")
