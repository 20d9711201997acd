"""One request and its response, over as many attempts as it takes.

Each client connection has one ``Exchange``, used again for every request: the common case makes no Task, no Future, no
timer and no object beyond the parsed heads. Everything runs in transport callbacks:

    begin → pick a target → pooled connection, or open one → write head + body → response → end

``attempt_failed`` arrives at most once per attempt and only while nothing of a response was passed on; the retry table
decides what then. After the first byte of a response went out, a failure can only cut it (``response_cut``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy_engine.balancing import issue_cookie
from proxy_engine.errors import FailureKind
from proxy_engine.http import reply
from proxy_engine.http.chunked import LAST_CHUNK, encode
from proxy_engine.http.request import RequestHead
from proxy_engine.http.response import ResponseHead
from proxy_engine.proxy import respond, retry
from proxy_engine.proxy.prepare import Forward, Refusal, prepare
from proxy_engine.proxy.tunnel import Tunnel

if TYPE_CHECKING:
    import asyncio

    from proxy_engine.health.state import TargetState
    from proxy_engine.runtime import TargetLink
    from proxy_engine.server.client import ClientConnection
    from proxy_engine.upstream.connection import UpstreamConnection
    from proxy_engine.upstream.pool import Opening

TIMED_OUT = (FailureKind.CONNECT_TIMEOUT, FailureKind.TIMEOUT)
IDLE, CONNECTING, SENDING, AWAITING, STREAMING = range(5)


class Exchange:
    __slots__ = (
        "as_chunks",
        "body",
        "body_at_hand",
        "client",
        "cookie",
        "engine",
        "failure",
        "forward",
        "is_request_complete",
        "key",
        "link",
        "opening",
        "phase",
        "sent_at",
        "state",
        "tried",
        "tries_left",
        "upstream",
    )

    def __init__(self, client: ClientConnection) -> None:
        # connection
        self.client = client
        self.engine = client.engine
        # exchange
        self.phase = IDLE
        self.forward: Forward | None = None  # stays after the end, for a request that comes again
        self.key: bytes | None = None  # what a hashing upstream looks at
        self.cookie = b""  # a Set-Cookie line that the response must carry
        self.body = b""  # what came of the body so far, framed for the target, while another try may need it
        self.body_at_hand = True
        self.is_request_complete = False
        self.tried: tuple[TargetState, ...] = ()
        self.tries_left = 0
        self.failure: tuple[FailureKind, str] | None = None
        self.as_chunks = False  # the response goes to the client in chunks of ours
        # attempt
        self.state: TargetState | None = None
        self.link: TargetLink | None = None
        self.opening: Opening | None = None
        self.upstream: UpstreamConnection | None = None
        self.sent_at = 0.0  # event-loop time; kept for upstreams that balance by latency

    def __repr__(self) -> str:
        return f"<Exchange phase={self.phase} target={self.state}>"

    # -- from the client --------------------------------------------------------

    def begin(self, head: RequestHead, body: bytes, is_complete: bool) -> None:
        """``body``: what came along with the head, framed for the target."""
        engine = self.engine
        engine.counters.requests += 1
        outcome = prepare(engine.runtime, self.client.peer, head)
        if type(outcome) is Refusal:
            self.forward = None
            self.client.refuse_or_answer(outcome)
            return
        self.forward = outcome
        self.body = body
        self.is_request_complete = is_complete
        self._first_attempt()

    def repeat(self) -> None:
        """The same head as before, without a body."""
        forward = self.forward
        if forward is None or forward.runtime is not self.engine.runtime:
            self.begin(self.client.head, b"", True)
            return
        self.engine.counters.requests += 1
        self.is_request_complete = True
        self._first_attempt()

    def _first_attempt(self) -> None:
        plan = self.forward.plan
        self.body_at_hand = True
        self.as_chunks = False
        self.tries_left = plan.tries
        if self.tried:
            self.tried = ()
        self.failure = None
        if plan.hash_input is not None:
            self._take_key()
        elif self.cookie:  # of a request before this one
            self.cookie = b""
        self._attempt()

    def _take_key(self) -> None:
        self.cookie = b""
        self.key = self.forward.key
        if self.key is None:
            self.key, cookie = issue_cookie(self.forward.plan.balancer.upstream, os.urandom(16))
            self.cookie = b"Set-Cookie: %b\r\n" % cookie

    # -- attempts ---------------------------------------------------------------

    def _attempt(self) -> None:
        forward = self.forward
        state = forward.plan.balancer.pick(self.key, self.tried)
        if state is None or state in self.tried:
            self._no_target_left()
            return
        self.state = state
        if forward.plan.times_attempts:
            self.sent_at = self.engine.loop.time()
        self.link = link = forward.plan.links[state]
        state.begin()
        pooled = link.pool.take()
        if pooled is not None:
            self._send(pooled)
        else:
            self._open()

    def _open(self) -> None:
        self.phase = CONNECTING
        self.client.deadline = self.engine.now + self.forward.plan.connect_s
        self.opening = self.link.pool.open(self)

    def connected(self, connection: UpstreamConnection) -> None:
        self.opening = None
        self._send(connection)

    def _send(self, connection: UpstreamConnection) -> None:
        self.upstream = connection
        head = self.forward.render(self.link)
        if self.is_request_complete:
            self.phase = AWAITING
            self.client.deadline = self.engine.now + self.forward.plan.read_s
            connection.start(self, head + self.body if self.body else head)
        else:
            self.phase = SENDING
            self.client.resume_reading()  # before the write, which may pause it again
            connection.start(self, head + self.body)
            self._forget_long_body()
            self._await_progress()

    def _await_progress(self) -> None:
        """Whose turn it is: the target's to take what waits for it, else the client's to go on, else the target's."""
        client, plan = self.client, self.forward.plan
        if self.phase != STREAMING:
            self.phase = AWAITING if self.is_request_complete else SENDING
        if self.upstream.is_clogged:
            client.deadline = self.engine.now + plan.write_s
        elif self.phase == SENDING:
            client.deadline = self.engine.now + self.engine.limits.body_idle_s
        elif not client.is_writing_paused:
            client.deadline = self.engine.now + plan.read_s

    def request_body(self, data: bytes, is_complete: bool) -> None:
        """More of the body, framed for the target."""
        self.is_request_complete = is_complete
        if self.body_at_hand:
            self.body += data
        if self.upstream is None:
            if len(self.body) > self.engine.limits.replay_bytes:
                self.client.pause_reading()
            return
        if data:
            self.upstream.write(data)
        self._forget_long_body()
        self._await_progress()

    def _forget_long_body(self) -> None:
        if len(self.body) > self.engine.limits.replay_bytes:
            self.body_at_hand = False
            self.body = b""

    def attempt_failed(self, kind: FailureKind, detail: str) -> None:
        state, self.upstream, self.opening = self.state, None, None
        self.failure = (kind, detail)
        if kind is FailureKind.STALE and self._may_repeat(kind):
            # The target closed an idle connection just as we used it. That says nothing about the target: ask it again,
            # on a connection of its own, without counting.
            self._open()
            return
        if kind in TIMED_OUT and self.forward.plan.times_attempts:
            self._observe_latency()
        state.end()
        state.failures += 1
        self._report_failure(kind, detail)
        self.engine.counters.failed_attempts += 1
        self.engine.problems.note(str(self.link.pool.address), kind, detail)
        self.tried = (*self.tried, state)
        self.tries_left -= 1
        if self.tries_left > 0 and self._may_repeat(kind):
            self._attempt()
        else:
            self._give_up()

    def _report_failure(self, kind: FailureKind, detail: str) -> None:
        if self.forward.plan.passive is not None:
            self.forward.plan.passive.failed(self.state, kind, detail)

    def _may_repeat(self, kind: FailureKind) -> bool:
        return retry.may_repeat(kind, self.forward.head.method, body_at_hand=self.body_at_hand)

    def _no_target_left(self) -> None:
        self.state = None
        if self.failure is not None:
            self._give_up()
        elif self.forward.plan.is_single and not self.forward.plan.links:
            self._reply(503, reply.NAME_RESOLUTION)
        else:
            self._reply(503, None)

    def _give_up(self) -> None:
        kind, detail = self.failure
        if kind is FailureKind.CONNECT and self.forward.plan.is_single and detail == reply.NAME_RESOLUTION:
            self._reply(503, reply.NAME_RESOLUTION)
        else:
            self._reply(retry.FINAL_STATUS[kind], None)

    def _reply(self, status: int, message: str | None) -> None:
        """The gateway's own answer ends the exchange."""
        self._end()
        self.client.answer(status, message)

    def _end(self) -> None:
        self.phase = IDLE
        self.upstream = None
        self.state = None
        if self.body:
            self.body = b""

    # -- from the target --------------------------------------------------------

    @property
    def method(self) -> bytes:
        return self.forward.head.method

    def response_head(self, head: ResponseHead, is_chunked: bool, length: int, data: bytes, is_last: bool) -> None:
        client = self.client
        self.phase = STREAMING
        if not self.is_request_complete:
            client.keeps = False
        if not is_last:
            self.body, self.body_at_hand = b"", False
            client.deadline = self.engine.now + self.forward.plan.read_s
        if length >= 0 and not is_chunked and client.keeps and not self.cookie and not self.forward.head.is_http10:
            client.transport.write((head.rendered or respond.usual_head(head)) + data)
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
            data = encode([data]) + LAST_CHUNK if is_last else encode([data])
        fields = (head.block.forward, respond.via(head), self.cookie, framing, connection)
        self.client.transport.write(b"".join((head.line, b"\r\n", *fields, b"\r\n", data)))

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

    def response_data(self, data: bytes, is_last: bool) -> None:
        if self.as_chunks:
            data = encode([data]) + LAST_CHUNK if is_last else encode([data])
        client = self.client
        if not client.is_writing_paused:  # before the write, which may pause it
            client.deadline = self.engine.now + self.forward.plan.read_s
        if data:
            client.transport.write(data)

    def response_end(self) -> None:
        plan = self.forward.plan
        if plan.times_attempts:
            self._observe_latency()
        if plan.passive is not None:
            plan.passive.answered(self.state, self.upstream.known_head.status)
        self.state.end()
        is_complete = self.is_request_complete
        self._end()
        self.client.response_sent(is_complete)

    def _observe_latency(self) -> None:
        now = self.engine.loop.time()
        self.state.observe_latency(now - self.sent_at, now)

    def may_switch(self, head: ResponseHead) -> bool:
        """Whether ``head`` grants what the client asked for: to leave HTTP."""
        return self.forward.head.is_handshake and head.accepts_websocket

    def switched(self, head: ResponseHead, transport: asyncio.Transport, data: bytes) -> None:
        """The exchange ends, its attempt goes on as a tunnel."""
        plan, state = self.forward.plan, self.state
        if plan.times_attempts:
            self._observe_latency()
        if plan.passive is not None:
            plan.passive.answered(state, head.status)
        self._end()
        tunnel = Tunnel(self.client, plan, state, transport)
        tunnel.take_over(self.client, respond.switching_head(head, self.cookie) + data)

    def response_cut(self, detail: str, kind: FailureKind = FailureKind.RESET) -> None:
        """The response broke off after its beginning went out: the client must not take it for complete."""
        self.state.end()
        self.state.failures += 1
        self._report_failure(kind, detail)
        self.engine.counters.cut_responses += 1
        self.engine.problems.note(str(self.link.pool.address), kind, detail)
        self._end()
        self.client.cut()

    # -- back-pressure and time -------------------------------------------------

    def upstream_paused(self) -> None:
        """The target takes the request slower than the client sends it."""
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
        if self.phase == CONNECTING:
            self.opening.cancel()
            self.attempt_failed(FailureKind.CONNECT_TIMEOUT, f"no connection within {self.forward.plan.connect_s:g} s")
        elif self.upstream.is_clogged and self.upstream.took_some():
            self._await_progress()
        elif self.phase != STREAMING and self.upstream.is_clogged:
            self._drop_upstream()
            self.attempt_failed(FailureKind.TIMEOUT, f"no data taken within {self.forward.plan.write_s:g} s")
        elif self.phase == AWAITING:
            self._drop_upstream()
            self.attempt_failed(FailureKind.TIMEOUT, f"no answer within {self.forward.plan.read_s:g} s")
        elif self.phase == SENDING:
            self._drop_upstream()
            self.state.end()
            self._reply(408, None)
        elif self.client.is_writing_paused:
            self.abandon()
            self.client.cut()
        else:
            self._drop_upstream()
            self.response_cut(f"nothing more within {self.forward.plan.read_s:g} s", FailureKind.TIMEOUT)

    def abandon(self) -> None:
        """The client is gone, or sent what cannot be forwarded: nobody waits for the rest."""
        if self.phase == IDLE:
            return
        if self.opening is not None:
            self.opening.cancel()
            self.opening = None
        self._drop_upstream()
        self.state.end()
        self._end()

    def _drop_upstream(self) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.abandon()
