"""The chunked coding, read strictly and written anew (RFC 9112 §7.1).

A message in chunks is never passed on as it came: sizes are read here and written by us, extensions and trailers end
here. So what a target (or a client) sees has exactly one reading, however oddly the sender spelt it
(Go CVE-2025-22871, "TERM.EXT" smuggling).

The decoder takes bytes in any pieces and gives payload pieces; it holds back at most one line.
"""

from __future__ import annotations

import re

from proxy_engine.errors import BadMessage

MAX_SIZE_LINE = 256  # bytes, extensions included
MAX_TRAILERS = 8192  # bytes

LAST_CHUNK = b"0\r\n\r\n"

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\Z")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\Z")

_SIZE_LINE, _PAYLOAD, _AFTER_PAYLOAD, _TRAILERS, _DONE = range(5)


class ChunkedDecoder:
    __slots__ = ("held", "left", "phase", "rest", "trailer_bytes")

    def __init__(self) -> None:
        self.phase = _SIZE_LINE
        self.left = 0  # payload bytes of the present chunk still to come
        self.held = b""  # a line that has not ended yet
        self.trailer_bytes = 0
        self.rest = b""  # what came after the message

    @property
    def is_done(self) -> bool:
        return self.phase == _DONE

    def feed(self, data: bytes) -> list[bytes]:
        """Payload pieces in ``data``. Raises BadMessage(400) on the first byte that has no sure reading."""
        if self.held:
            data, self.held = self.held + data, b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and self.phase != _DONE:
            if self.phase == _PAYLOAD:
                piece = data[at : at + self.left]
                pieces.append(piece)
                at += len(piece)
                self.left -= len(piece)
                if not self.left:
                    self.phase = _AFTER_PAYLOAD
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._hold(data[at:])
                return pieces
            self._line(data[at : end + 1])
            at = end + 1
        if self.phase == _DONE:
            self.rest = data[at:]
        return pieces

    def _hold(self, partial: bytes) -> None:
        limit = MAX_SIZE_LINE if self.phase == _SIZE_LINE else MAX_TRAILERS
        if len(partial.removesuffix(b"\r")) > limit or (self.phase == _AFTER_PAYLOAD and partial != b"\r"):
            raise BadMessage(400, "malformed chunk")
        self.held = partial

    def _line(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise BadMessage(400, "bare line feed in a chunked message")
        line = line[:-2]
        if self.phase == _SIZE_LINE:
            self._size(line)
        elif self.phase == _AFTER_PAYLOAD:
            if line:
                raise BadMessage(400, "chunk longer than its size")
            self.phase = _SIZE_LINE
        else:
            self._trailer(line)

    def _size(self, line: bytes) -> None:
        matched = _SIZE.match(line) if len(line) <= MAX_SIZE_LINE else None
        if matched is None:
            raise BadMessage(400, "malformed chunk size")
        self.left = int(matched[1], 16)
        self.phase = _PAYLOAD if self.left else _TRAILERS

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.phase = _DONE
            return
        self.trailer_bytes += len(line)
        if self.trailer_bytes > MAX_TRAILERS or not _TRAILER.match(line):
            raise BadMessage(400, "malformed or too many trailer fields")


def encode(pieces: list[bytes]) -> bytes:
    """One chunk that holds all pieces; nothing for no bytes (an empty chunk would end the message)."""
    size = sum(map(len, pieces))
    return b"".join((b"%x\r\n" % size, *pieces, b"\r\n")) if size else b""
