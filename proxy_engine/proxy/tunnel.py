"""A WebSocket's tunnel: two transports joined after a 101, whose bytes pass unread from one to the other.

Each transport gets a ``Side`` for its protocol in place of the object that spoke HTTP on it; the engine gets the
``Tunnel`` in place of the client's connection, to sweep, to drain and to count.

- **Back-pressure:** while a side takes less than comes for it, nothing is read from the other.
- **Half-close:** the end of one side's bytes is passed on behind them, and the other side may go on until it ends too.
  TLS knows no half-close: there the end of one direction ends both, as in nginx.
- **Idle:** a tunnel in which nothing moves, either way, for the service's read timeout closes; a ping is enough to keep
  it. A side with bytes waiting for it may be slow, but must take some of them within its own time limit.
- **The end:** when one side is lost, the other gets what is under way for it and closes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy_engine.errors import FailureKind
from proxy_engine.telemetry.access_log import TUNNEL

if TYPE_CHECKING:
    from proxy_engine.health.state import TargetState
    from proxy_engine.proxy.account import Account
    from proxy_engine.runtime import ServicePlan
    from proxy_engine.server.client import ClientConnection

CLOSE_TIMEOUT_S = 5.0  # for a side to go once it has taken everything


class Side(asyncio.Protocol):
    """One end of the tunnel. ``patience_s``: how long it may take nothing of what waits for it."""

    __slots__ = ("has_ended", "is_gone", "is_paused", "other", "patience_s", "sent", "transport", "tunnel", "unsent")

    other: Side

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport, patience_s: float) -> None:
        self.tunnel = tunnel
        self.transport = transport
        self.patience_s = patience_s
        self.is_paused = False  # we asked the transport not to read
        self.has_ended = False  # it will send nothing more
        self.is_gone = False
        self.sent = 0  # bytes that came from it
        self.unsent = 0  # bytes that waited for it when writing was paused, or when a deadline last looked

    # -- transport callbacks ----------------------------------------------------

    def data_received(self, data: bytes) -> None:
        tunnel = self.tunnel
        tunnel.deadline = tunnel.engine.now + tunnel.idle_s  # before the write, which may pause this side
        self.sent += len(data)
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.has_ended = True
        return self.tunnel.half_closed(self)

    def pause_writing(self) -> None:
        self.unsent = self.transport.get_write_buffer_size()
        self.other.pause_reading()
        self.tunnel.await_progress()

    def resume_writing(self) -> None:
        self.unsent = 0
        self.other.resume_reading()
        self.tunnel.await_progress()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_gone = True
        self.tunnel.lost(self, error)

    # -- what the other side and the tunnel do ----------------------------------

    def pause_reading(self) -> None:
        if not self.is_paused and not self.has_ended and not self.transport.is_closing():
            self.is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.is_paused:
            self.is_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def took_some(self) -> bool:
        """Whether it took anything of what waits for it since this was last asked: slow is not dead."""
        if self.is_gone:
            return False
        before, self.unsent = self.unsent, self.transport.get_write_buffer_size()
        return self.unsent not in (0, before)

    def close(self) -> None:
        """Once it has taken what waits for it."""
        if not self.is_gone:
            self.transport.close()

    def abort(self) -> None:
        if not self.is_gone:
            self.transport.abort()


class Tunnel:
    """Stands among the engine's clients until both sides are gone; its target counts it until the first one is."""

    __slots__ = (
        "account",
        "address",
        "client",
        "deadline",
        "engine",
        "idle_s",
        "is_over",
        "place",
        "sides",
        "state",
        "target",
    )

    is_busy = True

    def __init__(
        self, client: ClientConnection, plan: ServicePlan, state: TargetState, transport: asyncio.Transport
    ) -> None:
        """``state``: of the target, with the attempt begun; the tunnel ends it. ``transport``: the target's."""
        self.engine = client.engine
        self.account: Account | None = client.exchange
        self.state = state
        self.address = str(plan.links[state].pool.address)
        self.idle_s = plan.read_s
        self.deadline = self.engine.now + self.idle_s  # event-loop time
        self.is_over = False
        self.place = b""
        self.client = Side(self, client.transport, self.engine.limits.send_idle_s)
        self.target = Side(self, transport, plan.write_s)
        self.client.other, self.target.other = self.target, self.client
        self.sides = (self.client, self.target)

    def __repr__(self) -> str:
        return f"<Tunnel to {self.address}{' over' if self.is_over else ''}>"

    def take_over(self, client: ClientConnection, to_client: bytes) -> None:
        """``to_client``: the response's head, and what came behind it. What the client sent early was kept for now."""
        client.resume_reading()
        self.engine.welcome(self)
        self.place, client.place = client.place, b""  # the door goes on counting it
        self.engine.farewell(client)
        client.exchange = None
        for side in self.sides:
            side.transport.set_protocol(side)
        self.client.transport.write(to_client)
        if client.held:
            self.target.transport.write(client.held)
        if client.has_ended and not self.client.eof_received():
            self.client.close()

    # -- from the sides ---------------------------------------------------------

    def half_closed(self, side: Side) -> bool:
        """``side`` will send nothing more. Whether its transport shall stay open, for the other direction."""
        other = side.other
        self.await_progress()
        can_go_on = side.transport.can_write_eof() and other.transport.can_write_eof()
        if other.has_ended or other.transport.is_closing() or not can_go_on:
            other.close()
            return False
        other.transport.write_eof()
        return True

    def lost(self, side: Side, error: Exception | None) -> None:
        if error is not None and side is self.target and not self.is_over:
            self._note_cut(error)
        self._end()
        if side.other.is_gone:
            self.engine.farewell(self)
            self._unlink()
        else:
            side.other.close()
            self.await_progress()

    def _unlink(self) -> None:
        """Sides and tunnel refer to each other. What a load freezes, the collector does not look at again: a tunnel
        that was open then must go by its count of references alone."""
        for side in self.sides:
            del side.other, side.tunnel

    def _note_cut(self, error: Exception) -> None:
        self._tell(f"{FailureKind.RESET.value}: {error}")
        self.state.failures += 1
        self.engine.counters.cut_responses += 1
        self.engine.problems.note(self.address, FailureKind.RESET, str(error))

    def _end(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.state.end()
            self._tell("")

    def _tell(self, reason: str) -> None:
        """The access log, once."""
        account, self.account = self.account, None
        if account is not None:
            account.received_bytes = self.client.sent
            account.note(TUNNEL, reason, sent_bytes=self.target.sent)

    # -- time: what the engine does with a client -------------------------------

    def await_progress(self) -> None:
        """Whose turn it is: a side's to take what waits for it, else anyone's to send, else theirs to go."""
        limits = [side.patience_s for side in self.sides if side.unsent and not side.is_gone]
        usual = CLOSE_TIMEOUT_S if self.is_over else self.idle_s
        self.deadline = self.engine.now + min(limits, default=usual)

    def deadline_passed(self) -> None:
        took = [side.took_some() for side in self.sides]  # both, as each is compared with its last look
        if any(took):
            self.await_progress()
        elif self.is_over:
            self.cut()
        else:
            self._end()
            for side in self.sides:
                if side.unsent:
                    side.abort()
                else:
                    side.close()
            self.await_progress()

    def lags(self, now: float) -> bool:
        """A tunnel has its idle time, but no rate: what moves in it, and when, is between its ends."""
        return False

    def rest(self) -> None:
        """There is nothing here that only speeds things up."""

    def drain(self) -> None:
        """A tunnel ends when its sides end it; a drain waits for that as long as for anything."""

    def cut(self) -> None:
        self._end()
        for side in self.sides:
            side.abort()
