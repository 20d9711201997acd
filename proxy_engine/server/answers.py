"""Responses of the gateway's own, as bytes, in the form that suits the request; each one is logged here."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxy_engine.http import reply
from proxy_engine.telemetry.access_log import OWN_ANSWER, Entry
from proxy_engine.telemetry.request_id import id_in

if TYPE_CHECKING:
    from .client import ClientConnection


class Answer:
    """To the request that ``client`` is at. ``reason``: for the log, where that says more than ``message``."""

    __slots__ = ("account", "client", "request_id", "started_at")

    def __init__(self, client: ClientConnection) -> None:
        self.client = client
        exchange = client.exchange
        is_known = exchange is not None and client.head is not None and exchange.head is client.head
        self.account = exchange if is_known else None
        self.request_id = id_in(exchange.id_line if is_known else next(client.engine.id_lines))
        self.started_at = exchange.started_at if is_known else monotonic()

    def error(self, status: int, message: str | None, extra: bytes, *, close: bool, reason: str = "") -> bytes:
        """``extra``: further header lines, each with CRLF."""
        head = self.client.head  # None: it was not understood
        top, body = reply.error_response(
            status,
            message,
            accept=head.field(b"accept") if head else None,
            request_id=self.request_id.decode(),
            close=close,
            head_only=head is not None and head.method == b"HEAD",
            extra=self._lines() + extra,
        )
        self._log(status, reason or message or reply.words_for(status), len(body))
        return top + body

    def redirect(self, status: int, location: bytes, *, close: bool) -> bytes:
        self._log(status, "redirect", 0)
        return reply.redirect_response(status, location, close=close, extra=self._lines())

    def _lines(self) -> bytes:
        return self.client.engine.response_lines.own(self.request_id, self.started_at)

    def _log(self, status: int, reason: str, sent_bytes: int) -> None:
        client = self.client
        client.engine.counters.own_answers[status] += 1
        if self.account is not None:
            self.account.note(OWN_ANSWER, reason, status=status, sent_bytes=sent_bytes)
        elif client.engine.access_log is not None:
            entry = Entry(
                peer=client.peer,
                head=client.head,
                forward=None,
                request_id=self.request_id,
                status=status,
                sent_bytes=sent_bytes,
                received_bytes=0,
                duration_ms=0.0,
                target_ms=None,
                target=b"",
                tries=0,
                outcome=OWN_ANSWER,
                reason=reason,
            )
            client.engine.access_log.other(entry, monotonic())
