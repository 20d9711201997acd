"""Request bodies on their way in: what came is framed for the target, and where the body ends is known.

Two kinds with one face: ``feed`` gives the bytes to pass on, ``is_complete`` says whether that was all, ``rest`` is
what lay behind the end. Both know how much has come (``payload_bytes``), which is what a slow client is judged by.
"""

from __future__ import annotations

from proxy_engine.http.chunked import LAST_CHUNK, ChunkedDecoder, encode
from proxy_engine.settings import Limits


class CountedBody:
    """With a Content-Length."""

    __slots__ = ("left", "length", "rest")

    has_more = False

    def __init__(self, length: int) -> None:
        self.length = length
        self.left = length  # bytes still to come
        self.rest = b""

    def __repr__(self) -> str:
        return f"<CountedBody {self.payload_bytes} of {self.length}>"

    @property
    def is_complete(self) -> bool:
        return self.left == 0

    @property
    def payload_bytes(self) -> int:
        return self.length - self.left

    def feed(self, data: bytes) -> bytes:
        if len(data) > self.left:
            data, self.rest = data[: self.left], data[self.left :]
        self.left -= len(data)
        return data


class ChunkedBody:
    """In chunks of the client's, which become chunks of ours: one for all that one read brought."""

    __slots__ = ("_decoder",)

    def __init__(self, limits: Limits) -> None:
        self._decoder = ChunkedDecoder(limits, limits.body_bytes)

    def __repr__(self) -> str:
        return f"<ChunkedBody {self.payload_bytes}>"

    @property
    def is_complete(self) -> bool:
        return self._decoder.is_done

    @property
    def has_more(self) -> bool:
        """There were more chunks than are read at once: feed again, with nothing if nothing came."""
        return self._decoder.has_more

    @property
    def payload_bytes(self) -> int:
        return self._decoder.payload_bytes

    @property
    def rest(self) -> bytes:
        return self._decoder.rest

    def feed(self, data: bytes) -> bytes:
        """Raises BadMessage. Trailer fields end here (see ``http.trailers``)."""
        body = encode(self._decoder.feed(data))
        return body + LAST_CHUNK if self._decoder.is_done else body


Body = CountedBody | ChunkedBody
