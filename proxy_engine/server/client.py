"""One client's connection: heads in, responses out, one exchange after the other.

    WAITING ──first byte──► HEAD ──whole head──► BODY ──last byte──► ANSWERING ──response sent──► WAITING
                                        └─(no body)──────────────────────┘
    any ──ambiguous bytes──► refused: answered once, then LINGERING until the client has read it, then closed

Pipelined requests wait in ``held`` and are served in order. Timeouts are one number, ``deadline``, that the engine's
sweep compares with the clock a few times a second: a timer per request would cost more than routing it.
"""

from __future__ import annotations

import asyncio

from proxy_engine.errors import BadMessage
from proxy_engine.http.request import RequestHead, read_head
from proxy_engine.net.unsent import unsent_bytes
from proxy_engine.proxy.course import Course
from proxy_engine.proxy.exchange import IDLE, STREAMING, Exchange
from proxy_engine.proxy.forward import Peer
from proxy_engine.proxy.prepare import Refusal
from proxy_engine.telemetry.access_log import CUT

from . import door
from .answers import Answer
from .body import Body, ChunkedBody, CountedBody
from .flow import ANSWERING, BODY, CLOSED, HEAD, WAITING, ClientFlow

WRITE_HIGH_WATER = 256 * 1024  # bytes waiting for a slow client before its target is paused
MAX_HELD = 65_536  # bytes of pipelined requests before reading pauses

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ClientConnection(ClientFlow):
    __slots__ = ()

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
        engine, is_trusted = self.engine, self.engine.trusts(address)
        self.peer = Peer(address, scheme=self.scheme, port=port, is_trusted=is_trusted)
        self.deadline = engine.now + engine.limits.first_byte_s
        place = engine.door.enter(address, len(engine.clients), is_trusted=is_trusted)
        if type(place) is bytes:
            self.place = place
            engine.welcome(self)
        else:
            self._turn_away(place)

    def _turn_away(self, turned: door.Turned) -> None:
        status, message = turned
        if turned is door.TOO_MANY_OF_ONE:
            self.engine.welcome(self)
            self.refuse(status, message)
        else:  # as many as there may be: this one is not to stay, not even to read its answer
            self.phase = CLOSED
            self.transport.write(Answer(self).error(status, message, b"", close=True))
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.phase = CLOSED
        self.engine.farewell(self)
        if self.exchange is not None:
            self.exchange.client_left()
            self.exchange = None  # it refers back to us: after gc.freeze() nobody would find the two

    def data_received(self, data: bytes) -> None:
        phase = self.phase
        if phase == WAITING and data == self.known:
            self._repeat(b"")
        elif phase == WAITING and len(data) == self.known_size and data.startswith(self.known_head):
            self._repeat(data[len(self.known_head) :])
        elif phase <= HEAD:  # WAITING or HEAD
            if self.is_writing_paused:
                self._hold(data)
            elif self.held:
                self._head_bytes(self.held + data)
            else:
                exchange = self.exchange
                course = exchange.course if exchange is not None else None
                if course is not None and (end := course.takes(data, self.engine.runtime)):
                    self.head = course.head
                    self._remember(data, end)
                    self._repeat(data[end:], course)
                else:
                    self._head_bytes(data)
        elif phase == BODY:
            self._body_bytes(data)
        elif phase == ANSWERING:
            self._hold(data)

    def _hold(self, data: bytes) -> None:
        """What came before its turn. Nothing more is read until it is little enough."""
        self._forget()
        self.held += data
        if len(self.held) > MAX_HELD:
            self.pause_reading()

    def eof_received(self) -> bool:
        """A client that closes its side after whole requests still gets the answers: TCP cannot tell it from one that
        closed for good, and RFC 9112 §9.6 lets it half-close. One that then resets has gone; the engine looks for it.
        """
        if self.phase == ANSWERING or (self.phase == WAITING and self.held):
            self.has_ended = True
            self.engine.half_closed.add(self)
            self.keeps = self.keeps and bool(self.held)
            return True
        return False

    def pause_writing(self) -> None:
        self.is_writing_paused = True
        self._forget()  # what comes now is held
        self.unsent = unsent_bytes(self.transport)
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
        limits = self.engine.limits
        line_end = data.find(b"\r\n")
        known, middle = None, None
        if self.head is not None:  # a head like the last one, if the request came alone and whole, ends like it
            known = self.head.block
            end = len(data) - known.body_bytes
            if 0 < line_end <= limits.request_line_bytes and end <= limits.head_bytes:
                middle = known.middle_of(data, line_end, end)
        if middle is None:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4 or end - 4 > limits.head_bytes or line_end > limits.request_line_bytes:
                self._unfinished_head(data, line_end)
                return
            if line_end == 0:  # RFC 9112 §2.2: one empty line before a request is forgiven
                self.held = b""
                self._head_bytes(data[2:]) if not data.startswith(b"\r\n\r\n") else self._refuse_head(400)
                return
            if known is not None and end != len(data) - known.body_bytes:
                middle = known.middle_of(data, line_end, end)
        try:
            head = read_head(data, line_end, end, known, middle, limits)
        except BadMessage as problem:
            self._refuse_head(problem.status, problem.reason)
            return
        self.held = b""
        self._begin(head, data, end)

    def _unfinished_head(self, data: bytes, line_end: int) -> None:
        limits = self.engine.limits
        if len(data) > limits.request_line_bytes and not 0 <= line_end <= limits.request_line_bytes:
            self._refuse_head(414)
        elif len(data) > limits.head_bytes:
            self._refuse_head(431)
        elif self.has_ended:
            self.transport.close()
        else:
            self.held = data
            self.resume_reading()  # only more of it makes it less
            if self.phase == WAITING:
                self.phase = HEAD
                self.deadline = self.engine.now + limits.head_s

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
                self._remember(data, body_at)
            else:
                self._hold(data[body_at:])
            exchange.begin(head, b"", True)
        else:
            self._begin_with_body(head, data, body_at)

    def _remember(self, data: bytes, body_at: int) -> None:
        """A request that came alone and whole. Where it has a body, the size tells that of the next one, too, all is
        there, and nothing behind it."""
        self.keeps = self.keeps and not self.has_ended
        if not self.keeps or self.is_writing_paused:
            self._forget()
        elif len(data) == body_at:
            self.known, self.known_size = data, -1
        else:
            self.known, self.known_head, self.known_size = b"", data[:body_at], len(data)

    def _forget(self) -> None:
        self.known, self.known_size = b"", -1

    def _repeat(self, body: bytes, course: Course | None = None) -> None:
        """The head of the previous request once more, as clients often send it: what was made of it holds. Or one that
        goes the way of those before it: then ``course`` has taken it."""
        self.served += 1
        if self.engine.is_draining or self.served >= self.engine.limits.requests_per_connection:
            self.keeps = False
        self.phase = ANSWERING
        if course is None:
            self.exchange.repeat(body)
        else:
            self.exchange.follow(course, body)

    def _begin_with_body(self, head: RequestHead, data: bytes, body_at: int) -> None:
        block, limits, rest = head.block, self.engine.limits, data[body_at:]
        self.phase = BODY
        self._forget()
        if 0 < limits.body_bytes < block.length:
            self.refuse(413, None, reason=f"a body of {block.length} bytes")
            return
        if len(rest) == block.length:  # all of it, as most come
            self._body_ends(b"")
            self._remember(data, body_at)
            self.exchange.begin(head, rest, True)
            return
        self.body = body = ChunkedBody(limits) if block.chunked else CountedBody(block.length)
        try:
            part = self._feed(body, rest)
        except BadMessage as problem:
            self.refuse(problem.status, None, reason=problem.reason)
            return
        if self._breaks_off():
            self.transport.close()
            return
        self.exchange.begin(head, part, body.is_complete)
        is_awaited = self.phase == BODY and self.exchange.phase != IDLE
        if block.expects and is_awaited and not rest and not head.is_http10:
            self.transport.write(_CONTINUE)

    def _body_bytes(self, data: bytes) -> None:
        body = self.body
        try:
            part = self._feed(body, data)
        except BadMessage as problem:
            self._bad_body(problem)
            return
        self.exchange.request_body(part, body.is_complete)

    def _feed(self, body: Body, data: bytes) -> bytes:
        """Body bytes as the target gets them. What lies behind the body's end is kept for the next request."""
        part = body.feed(data)
        if body.is_complete:
            self._body_ends(body.rest)
        elif body.has_more:  # everyone else's turn first
            self.pause_reading()
            self.engine.loop.call_soon(self._go_on)
        return part

    def _body_ends(self, rest: bytes) -> None:
        self.phase = ANSWERING
        self.keeps = self.keeps and not (self.has_ended and not rest)
        self.body = None
        if rest:
            self._hold(rest)

    def _go_on(self) -> None:
        """With the chunks that there was no turn for."""
        if self.phase == BODY and self.body.has_more:
            self._body_bytes(b"")
            if self._breaks_off():
                self.transport.close()
            elif self.phase in (BODY, ANSWERING) and not self._is_held_back():
                self.resume_reading()

    def _breaks_off(self) -> bool:
        """Whether the client closed its side in the middle of this body."""
        return self.has_ended and self.phase == BODY and not self.body.has_more

    def _is_held_back(self) -> bool:
        """Whether the target must take some of this body, or requests that wait be served, before more may be read."""
        if self.phase == ANSWERING:
            return len(self.held) > MAX_HELD
        upstream, limits = self.exchange.upstream, self.engine.limits
        return upstream.is_clogged if upstream is not None else len(self.exchange.body) > limits.replay_bytes

    def _bad_body(self, problem: BadMessage) -> None:
        if self.exchange.phase == STREAMING:
            self.exchange.note(CUT, problem.reason)
            self.exchange.abandon()
            self.cut()
        else:
            self.exchange.abandon()
            self.refuse(problem.status, None, reason=problem.reason)

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
        self.transport.write(Answer(self).error(status, message, extra, close=not self.keeps))
        self.response_sent(True)

    def refuse(self, status: int, message: str | None, extra: bytes = b"", reason: str = "") -> None:
        """A response of the gateway's own, then the end: what the client sends further is read and dropped."""
        self.keeps = False
        self.held = b""
        self.transport.write(Answer(self).error(status, message, extra, close=True, reason=reason))
        self._linger()

    def _refuse_head(self, status: int, reason: str = "") -> None:
        self.head = None  # what the request before said about its answer does not hold for this one
        self.refuse(status, None, reason=reason)

    def _redirect(self, refusal: Refusal) -> None:
        is_complete = self.phase == ANSWERING
        self.keeps = self.keeps and is_complete
        self.transport.write(Answer(self).redirect(refusal.status, refusal.location, close=not self.keeps))
        self.response_sent(is_complete)

    def response_sent(self, is_request_complete: bool) -> None:
        if is_request_complete and self.keeps:
            self.phase = WAITING
            self.deadline = self.engine.now + self.engine.limits.keep_alive_s
            if self.is_reading_paused and len(self.held) <= MAX_HELD:
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
