"""One client's connection: heads in, responses out, one exchange after the other.

    WAITING ──first byte──► HEAD ──whole head──► BODY ──last byte──► ANSWERING ──response sent──► WAITING
                                        └─(no body)──────────────────────┘
    any ──ambiguous bytes──► refused: answered once, then LINGERING until the client has read it, then closed

Pipelined requests wait in ``held`` and are served in order. Timeouts are one number, ``deadline``, that the engine's
sweep compares with the clock a few times a second: a timer per request would cost more than routing it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from proxy_engine.errors import BadMessage
from proxy_engine.http.chunked import LAST_CHUNK, ChunkedDecoder, encode
from proxy_engine.http.request import MAX_HEAD, MAX_REQUEST_LINE, RequestHead, parse_head
from proxy_engine.proxy.exchange import IDLE, STREAMING, Exchange
from proxy_engine.proxy.forward import Peer
from proxy_engine.proxy.prepare import Refusal

from . import answers

if TYPE_CHECKING:
    from proxy_engine.engine import Engine

WRITE_HIGH_WATER = 256 * 1024  # bytes waiting for a slow client before its target is paused
FIRST_REQUEST_S = 1.0  # how long a draining engine waits for the request of a connection that was just opened
MAX_HELD = 65_536  # bytes of pipelined requests before reading pauses

WAITING, HEAD, BODY, ANSWERING, LINGERING, CLOSED = range(6)

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s


class ClientConnection(asyncio.Protocol):
    __slots__ = (
        "deadline",
        "decoder",
        "engine",
        "exchange",
        "has_ended",
        "head",
        "held",
        "is_reading_paused",
        "is_writing_paused",
        "keeps",
        "known",
        "left",
        "peer",
        "phase",
        "scheme",
        "served",
        "transport",
        "unsent",
    )

    def __init__(self, engine: Engine, scheme: str) -> None:
        # process
        self.engine = engine
        self.scheme = scheme
        # connection
        self.transport: asyncio.Transport | None = None
        self.peer: Peer | None = None
        self.exchange: Exchange | None = None
        self.known = b""  # the previous request, if it came alone without a body; empty while anything is held
        self.phase = WAITING
        self.held = b""  # an unfinished head, or requests that came before their turn
        self.deadline = 0.0  # event-loop time
        self.served = 0
        self.has_ended = False  # the client closed its side: what is held is all there will be
        self.is_reading_paused = False
        self.is_writing_paused = False
        self.unsent = 0  # bytes that waited for the client when writing was paused, or when a deadline last looked
        # exchange
        self.keeps = True  # whether another request may follow
        self.head: RequestHead | None = None  # stays after the end: the next request's fields are often the same
        self.left = 0  # bytes of a counted body still to come
        self.decoder: ChunkedDecoder | None = None

    def __repr__(self) -> str:
        return f"<ClientConnection phase={self.phase} served={self.served}>"

    @property
    def is_busy(self) -> bool:
        return self.phase in (BODY, ANSWERING)

    # -- transport callbacks ----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        peername = transport.get_extra_info("peername")
        if peername is None:  # reset before it was accepted
            transport.abort()
            return
        address = peername[0]
        port = transport.get_extra_info("sockname")[1]
        self.peer = Peer(address, scheme=self.scheme, port=port, is_trusted=self.engine.trusts(address))
        self.deadline = self.engine.now + self.engine.limits.keep_alive_s
        self.engine.welcome(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.phase = CLOSED
        self.engine.farewell(self)
        if self.exchange is not None:
            self.exchange.abandon()
            self.exchange = None  # it refers back to us: after gc.freeze() nobody would find the two

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase == WAITING and data == self.known and not self.is_writing_paused:
            self._repeat()
        elif phase <= HEAD:  # WAITING or HEAD
            if self.is_writing_paused:
                self._hold(data)
            else:
                self._head_bytes(self.held + data if self.held else data)
        elif phase == BODY:
            self._body_bytes(data)
        elif phase == ANSWERING:
            self._hold(data)

    def _hold(self, data: bytes) -> None:
        self.known = b""
        self.held += data
        if len(self.held) > MAX_HELD:
            self.pause_reading()

    def eof_received(self) -> bool:
        """A client that closes its side after whole requests still gets the answers."""
        if self.phase == ANSWERING or (self.phase == WAITING and self.held):
            self.has_ended = True
            self.keeps = self.keeps and bool(self.held)
            return True
        return False

    def pause_writing(self) -> None:
        self.is_writing_paused = True
        self.unsent = self.transport.get_write_buffer_size()
        if self.exchange is not None and self.phase in (BODY, ANSWERING):
            self.exchange.client_paused()

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        if self.phase in (BODY, ANSWERING):
            self.exchange.client_resumed()
        elif self.phase == WAITING and self.held:
            self._next_request()

    # -- requests ---------------------------------------------------------------

    def _head_bytes(self, data: bytes) -> None:
        end, line_end = data.find(b"\r\n\r\n"), data.find(b"\r\n")
        if end < 0 or end > MAX_HEAD or line_end > MAX_REQUEST_LINE:
            self._unfinished_head(data, line_end)
            return
        if line_end == 0:  # RFC 9112 §2.2: one empty line before a request is forgiven
            self.held = b""
            self._head_bytes(data[2:]) if not data.startswith(b"\r\n\r\n") else self._refuse_head(400)
            return
        known = self.head.block if self.head is not None else None
        try:
            head = parse_head(data[:line_end], data[line_end + 2 : end], known)
        except BadMessage as problem:
            self._refuse_head(problem.status)
            return
        self.held = b""
        self._begin(head, data, end + 4)

    def _unfinished_head(self, data: bytes, line_end: int) -> None:
        if len(data) > MAX_REQUEST_LINE and not 0 <= line_end <= MAX_REQUEST_LINE:
            self._refuse_head(414)
        elif len(data) > MAX_HEAD:
            self._refuse_head(431)
        elif self.has_ended:
            self.transport.close()
        else:
            self.held = data
            if self.phase == WAITING:
                self.phase = HEAD
                self.deadline = self.engine.now + self.engine.limits.head_s

    def _begin(self, head: RequestHead, data: bytes, body_at: int) -> None:
        engine, block = self.engine, head.block
        self.head = head
        self.served += 1
        self.keeps = (
            (block.keep_alive if head.is_http10 else True)
            and not block.close
            and not engine.is_draining
            and self.served < engine.limits.requests_per_connection
        )
        exchange = self.exchange
        if exchange is None:
            exchange = self.exchange = Exchange(self)
        if block.length <= 0 and not block.chunked:
            self.phase = ANSWERING
            if len(data) == body_at:
                self.keeps = self.keeps and not self.has_ended
                self.known = data if self.keeps else b""
            else:
                self.known = b""
                self.held = data[body_at:]
            exchange.begin(head, b"", True)
        else:
            self._begin_with_body(head, data[body_at:])

    def _repeat(self) -> None:
        """The bytes of the previous request once more, as clients often send them: what was made of them holds."""
        self.served += 1
        if self.engine.is_draining or self.served >= self.engine.limits.requests_per_connection:
            self.keeps = False
        self.phase = ANSWERING
        self.exchange.repeat()

    def _begin_with_body(self, head: RequestHead, rest: bytes) -> None:
        block = head.block
        self.phase = BODY
        self.known = b""
        self.left = block.length
        self.decoder = ChunkedDecoder() if block.chunked else None
        try:
            body, is_complete = self._frame_body(rest)
        except BadMessage as problem:
            self.refuse(problem.status, None)
            return
        if self.has_ended and not is_complete:
            self.transport.close()
            return
        self.exchange.begin(head, body, is_complete)
        is_awaited = self.phase == BODY and self.exchange.phase != IDLE
        if block.expects and is_awaited and not rest and not head.is_http10:
            self.transport.write(_CONTINUE)

    def _body_bytes(self, data: bytes) -> None:
        try:
            body, is_complete = self._frame_body(data)
        except BadMessage as problem:
            self._bad_body(problem)
            return
        self.exchange.request_body(body, is_complete)

    def _bad_body(self, problem: BadMessage) -> None:
        is_streaming = self.exchange.phase == STREAMING
        self.exchange.abandon()
        if is_streaming:
            self.cut()
        else:
            self.refuse(problem.status, None)

    def _frame_body(self, data: bytes) -> tuple[bytes, bool]:
        """Body bytes as the target gets them. What lies behind the body's end is kept for the next request."""
        if self.decoder is not None:
            pieces = self.decoder.feed(data)
            is_complete = self.decoder.is_done
            rest = self.decoder.rest
            body = encode(pieces) + LAST_CHUNK if is_complete else encode(pieces)
        else:
            body, rest = (data, b"") if len(data) <= self.left else (data[: self.left], data[self.left :])
            self.left -= len(body)
            is_complete = self.left == 0
        if is_complete:
            self.phase = ANSWERING
            self.keeps = self.keeps and not (self.has_ended and not rest)
            self.held = rest
            self.decoder = None
        return body, is_complete

    # -- responses --------------------------------------------------------------

    def refuse_or_answer(self, refusal: Refusal) -> None:
        if refusal.is_ambiguous:
            self.refuse(refusal.status, refusal.message)
        elif refusal.location:
            self._redirect(refusal)
        else:
            self.answer(refusal.status, refusal.message, refusal.extra)

    def answer(self, status: int, message: str | None, extra: bytes = b"") -> None:
        """A response of the gateway's own. The connection goes on if the request was read to its end."""
        if self.phase != ANSWERING:
            self.refuse(status, message, extra)
            return
        self.engine.counters.own_answers[status] += 1
        self.transport.write(answers.error(self.head, status, message, extra, close=not self.keeps))
        self.response_sent(True)

    def refuse(self, status: int, message: str | None, extra: bytes = b"") -> None:
        """A response of the gateway's own, then the end: what the client sends further is read and dropped."""
        self.engine.counters.own_answers[status] += 1
        self.keeps = False
        self.held = b""
        self.transport.write(answers.error(self.head, status, message, extra, close=True))
        self._linger()

    def _refuse_head(self, status: int) -> None:
        self.head = None  # what the request before said about its answer does not hold for this one
        self.refuse(status, None)

    def _redirect(self, refusal: Refusal) -> None:
        is_complete = self.phase == ANSWERING
        self.keeps = self.keeps and is_complete
        self.engine.counters.own_answers[refusal.status] += 1
        self.transport.write(answers.redirect(refusal.status, refusal.location, close=not self.keeps))
        self.response_sent(is_complete)

    def response_sent(self, is_request_complete: bool) -> None:
        if is_request_complete and self.keeps:
            self.phase = WAITING
            self.deadline = self.engine.now + self.engine.limits.keep_alive_s
            if self.is_reading_paused:
                self.resume_reading()
            if self.held and not self.is_writing_paused:
                # Not from here: a client that pipelines thousands of requests would nest as deep.
                self.engine.loop.call_soon(self._next_request)
        elif is_request_complete and not self.held and not self.is_reading_paused:
            self.phase = CLOSED
            self.deadline = self.engine.now + self.engine.limits.send_idle_s
            self.transport.close()
        else:
            self._linger()

    def _next_request(self) -> None:
        if self.phase == WAITING and self.held and not self.is_writing_paused:
            data, self.held = self.held, b""
            self._head_bytes(data)

    def cut(self) -> None:
        """End a response that cannot be completed so that nobody takes it for whole: a reset, not an orderly close.

        A body without length or chunks, as HTTP/1.0 has it, would look complete otherwise.
        """
        self.phase = CLOSED
        if not self.transport.is_closing():
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def _linger(self) -> None:
        """Close our side only: closing while data is unread would reset the connection and destroy the answer."""
        self.phase = LINGERING
        self.held = b""
        self.resume_reading()
        self.deadline = self.engine.now + self.engine.limits.linger_s
        if self.has_ended or self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()

    # -- flow and time ----------------------------------------------------------

    def pause_reading(self) -> None:
        if not self.is_reading_paused:
            self.is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.is_reading_paused:
            self.is_reading_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def deadline_passed(self) -> None:
        is_busy = self.phase in (HEAD, BODY, ANSWERING)
        if (self.is_writing_paused or not is_busy) and self._took_some():
            self.deadline = self.engine.now + self.engine.limits.send_idle_s
        elif self.phase == HEAD:
            self._refuse_head(408)
        elif is_busy:
            self.exchange.timed_out()
        elif self.unsent:
            self.cut()
        elif self.phase == WAITING:
            self.transport.close()
        else:
            self.transport.abort()

    def _took_some(self) -> bool:
        """Whether the client took anything of what waits for it since this was last asked: slow is not dead."""
        before, self.unsent = self.unsent, self.transport.get_write_buffer_size()
        return self.unsent not in (0, before)

    def rest(self) -> None:
        """Idle for a while: let go of what only speeds up a next request."""
        if self.phase == WAITING and self.head is not None:
            self.known = b""
            self.head = self.exchange = None

    def drain(self) -> None:
        """The engine stops: idle connections close now, busy ones after their response."""
        self.keeps = False
        if self.phase == WAITING and not self.held:
            if self.served:
                self.transport.close()
            else:  # just opened: its request is likely to be on the way
                self.deadline = min(self.deadline, self.engine.now + FIRST_REQUEST_S)
