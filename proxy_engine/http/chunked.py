"""The chunked coding, read strictly and written anew (RFC 9112 §7.1).

A message in chunks is never passed on as it came: sizes are read here and written by us, extensions end here, trailer
fields are kept apart. So what a target (or a client) sees has exactly one reading, however oddly the sender spelt it
(Go CVE-2025-22871, "TERM.EXT" smuggling).

The decoder takes bytes in any pieces and gives payload pieces. It holds back at most one line; and, where bytes hold
more chunks than it reads at once, what is left of them (``has_more``): a sender of tiny chunks must not keep the event
loop from everyone else, and one byte a chunk is no reason to refuse it (many encoders write each token as it comes).
"""

from __future__ import annotations

import re
import sys

from proxy_engine.errors import BadMessage

from .limits import DEFAULTS, MessageLimits

MAX_SIZE_LINE = 256  # bytes, extensions included; Go allows 4096, of which nobody has a use
CHUNKS_AT_ONCE = 1024  # about 1 ms

LAST_CHUNK = b"0\r\n\r\n"

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\Z")

_SIZE_LINE, _PAYLOAD, _AFTER_PAYLOAD, _TRAILERS, _DONE = range(5)


class ChunkedDecoder:
    __slots__ = (
        "announced",
        "has_more",
        "held",
        "left",
        "limits",
        "most",
        "phase",
        "rest",
        "trailer_bytes",
        "trailers",
    )

    def __init__(self, limits: MessageLimits = DEFAULTS, most: int = 0) -> None:
        """``most``: bytes of payload; 0: any number."""
        self.limits = limits
        self.most = most
        self.phase = _SIZE_LINE
        self.announced = 0  # payload bytes of all chunks so far, as their sizes say
        self.left = 0  # payload bytes of the present chunk still to come
        self.held = b""  # a line that has not ended yet, or what there was no turn for
        self.has_more = False  # chunks wait in ``held``: feed again, with nothing if nothing came
        self.trailers: list[bytes] = []  # lines, well-formed, without CRLF
        self.trailer_bytes = 0
        self.rest = b""  # what came after the message

    @property
    def is_done(self) -> bool:
        return self.phase == _DONE

    @property
    def payload_bytes(self) -> int:
        """How many have come."""
        return self.announced - self.left

    def feed(self, data: bytes) -> list[bytes]:
        """Payload pieces in ``data``. Raises BadMessage on the first byte that has no sure reading (400), on a chunk
        with which there would be more than ``most`` (413), and on too many trailer fields (431)."""
        if self.held:
            data, self.held = self.held + data, b""
        self.has_more = False
        pieces: list[bytes] = []
        at, turns, end = 0, CHUNKS_AT_ONCE, len(data)
        if self.phase == _SIZE_LINE:
            at, turns = self._whole_chunks(data, pieces)
        while at < end and self.phase != _DONE:
            if self.phase == _SIZE_LINE:
                if not turns:
                    break
                turns -= 1
                at = self._size(data, at)
            elif self.phase == _PAYLOAD:
                at = self._payload(data, at, pieces)
            else:
                at = self._line(data, at)
            if at < 0:
                return pieces
        if self.phase == _DONE:
            self.rest = data[at:]
        elif at < end:
            self.has_more = True
            self.held = data[at:]
        return pieces

    def feed_all(self, data: bytes) -> list[bytes]:
        """As ``feed``, in one go: for a sender that is trusted with our time."""
        pieces = self.feed(data)
        while self.has_more:
            pieces += self.feed(b"")
        return pieces

    def _whole_chunks(self, data: bytes, pieces: list[bytes]) -> tuple[int, int]:
        """Chunks that are here with their ends, as most come, at half the cost. Where the first other one begins, or
        one to be refused, from which the reading step by step goes on; and how many turns are left."""
        at, end, announced = 0, len(data), self.announced
        most = self.most or sys.maxsize
        turns = CHUNKS_AT_ONCE
        line, size = b"\n", 0  # of the chunk before, as most are equally long; at first, what no line begins with
        while turns:
            if data.startswith(line, at):
                begin = at + len(line)
            else:
                matched = _SIZE.match(data, at)
                if matched is None or matched.end() - at > MAX_SIZE_LINE + 2:
                    break
                line, size, begin = matched[0], int(matched[1], 16), matched.end()
            stop = begin + size
            if not size or stop + 2 > end or announced + size > most or not data.startswith(b"\r\n", stop):
                break
            pieces.append(data[begin:stop])
            announced += size
            turns -= 1
            at = stop + 2
        self.announced = announced
        if turns and data.startswith(LAST_CHUNK, at):  # without trailer fields, as nearly all end
            self.phase = _DONE
            at += len(LAST_CHUNK)
        return at, turns

    def _size(self, data: bytes, at: int) -> int:
        """Where the payload begins, -1 when the line is not whole yet."""
        matched = _SIZE.match(data, at)
        if matched is None:
            return self._partial(data, at, MAX_SIZE_LINE, 400)
        end = matched.end()
        if end - at > MAX_SIZE_LINE + 2:
            raise BadMessage(400, "malformed chunk size")
        self.left = int(matched[1], 16)
        self.announced += self.left
        if 0 < self.most < self.announced:
            raise BadMessage(413, "the body is too long")
        self.phase = _PAYLOAD if self.left else _TRAILERS
        return end

    def _payload(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        end = at + self.left
        piece = data[at:end]
        pieces.append(piece)
        self.left -= len(piece)
        if self.left:
            return at + len(piece)
        if data.startswith(b"\r\n", end):
            self.phase = _SIZE_LINE
            return end + 2
        self.phase = _AFTER_PAYLOAD
        return end

    def _line(self, data: bytes, at: int) -> int:
        """After a payload, or among the trailer fields. Where the next line begins, -1 when this one is not whole."""
        end = data.find(b"\n", at)
        if end < 0:
            if self.phase == _TRAILERS:
                return self._partial(data, at, self.limits.trailer_bytes, 431)
            return self._partial(data, at, 0, 400)
        if end == at or data[end - 1] != 13:
            raise BadMessage(400, "bare line feed in a chunked message")
        line = data[at : end - 1]
        if self.phase == _TRAILERS:
            self._trailer(line)
        elif line:
            raise BadMessage(400, "chunk longer than its size")
        else:
            self.phase = _SIZE_LINE
        return end + 1

    def _partial(self, data: bytes, at: int, most: int, status: int) -> int:
        """A line that lacks its end is kept, up to ``most`` bytes. Always -1."""
        self.held = data[at : at + most + 2]
        if len(self.held.removesuffix(b"\r")) > most:
            raise BadMessage(status, "a line in a chunked message is too long")
        if b"\n" in self.held:
            raise BadMessage(400, "malformed chunk size")
        return -1

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.phase = _DONE
            return
        if not _TRAILER.match(line):
            raise BadMessage(400, "malformed trailer field")
        self.trailer_bytes += len(line)
        self.trailers.append(line)
        if self.trailer_bytes > self.limits.trailer_bytes or len(self.trailers) > self.limits.trailers:
            raise BadMessage(431, "too many trailer fields")


def encode(pieces: list[bytes]) -> bytes:
    """One chunk that holds all pieces; nothing for no bytes (an empty chunk would end the message)."""
    size = sum(map(len, pieces))
    return b"".join((b"%x\r\n" % size, *pieces, b"\r\n")) if size else b""
