"""A client's connection as a flow of bytes in time: when to read, when to stop waiting, and how it ends.

What is said on it is the subclass's affair (``client``), which answers a head or a body that comes too late.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from proxy_engine.errors import BadMessage
from proxy_engine.http.request import RequestHead
from proxy_engine.net.unsent import unsent_bytes
from proxy_engine.proxy.exchange import SENDING, STREAMING, Exchange
from proxy_engine.proxy.forward import Peer
from proxy_engine.telemetry.access_log import CUT

from .body import Body
from .pace import BodyPace, ResponsePace

if TYPE_CHECKING:
    from proxy_engine.engine import Engine

FIRST_REQUEST_S = 1.0  # how long a draining engine waits for the request of a connection that was just opened

WAITING, HEAD, BODY, ANSWERING, LINGERING, CLOSED = range(6)

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s


class ClientFlow(asyncio.Protocol):
    __slots__ = (
        "body",
        "deadline",
        "engine",
        "exchange",
        "has_ended",
        "head",
        "held",
        "is_reading_paused",
        "is_writing_paused",
        "keeps",
        "known",
        "known_head",
        "known_size",
        "pace",
        "peer",
        "phase",
        "place",
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
        # The previous request, if it came alone and whole, and as long as nothing is held: all of it where it has no
        # body, else its head and its size. Empty and -1 where the other, or none, is known.
        self.known = self.known_head = b""
        self.known_size = -1
        self.phase = WAITING
        self.held = b""  # an unfinished head, or requests that came before their turn
        self.deadline = 0.0  # event-loop time
        self.served = 0
        self.has_ended = False  # the client closed its side: what is held is all there will be
        self.is_reading_paused = False
        self.is_writing_paused = False
        self.unsent = 0  # bytes that waited for the client when writing was paused, or when a deadline last looked
        self.place = b""  # by which the door counts it
        self.pace: BodyPace | ResponsePace | None = None  # while it is slow enough to be looked at
        # exchange
        self.keeps = True  # whether another request may follow
        self.head: RequestHead | None = None  # stays after the end: the next request's fields are often the same
        self.body: Body | None = None  # while it comes

    def __repr__(self) -> str:
        return f"<ClientConnection phase={self.phase} served={self.served}>"

    @property
    def is_busy(self) -> bool:
        return self.phase in (BODY, ANSWERING)

    # -- flow -------------------------------------------------------------------

    def pause_reading(self) -> None:
        if not self.is_reading_paused:
            self.is_reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.is_reading_paused and (self.body is None or not self.body.has_more):
            self.is_reading_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def deadline_passed(self) -> None:
        is_busy = self.phase in (HEAD, BODY, ANSWERING)
        if (self.is_writing_paused or not is_busy) and self._took_some():
            self.deadline = self.engine.now + self.engine.limits.send_idle_s
        elif self.phase == HEAD and self.held.strip(b"\r\n"):
            self._refuse_head(408)
        elif self.phase == HEAD:  # an empty line behind a body, as old clients send it: nobody asked for anything
            self.transport.close()
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
        before, self.unsent = self.unsent, unsent_bytes(self.transport)
        return self.unsent not in (0, before)

    def lags(self, now: float) -> bool:
        """Asked once a second: whether the client sends a body, or takes a response, too slowly to be believed."""
        if self.phase == WAITING and self.head is None and self.pace is None:
            return False  # at rest
        pace, limits = self.pace, self.engine.limits
        if self.phase == BODY and self.exchange.phase != STREAMING:
            if type(pace) is not BodyPace or pace.body is not self.body:
                pace = self.pace = BodyPace(self.body, limits, now)
            return pace.lags(now, is_awaited=self.exchange.phase == SENDING and not self.is_reading_paused)
        unsent = unsent_bytes(self.transport)
        if not unsent:
            self.pace = None
            return False
        taken = (self.exchange.sent_bytes if self.exchange is not None else 0) - unsent
        if type(pace) is not ResponsePace:
            pace = self.pace = ResponsePace(taken, limits, now)
        return pace.lags(taken, now)

    def give_up(self) -> None:
        """On a client that lags."""
        if self.phase == BODY and self.exchange.phase != STREAMING:
            self._bad_body(BadMessage(408, "the body came too slowly"))
            return
        if self.is_busy:
            self.exchange.note(CUT, "the response was taken too slowly")
            self.exchange.abandon()
        self.cut()

    def rest(self) -> None:
        """Idle for a while: let go of what only speeds up a next request."""
        if self.phase == WAITING and self.head is not None:
            self._forget()
            self.known_head = b""
            self.peer.forget()
            self.head = self.exchange = None

    def drain(self) -> None:
        """The engine stops: idle connections close now, busy ones after their response."""
        self.keeps = False
        if self.phase == WAITING and not self.held:
            if self.served:
                self.transport.close()
            else:  # just opened: its request is likely to be on the way
                self.deadline = min(self.deadline, self.engine.now + FIRST_REQUEST_S)

    # -- the end ----------------------------------------------------------------

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
        self.body = None
        self.resume_reading()
        self.deadline = self.engine.now + self.engine.limits.linger_s
        if self.has_ended or self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
