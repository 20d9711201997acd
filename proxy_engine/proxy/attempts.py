"""The tries of one exchange: pick a target, connect, send, and on failure decide whether another try follows.

``Attempts`` holds what an exchange knows and everything up to the first byte of a response; ``Exchange`` builds on it
and passes the response on. One object, no delegation: a call more per request would be felt.

    pick ──► connection at hand, or CONNECTING ──► SENDING ──► AWAITING ──► an answer
      ▲                    │ attempt_failed          │            │           │ its status is to be tried again
      └── BACKING_OFF ◄────┴─────────────────────────┴────────────┴───────────┘

``attempt_failed`` arrives at most once per attempt and only while nothing of a response was passed on; ``retry``
decides what then. The next target is picked before the pause, so that an answer is dropped only when there is another
to ask.

``total_timeout`` runs from when the request is here as a whole, as Envoy's route timeout does: before that the client
sets the pace, which limits of its own watch over.
"""

from __future__ import annotations

import os
from math import inf
from operator import attrgetter
from random import random
from time import monotonic
from typing import TYPE_CHECKING

from proxy_engine.balancing import issue_cookie
from proxy_engine.errors import FailureKind
from proxy_engine.http import reply
from proxy_engine.proxy import retry
from proxy_engine.proxy.account import Account
from proxy_engine.proxy.course import Course
from proxy_engine.proxy.prepare import Forward
from proxy_engine.proxy.retry import Decision

if TYPE_CHECKING:
    import asyncio

    from proxy_engine.balancing.retry_budget import RetryBudget
    from proxy_engine.health.state import TargetState
    from proxy_engine.runtime import TargetLink
    from proxy_engine.server.client import ClientConnection
    from proxy_engine.upstream.connection import UpstreamConnection
    from proxy_engine.upstream.pool import Opening

ACTIVE = attrgetter("active")
MOST_COOKIES = 50  # made up until one leads to a target that does not drain
TIMED_OUT = (FailureKind.CONNECT_TIMEOUT, FailureKind.TIMEOUT)
IDLE, BACKING_OFF, CONNECTING, SENDING, AWAITING, STREAMING = range(6)


class Nobody:
    """Who the end of an answer goes to that nobody wants: its connection may serve again."""

    method = b""
    is_request_complete = True

    def response_end(self) -> None: ...


NOBODY = Nobody()


