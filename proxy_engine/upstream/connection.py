"""One connection to a target: writes requests, reads responses, one exchange at a time.

Bodies pass without a parser where their length is known: bytes are counted and handed on, and where much of a body has
come at once, the rest of it even without being read (``net.splice``). Surplus bytes, or any byte
while no exchange is under way, mean that target and gateway disagree about where messages end: the connection closes
and is never used again (the next client must not get the answer of another).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from proxy_engine.errors import BadMessage, FailureKind
from proxy_engine.http.chunked import ChunkedDecoder
from proxy_engine.http.response import MAX_HEAD, ResponseHead, parse_head
from proxy_engine.net.splice import has_unread

if TYPE_CHECKING:
    from .pool import Pool

WRITE_HIGH_WATER = 256 * 1024  # bytes waiting in a transport before its sender is paused
LONG_READ = 128 * 1024  # bytes; event loops read up to twice as many: after one like this, more is likely to be here
MOVES_AT_ONCE = 8  # of a pipe's content each; then everyone else's turn

_IDLE, _HEAD, _COUNTED, _CHUNKED, _UNTIL_CLOSE = range(5)


class ResponseSink(Protocol):
    """Who gets the response; the exchange."""

    method: bytes
    is_request_complete: bool

    def response_head(self, head: ResponseHead, is_chunked: bool, length: int, data: bytes, is_last: bool) -> None: ...
    def response_data(self, data: bytes, is_last: bool) -> None: ...
    def move_body(self, source: asyncio.Transport, most: int) -> tuple[int, bytes]: ...
    def response_end(self) -> None: ...
    def may_switch(self, head: ResponseHead) -> bool: ...
    def switched(self, head: ResponseHead, transport: asyncio.Transport, data: bytes) -> None: ...
    def attempt_failed(self, kind: FailureKind, detail: str) -> None: ...
    def response_cut(self, detail: str) -> None: ...
    def upstream_paused(self) -> None: ...
    def upstream_resumed(self) -> None: ...


class UpstreamConnection(asyncio.Protocol):
    __slots__ = (
        "buffer",
        "decoder",
        "idle_since",
        "interim_of",
        "is_paused",
        "known_head",
        "known_raw",
        "left",
        "phase",
        "pool",
        "requests",
        "reusable",
        "sink",
        "transport",
        "unsent",
    )

    def __init__(self, pool: Pool) -> None:
        # connection
        self.pool = pool
        self.transport: asyncio.Transport | None = None
        self.requests = 0
        self.interim_of = 0  # the number of the request that last had a 1xx answer
        self.idle_since = 0.0
        self.known_raw = b""  # the previous response's head, to recognise an equal one by a comparison of bytes
        self.known_head: ResponseHead | None = None
        # exchange
        self.sink: ResponseSink | None = None
        self.phase = _IDLE
        self.buffer = b""
        self.left = 0
        self.decoder: ChunkedDecoder | None = None
        self.reusable = False
        self.is_paused = False  # we asked the transport not to read
        self.unsent = 0  # bytes that waited for a slow target when last looked; 0 unless the transport is paused

    def __repr__(self) -> str:
        return f"<UpstreamConnection {self.pool.address} requests={self.requests} phase={self.phase}>"

    # -- what the exchange does -------------------------------------------------

    def start(self, sink: ResponseSink, request: bytes) -> None:
        self.sink = sink
        self.phase = _HEAD
        self.requests += 1
        self.transport.write(request)

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_reading(self) -> None:
        if not self.is_paused:
            self.is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.is_paused:
            self.is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def abandon(self) -> None:
        """The exchange is over before its response is: nothing on this connection can be trusted any more."""
        self.sink = None
        self.phase = _IDLE
        self.transport.abort()

    @property
    def is_leaving(self) -> bool:
        return self.sink is None and self.transport.is_closing()

    @property
    def is_clogged(self) -> bool:
        """The target takes the request slower than it comes."""
        return self.unsent > 0

    def took_some(self) -> bool:
        """Whether the target took anything of what waits for it since this was last asked: slow is not dead."""
        before, self.unsent = self.unsent, self.transport.get_write_buffer_size()
        return self.unsent != before

    # -- transport callbacks ----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase == _HEAD:
            known = self.known_raw
            if known and not self.buffer and data.startswith(known):
                self._body_follows(self.known_head, data[len(known) :])
            else:
                self._head_bytes(self.buffer + data if self.buffer else data)
        elif phase == _COUNTED:
            self._counted(data)
        elif phase == _CHUNKED:
            self._chunked(data)
        elif phase == _UNTIL_CLOSE:
            self.sink.response_data(data, False)
        else:
            self.transport.abort()

    def eof_received(self) -> None:
        if self.phase == _UNTIL_CLOSE:
            self.sink.response_data(b"", True)
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self.pool.forget(self)
        sink, self.sink = self.sink, None
        if sink is None:
            return
        detail = str(error) if error else "closed by the target"
        if self.phase == _HEAD:
            sink.attempt_failed(self._kind_of_loss(error), detail)
        else:
            sink.response_cut(detail)

    def _kind_of_loss(self, error: Exception | None) -> FailureKind:
        """While an answer was awaited. Refused: a fast open, where connecting and sending are one; nothing was read."""
        if isinstance(error, ConnectionRefusedError):
            return FailureKind.CONNECT
        is_unanswered = not self.buffer and self.interim_of != self.requests
        return FailureKind.STALE if self.requests > 1 and is_unanswered else FailureKind.RESET

    def pause_writing(self) -> None:
        self.unsent = self.transport.get_write_buffer_size()
        if self.sink is not None:
            self.sink.upstream_paused()

    def resume_writing(self) -> None:
        self.unsent = 0
        if self.sink is not None:
            self.sink.upstream_resumed()

    # -- the response -----------------------------------------------------------

    def _head_bytes(self, data: bytes) -> None:
        at = 0
        while 0 <= (end := data.find(b"\r\n\r\n", at)) <= at + MAX_HEAD:
            line_end = data.find(b"\r\n", at)
            try:
                head = parse_head(data[at:line_end], data[line_end + 2 : end])
            except BadMessage as problem:
                self._bad(problem.reason)
                return
            begin, at = at, end + 4
            if head.status >= 200:
                self.buffer = b""
                self.known_raw = data[begin:at]
                self.known_head = head
                self._body_follows(head, data[at:])
                return
            if head.status == 101:
                self._switch(head, data[at:])
                return
            self.interim_of = self.requests  # dropped: the gateway has sent its own 100 where one was due
        self.buffer = data[at:]
        if len(self.buffer) > MAX_HEAD:
            self._bad("response head too large")

    def _switch(self, head: ResponseHead, rest: bytes) -> None:
        """The target leaves HTTP, and its transport this object: what comes is the sink's, from ``rest`` on."""
        if not self.sink.may_switch(head):
            self._bad("switched protocols without being asked")
            return
        sink, self.sink = self.sink, None
        self.phase = _IDLE
        self.pool.forget(self)
        sink.switched(head, self.transport, rest)

    def _body_follows(self, head: ResponseHead, rest: bytes) -> None:
        """RFC 9112 §6.3, in its order. The head goes on together with what is here of the body: one write, not two."""
        block = head.block
        # An answer to half a request: the target may not read the other half.
        self.reusable = head.keeps_connection and self.sink.is_request_complete
        if self.sink.method == b"HEAD" or head.status == 204 or head.status == 304:
            self._no_body(head, rest)
        elif block.chunked:
            self._chunked_body(head, rest)
        elif block.length >= 0:
            self.phase = _COUNTED
            length = block.length
            self.left = left = length - len(rest)
            if left < 0:
                rest = rest[:length]
                self.reusable = False
            self.sink.response_head(head, False, length, rest, left <= 0)
            if left <= 0:
                self._end()
            elif len(rest) >= LONG_READ:
                self._move()
        else:
            self.phase = _UNTIL_CLOSE
            self.reusable = False
            self.sink.response_head(head, False, -1, rest, False)

    def _no_body(self, head: ResponseHead, rest: bytes) -> None:
        self.phase = _COUNTED
        self.left = 0
        self.reusable = self.reusable and not rest
        self.sink.response_head(head, head.block.chunked, head.block.length, b"", True)
        self._end()

    def _chunked_body(self, head: ResponseHead, rest: bytes) -> None:
        self.phase = _CHUNKED
        self.decoder = ChunkedDecoder()
        try:
            pieces = self.decoder.feed_all(rest) if rest else []
        except BadMessage as problem:
            self._bad(problem.reason)
            return
        is_last = self.decoder.is_done
        self.sink.response_head(head, True, -1, b"".join(pieces), is_last)
        if is_last:
            self._chunks_done()

    def _counted(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left > 0:
            self.sink.response_data(data, False)
            if len(data) >= LONG_READ:
                self._move()
            return
        if self.left < 0:
            data = data[: self.left]
            self.reusable = False
        self.sink.response_data(data, True)
        self._end()

    def _move(self) -> None:
        """What is here of the body goes to the client unread, as long as the client takes all of it at once."""
        for _ in range(MOVES_AT_ONCE):
            if self.sink is None or self.is_paused:
                return
            count, untaken = self.sink.move_body(self.transport, self.left)
            if not count:
                return
            self.left -= count
            self.sink.response_data(untaken, self.left == 0)
            if self.left == 0:
                # Surplus bytes: to be noticed before the next request, whose answer they would be taken for.
                self.reusable = self.reusable and not has_unread(self.transport)
                self._end()
                return

    def _chunked(self, data: bytes) -> None:
        decoder = self.decoder
        try:
            pieces = decoder.feed_all(data)
        except BadMessage as problem:
            sink, self.sink = self.sink, None
            sink.response_cut(problem.reason)
            self.transport.abort()
            return
        if pieces or decoder.is_done:
            self.sink.response_data(b"".join(pieces), decoder.is_done)
        if decoder.is_done:
            self._chunks_done()

    def _chunks_done(self) -> None:
        self.reusable = self.reusable and not self.decoder.rest
        self._end()

    def _end(self) -> None:
        """The response is complete. Back to the pool first, so that the next request can use the connection."""
        sink, self.sink = self.sink, None
        if sink is None:
            return  # a callback on the way here gave the exchange up
        self.phase = _IDLE
        self.decoder = None
        if self.reusable and not self.unsent:
            if self.is_paused:
                self.resume_reading()
            self.pool.give_back(self)
        elif sink.is_request_complete:
            self.pool.dismiss(self)
        else:
            self.transport.abort()  # what waits to be sent is half a request
        sink.response_end()

    def _bad(self, reason: str) -> None:
        sink, self.sink = self.sink, None
        self.transport.abort()
        sink.attempt_failed(FailureKind.BAD_RESPONSE, reason)
