"""Bytes that a client chose, as a log may hold them: one line, no control characters, and what was sent can be told.

A log is read by people on terminals and by parsers: a line break would forge a line, an escape sequence would command
the terminal (CVE-2025-48432 and its like), and bytes that are no UTF-8 would make a whole file unreadable. Everything
written here is printable ASCII.
"""

from __future__ import annotations

import json

_PLAIN = bytes(set(range(0x20, 0x7F)) - {ord('"'), ord("\\")})
_AS_HEX = {code: f"\\x{code:02X}" for code in range(256) if code not in _PLAIN}


def in_json(raw: bytes) -> bytes:
    """For between the quotes of a JSON string. Bytes that are no UTF-8 are told as ``\\\\xff``."""
    if not raw.translate(None, _PLAIN):
        return raw
    text = json.dumps(raw.decode("utf-8", "backslashreplace"))  # escapes all but ASCII
    return text[1:-1].replace("\x7f", "\\u007f").encode()


def in_quotes(raw: bytes) -> bytes:
    """nginx's way (``escape=default``): quotes, backslashes, controls and everything beyond ASCII as ``\\xHH``."""
    if not raw.translate(None, _PLAIN):
        return raw
    return raw.decode("latin-1").translate(_AS_HEX).encode()