class Attempts(Account):
    __slots__ = (
        "as_chunks",
        "body",
        "body_at_hand",
        "budget",
        "client",
        "cookie",
        "course",
        "engine",
        "failure",
        "forward",
        "is_request_complete",
        "key",
        "link",
        "opening",
        "pause",
        "pause_s",
        "phase",
        "sent_at",
        "state",
        "tried",
        "tries_left",
        "until",
        "upstream",
    )

    def __init__(self, client: ClientConnection) -> None:
        super().__init__()
        # connection
        self.client = client
        self.engine = client.engine
        self.course: Course | None = None  # the way of its last requests that went the same way
        # exchange
        self.phase = IDLE
        self.forward: Forward | None = None  # stays after the end, for a request that comes again
        self.key: bytes | None = None  # what a hashing upstream looks at
        self.cookie = b""  # a Set-Cookie line that the response must carry
        self.body = b""  # what came of the body so far, framed for the target, while another try may need it
        self.body_at_hand = True
        self.is_request_complete = False
        self.tried: tuple[TargetState, ...] = ()
        self.tries_left = 0  # this one included
        self.budget: RetryBudget | None = None  # in which this exchange has a place, since its second try
        self.until = 0.0  # event-loop time at which the time for all tries is over, where there is such a limit
        self.failure: tuple[FailureKind, str] | None = None
        self.as_chunks = False  # the response goes to the client in chunks of ours
        # attempt
        self.state: TargetState | None = None
        self.link: TargetLink | None = None
        self.opening: Opening | None = None
        self.pause: asyncio.TimerHandle | None = None  # before a further try
        self.pause_s = 0.0  # how long it is
        self.upstream: UpstreamConnection | None = None
        self.sent_at = 0.0  # event-loop time; kept for upstreams that balance by latency

    # -- the first try ----------------------------------------------------------

    def _first_attempt(self, body: bytes, is_complete: bool) -> None:
        engine, plan = self.engine, self.forward.plan
        # the account; written out, as a call would be felt
        engine.counters.requests += 1
        self.started_at = monotonic()
        self.id_line = next(engine.id_lines)
        self.status = 0
        self.sent_bytes = 0
        self.received_bytes = len(body)
        # the exchange
        self.body = body
        self.is_request_complete = is_complete
        self.body_at_hand = True
        self.as_chunks = False
        self.tries_left = plan.tries
        if self.tried:
            self.tried = ()
        if not engine.response_lines.is_plain:
            self.picked_at = monotonic()
        if not plan.is_plain:
            self._prepare_tries()
        elif self.cookie:  # of a request before this one
            self.cookie = b""
        state = plan.balancer.pick(self.key)
        if state is None:
            self._no_target()
            return
        self.state = state
        state.begin()
        self._attempt()

    def _prepare_tries(self) -> None:
        self.cookie = b""
        if self.forward.plan.hash_input is not None:
            self._take_key()
        self.start_total_time()

    def _take_key(self) -> None:
        self.key = self.forward.key
        if self.key is None:
            balancer = self.forward.plan.balancer
            for _ in range(MOST_COOKIES):
                self.key, cookie = issue_cookie(balancer.upstream, os.urandom(16))
                if balancer.takes_new(self.key):
                    break
            self.cookie = b"Set-Cookie: %b\r\n" % cookie

    # -- every try --------------------------------------------------------------

    def _attempt(self) -> None:
        """One try at ``state``, which counts it already."""
        plan = self.forward.plan
        if plan.times_attempts:
            self.sent_at = self.engine.loop.time()
        self.link = link = plan.links[self.state]
        pooled = link.pool.take()
        if pooled is not None:
            self._send(pooled)
        else:
            self._open()

    def _open(self) -> None:
        plan = self.forward.plan
        self.phase = CONNECTING
        self.client.deadline = self.engine.now + plan.connect_s
        if plan.total_s:
            self._keep_total_time()
        self.opening = self.link.pool.open(self)

    def connected(self, connection: UpstreamConnection) -> None:
        self.opening = None
        self._send(connection)

    def _send(self, connection: UpstreamConnection) -> None:
        self.upstream = connection
        head = self.forward.render(self.link, self.id_line)
        if self.is_request_complete:
            plan = self.forward.plan
            self.phase = AWAITING
            self.client.deadline = self.engine.now + plan.read_s
            if plan.total_s:
                self._keep_total_time()
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
        if plan.total_s and self.phase == AWAITING:
            self._keep_total_time()

    def start_total_time(self) -> None:
        """To be called again when the request is here as a whole: before that, it limits nothing."""
        self.until = self.engine.now + self.forward.plan.total_s
        if self.phase == CONNECTING:
            self._keep_total_time()

    def _keep_total_time(self) -> None:
        """No wait for a target goes beyond the time for all tries."""
        if self.is_request_complete and self.until < self.client.deadline:
            self.client.deadline = self.until

    def _time_left_s(self) -> float:
        """Of that for all tries."""
        if self.forward.plan.total_s and self.is_request_complete:
            return self.until - self.engine.now
        return inf

    def _forget_long_body(self) -> None:
        if len(self.body) > self.engine.limits.replay_bytes:
            self.body_at_hand = False
            self.body = b""

    # -- after a try ------------------------------------------------------------

    def attempt_failed(self, kind: FailureKind, detail: str) -> None:
        self.upstream = self.opening = None
        decision = self._decide(kind)
        if decision is Decision.SAME_TARGET:
            # The target closed an idle connection just as we used it, which says nothing about the target.
            self._open()
            return
        self._account_for_failure(kind, detail)
        another = self._another_target() if decision is Decision.NEXT_TARGET else None
        self._count_try()
        if another is not None:
            self._try_again(another, kind)
        else:
            self._give_up()

    def _passes_over(self, status: int, is_last: bool) -> bool:
        """An answer that the rules want tried again is dropped, if there is another target to ask instead."""
        if self._decide(retry.STATUS) is not Decision.NEXT_TARGET:
            return False
        another = self._another_target()
        if another is None:
            return False
        self._drop_answer(is_last)
        plan, state = self.forward.plan, self.state
        if plan.times_attempts:
            self._observe_latency()
        if plan.judge is not None:
            plan.judge.answered(state, status)
        state.end()
        self._count_try()
        self._try_again(another, retry.STATUS)
        return True

    def _drop_answer(self, is_last: bool) -> None:
        """Its connection serves again if nothing more comes; to read a body on for that is not worth the wait."""
        if is_last and self.is_request_complete:
            self.upstream.sink = NOBODY
            self.upstream = None
        else:
            self._drop_upstream()

    def _decide(self, cause: retry.Cause) -> Decision:
        plan = self.forward.plan
        budget = plan.budget
        self.pause_s = retry.pause_s(plan.retry, len(self.tried) + 1, random()) if plan.retry.backoff else 0.0
        decision = retry.decide(
            cause,
            self.forward.head.method,
            body_at_hand=self.body_at_hand,
            rules=plan.retry,
            tries_left=self.tries_left - 1,
            time_left_s=self._time_left_s() - self.pause_s,
            has_budget=budget is None or self.budget is not None or budget.has_room(sum(map(ACTIVE, plan.links))),
        )
        if decision is Decision.NO_BUDGET:
            self.engine.counters.budget_refusals += 1
        return decision

    def _another_target(self) -> TargetState | None:
        """One that this exchange has not tried, or not as often as its name has addresses: each try takes the next."""
        tried = (*self.tried, self.state)
        state = self.forward.plan.balancer.pick(self.key, tried)
        return None if state is None or tried.count(state) >= state.addresses else state

    def _count_try(self) -> None:
        """It came to nothing."""
        self.tried = (*self.tried, self.state)
        self.tries_left -= 1

    def _try_again(self, state: TargetState, cause: retry.Cause) -> None:
        """``state`` counts the try from now on, also while it is put off."""
        self.engine.counters.retries[cause if cause is retry.STATUS else cause.value] += 1
        budget = self.forward.plan.budget
        if budget is not None and self.budget is None:
            budget.enter()
            self.budget = budget
        self.state = state
        state.begin()
        if self.pause_s:
            self._back_off()
        else:
            self._attempt()

    def _back_off(self) -> None:
        self.phase = BACKING_OFF
        self.client.deadline = self.engine.now + self.pause_s
        self.pause = self.engine.loop.call_later(self.pause_s, self._pause_over)

    def _pause_over(self) -> None:
        self._end_pause()
        self._attempt()

    def _end_pause(self) -> None:
        self.pause.cancel()
        self.pause = None

    def _account_for_failure(self, kind: FailureKind, detail: str) -> None:
        self.failure = (kind, detail)
        if kind in TIMED_OUT and self.forward.plan.times_attempts:
            self._observe_latency()
        self.state.end()
        self.state.failures += 1
        self._report_failure(kind, detail)
        self.engine.counters.failed_attempts += 1
        self.engine.problems.note(str(self.link.pool.address), kind, detail)

    def _report_failure(self, kind: FailureKind, detail: str) -> None:
        if self.forward.plan.judge is not None:
            self.forward.plan.judge.failed(self.state, kind, detail)

    def _no_target(self) -> None:
        if self.forward.plan.is_single and not self.forward.plan.links:
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
        if self.budget is not None:
            self.budget.leave()
            self.budget = None

    def _drop_upstream(self) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.abandon()

    def _observe_latency(self) -> None:
        now = self.engine.loop.time()
        self.state.observe_latency(now - self.sent_at, now)
