"""What is kept of an exchange while it is under way: for the counters, the access log and the fields that tell of it.

Times are of the monotonic clock. The usual end, a response that went through, is accounted for in
``Exchange.response_end``, and the account is opened in ``Attempts._first_attempt``: there a call more would be felt.
Every other end says what it was, with ``note``.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxy_engine.telemetry.access_log import OWN_ANSWER, Entry
from proxy_engine.telemetry.request_id import id_in

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from proxy_engine.engine import Engine
    from proxy_engine.http.request import RequestHead
    from proxy_engine.proxy.prepare import Forward
    from proxy_engine.runtime import TargetLink
    from proxy_engine.server.client import ClientConnection
    from proxy_engine.upstream.connection import UpstreamConnection


CLIENT_CLOSED_REQUEST = 499  # in the log alone, as nginx and Kong have it


class Account:
    __slots__ = (
        "answered_at",
        "ended_at",
        "head",
        "id_line",
        "method",
        "picked_at",
        "received_bytes",
        "sent_bytes",
        "started_at",
        "status",
    )

    # what the exchange keeps
    client: ClientConnection
    engine: Engine
    forward: Forward | None
    link: TargetLink | None
    pause: TimerHandle | None
    tried: tuple
    upstream: UpstreamConnection | None

    def __init__(self) -> None:
        self.head: RequestHead | None = None  # of the request that this is the account of
        self.method = b""
        self.id_line = b""  # its name, as the last line of a head
        self.started_at = 0.0  # when the whole head was here
        self.picked_at = 0.0  # when the first target was looked for; kept only where clients are told
        self.answered_at = 0.0  # when the head of the target's response was
        self.ended_at = 0.0  # when the response was, if it came in one piece with its head
        self.status = 0  # of that response; 0: there is none yet
        self.sent_bytes = 0  # of its body, to the client
        self.received_bytes = 0  # of the request's body, as it goes to the target

    def _open_account(self, received_bytes: int) -> None:
        """Of a request that goes nowhere. That of others is opened with their first attempt, in the same words."""
        self.engine.counters.requests += 1
        self.started_at = monotonic()
        self.id_line = next(self.engine.id_lines)
        self.status = 0
        self.sent_bytes = 0
        self.received_bytes = received_bytes

    def note(self, outcome: bytes, reason: str, *, status: int = 0, sent_bytes: int | None = None) -> None:
        """Any other end. ``status``, ``sent_bytes``: of an answer of the gateway's own."""
        log = self.engine.access_log
        if log is None:
            return
        ended_at = monotonic()
        tries = len(self.tried) + self._is_trying(outcome) if self.forward is not None else 0
        entry = Entry(
            peer=self.client.peer,
            head=self.head,
            forward=self.forward,
            request_id=id_in(self.id_line),
            status=status or self.status or CLIENT_CLOSED_REQUEST,
            sent_bytes=self._taken_bytes() if sent_bytes is None else sent_bytes,
            received_bytes=self.received_bytes,
            duration_ms=(ended_at - self.started_at) * 1e3,
            target_ms=(self.answered_at - self.started_at) * 1e3 if self.status else None,
            target=self._target_label() if tries else b"",
            tries=tries,
            outcome=outcome,
            reason=reason,
        )
        log.other(entry, ended_at)

    def _is_trying(self, outcome: bytes) -> bool:
        """Whether a try is under way that does not stand in ``tried`` yet; before one, there is a pause."""
        return outcome is not OWN_ANSWER and self.pause is None

    def _taken_bytes(self) -> int:
        """Without those that still wait for the client: it is gone, or will get them no more."""
        return max(self.sent_bytes - self.client.transport.get_write_buffer_size(), 0)

    def _target_label(self) -> bytes:
        if self.upstream is not None:
            return self.upstream.pool.label
        return str(self.link.pool.address).encode() if self.link is not None else b""
