"""One request and its response: what the client sends goes to a target, what the target answers to the client.

Each client connection has one ``Exchange``, used again for every request: the common case makes no Task, no Future, no
timer and no object beyond the parsed heads. Everything runs in transport callbacks:

    begin → pick a target → pooled connection, or open one → write head + body → response → end

What lies between ``begin`` and the response, failures included, is in ``Attempts``. After the first byte of a response
went out, a failure can only cut it (``response_cut``).
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxy_engine.errors import FailureKind
from proxy_engine.http.chunked import LAST_CHUNK, encode
from proxy_engine.http.request import RequestHead
from proxy_engine.http.response import ResponseHead
from proxy_engine.http.trailers import last_chunk
from proxy_engine.proxy.attempts import AWAITING, BACKING_OFF, CONNECTING, IDLE, SENDING, STREAMING, Attempts
from proxy_engine.proxy.course import Course
from proxy_engine.proxy.prepare import Forward, Refusal, prepare
from proxy_engine.proxy.tunnel import Tunnel
from proxy_engine.telemetry.access_log import CLIENT_LEFT, CUT

if TYPE_CHECKING:
    import asyncio


class Exchange(Attempts):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Exchange phase={self.phase} target={self.state}>"

    # -- from the client --------------------------------------------------------

    def begin(self, head: RequestHead, body: bytes, is_complete: bool) -> None:
        """``body``: what came along with the head, framed for the target."""
        self.head = head
        self.method = head.method
        before, outcome = self.forward, prepare(self.engine.runtime, self.client.peer, head)
        if type(outcome) is Refusal:
            self.forward = None
            self._open_account(len(body))
            self.client.refuse_or_answer(outcome)
            return
        self.forward = outcome
        if before is not None and outcome.goes_as(before):
            self._set_course(outcome)
        self._first_attempt(body, is_complete)

    def _set_course(self, forward: Forward) -> None:
        """For what comes after two that went the same way. One that took neither is of no use, and not made again."""
        if self.course is None or not forward.goes_as(self.course):
            self.course = Course(forward, self.client.peer)

    def follow(self, course: Course, body: bytes) -> None:
        """A request that its course has taken, and the whole of its body."""
        self.head = head = course.head
        self.method = head.method
        self.forward = course
        self._first_attempt(body, True)

    def repeat(self, body: bytes) -> None:
        """The same head as before, and the whole of its body."""
        forward = self.forward
        if forward is None or forward.runtime is not self.engine.runtime:
            self.begin(self.client.head, body, True)
            return
        if forward.known is None:
            forward.known = {}
        self._first_attempt(body, True)

    def request_body(self, data: bytes, is_complete: bool) -> None:
        """More of the body, framed for the target."""
        self.is_request_complete = is_complete
        self.received_bytes += len(data)
        if is_complete and self.forward.plan.total_s:
            self.start_total_time()
        if self.body_at_hand:
            self.body += data
        if self.upstream is None:
            if not is_complete and len(self.body) > self.engine.limits.replay_bytes:
                self.client.pause_reading()
            return
        if data:
            self.upstream.write(data)
        self._forget_long_body()
        self._await_progress()

    # -- from the target --------------------------------------------------------

    def response_head(self, head: ResponseHead, is_chunked: bool, length: int, data: bytes, is_last: bool) -> None:
        client, lines = self.client, self.engine.response_lines
        forward = self.forward
        plan = forward.plan
        if plan.repeated_statuses and head.status in plan.repeated_statuses and self._passes_over(head.status, is_last):
            return
        self.phase = STREAMING
        self.answered_at = now = monotonic()
        self.ended_at = now if is_last else 0.0
        self.status = head.status
        self.sent_bytes = len(data)
        if not self.is_request_complete:
            client.keeps = False
        if not is_last:
            self.body, self.body_at_hand = b"", False
            client.deadline = self.engine.now + plan.read_s
        if length >= 0 and not is_chunked and not self.cookie and not forward.head.is_http10:
            tail = self.id_line if lines.is_plain else lines.tail(self)
            if not client.keeps:
                tail = b"Connection: close\r\n" + tail
            client.transport.write((head.rendered or lines.usual_head(head)) + tail + data)
        else:
            self._unusual_head(head, is_chunked, length, data, is_last)

    def _unusual_head(self, head: ResponseHead, is_chunked: bool, length: int, data: bytes, is_last: bool) -> None:
        framing = self._framing(head, is_chunked, length)
        connection = b""
        if not self.client.keeps:
            connection = b"Connection: close\r\n"
        elif self.forward.head.is_http10:
            connection = b"Connection: keep-alive\r\n"
        if self.as_chunks:
            data = encode([data]) + self._last_chunk() if is_last else encode([data])
        lines = self.engine.response_lines
        self.client.transport.write(
            b"".join((lines.lines(head), self.cookie, framing, connection, lines.tail(self), data))
        )

    def _framing(self, head: ResponseHead, is_chunked: bool, length: int) -> bytes:
        """How the client finds the end of the body. Chunks are ours, whatever the target used; HTTP/1.0 knows none."""
        if head.status == 204:
            return b""
        if length >= 0 and not is_chunked:
            return b"Content-Length: %d\r\n" % length
        if self.forward.head.method == b"HEAD" or head.status == 304:
            return b""
        if self.forward.head.is_http10:
            self.client.keeps = False
            return b""
        self.as_chunks = True
        return b"Transfer-Encoding: chunked\r\n"

    def _last_chunk(self) -> bytes:
        """With the trailer fields of the target, for a client that takes them."""
        decoder = self.upstream.decoder
        if decoder is None or not decoder.trailers or not self.forward.head.block.takes_trailers:
            return LAST_CHUNK
        return last_chunk(decoder.trailers)

    def response_data(self, data: bytes, is_last: bool) -> None:
        self.sent_bytes += len(data)
        if self.as_chunks:
            data = encode([data]) + self._last_chunk() if is_last else encode([data])
        client = self.client
        if not client.is_writing_paused:  # before the write, which may pause it
            client.deadline = self.engine.now + self.forward.plan.read_s
        if data:
            client.transport.write(data)

    def move_body(self, source: asyncio.Transport, most: int) -> tuple[int, bytes]:
        """Of a counted body, what is in ``source``'s socket, as ``Splice.move`` does it; what the client did not take
        is to come as ``response_data``."""
        to = self.client.transport
        if to.get_write_buffer_size():
            return 0, b""
        count, untaken = self.engine.splice.move(source, to, most)
        self.sent_bytes += count - len(untaken)
        return count, untaken

    def response_end(self) -> None:
        plan, engine = self.forward.plan, self.engine
        if plan.times_attempts:
            self._observe_latency()
        if plan.judge is not None:
            plan.judge.answered(self.state, self.status)
        self.state.end()
        ended_at = self.ended_at or monotonic()
        engine.counters.answered(self.status, ended_at - self.started_at)
        if engine.access_log is not None:
            engine.access_log.complete(self, ended_at)
        is_complete = self.is_request_complete
        self._end()
        self.client.response_sent(is_complete)

    def may_switch(self, head: ResponseHead) -> bool:
        """Whether ``head`` grants what the client asked for: to leave HTTP."""
        return self.forward.head.is_handshake and head.accepts_websocket

    def switched(self, head: ResponseHead, transport: asyncio.Transport, data: bytes) -> None:
        """The exchange ends, its attempt goes on as a tunnel."""
        plan, state = self.forward.plan, self.state
        if plan.times_attempts:
            self._observe_latency()
        if plan.judge is not None:
            plan.judge.answered(state, head.status)
        self.answered_at = monotonic()
        self.status = head.status
        self.engine.counters.statuses[head.status] += 1
        self._end()
        tunnel = Tunnel(self.client, plan, state, transport)
        tunnel.take_over(self.client, self.engine.response_lines.switching_head(head, self.cookie, self) + data)

    def response_cut(self, detail: str, kind: FailureKind = FailureKind.RESET) -> None:
        """The response broke off after its beginning went out: the client must not take it for complete."""
        self.state.end()
        self.state.failures += 1
        self._report_failure(kind, detail)
        self.engine.counters.cut_responses += 1
        self.engine.problems.note(str(self.link.pool.address), kind, detail)
        self.note(CUT, f"{kind.value}: {detail}")
        self._end()
        self.client.cut()

    # -- back-pressure and time -------------------------------------------------

    def upstream_paused(self) -> None:
        """The target takes the request slower than the client sends it. Behind its end reading goes on: else nobody
        would see the client leave."""
        if not self.is_request_complete:
            self.client.pause_reading()
        self._await_progress()

    def upstream_resumed(self) -> None:
        self.client.resume_reading()
        self._await_progress()

    def client_paused(self) -> None:
        """The client takes the response slower than the target sends it."""
        if self.upstream is not None:
            self.upstream.pause_reading()
        self.client.deadline = self.engine.now + self.engine.limits.send_idle_s

    def client_resumed(self) -> None:
        if self.upstream is not None:
            self.upstream.resume_reading()
            self._await_progress()

    def timed_out(self) -> None:
        """The client connection's deadline passed while this exchange was under way."""
        phase, plan = self.phase, self.forward.plan
        if phase == BACKING_OFF:
            self._pause_over()
        elif phase == CONNECTING:
            self.opening.cancel()
            self.attempt_failed(FailureKind.CONNECT_TIMEOUT, f"no connection {self._within(plan.connect_s)}")
        elif self.upstream.is_clogged and self._took_some():
            self._await_progress()
        elif phase != STREAMING and self.upstream.is_clogged:
            self._drop_upstream()
            self.attempt_failed(FailureKind.TIMEOUT, f"no data taken {self._within(plan.write_s)}")
        elif phase == AWAITING:
            self._drop_upstream()
            self.attempt_failed(FailureKind.TIMEOUT, f"no answer {self._within(plan.read_s)}")
        elif phase == SENDING:
            self._drop_upstream()
            self.state.end()
            self._count_try()
            self._reply(408, None)
        elif self.client.is_writing_paused:
            self.note(CUT, "the client took nothing of the response")
            self.abandon()
            self.client.cut()
        else:
            self._drop_upstream()
            self.response_cut(f"nothing more within {plan.read_s:g} s", FailureKind.TIMEOUT)

    def _took_some(self) -> bool:
        """Whether the target goes on taking the request, and has time to."""
        return (self.phase == STREAMING or self._time_left_s() > 0) and self.upstream.took_some()

    def _within(self, limit_s: float) -> str:
        if self._time_left_s() > 0:
            return f"within {limit_s:g} s"
        return f"within what was left of the {self.forward.plan.total_s:g} s for all tries"

    def client_left(self) -> None:
        if self.phase != IDLE:
            self.note(CLIENT_LEFT, "")
            self.abandon()

    def abandon(self) -> None:
        """The client is gone, or sent what cannot be forwarded: nobody waits for the rest."""
        if self.phase == IDLE:
            return
        if self.opening is not None:
            self.opening.cancel()
            self.opening = None
        if self.pause is not None:
            self._end_pause()
        else:
            self._count_try()
        self._drop_upstream()
        self.state.end()
        self._end()
