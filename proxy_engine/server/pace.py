"""Slow clients: who sends a body, or takes a response, more slowly than is believable is given up.

An idle time alone is no defence: a byte a minute keeps it from striking, and a thousand such connections cost an
attacker nothing (slowloris, R-U-D-Y). So there is a minimum rate as well, as in Kestrel (MinRequestBodyDataRate and
MinResponseDataRate, 240 B/s) and Apache (mod_reqtimeout, MinRate=500 after 20 s). It is kept as a credit in bytes:

    credit ← min(credit + bytes that moved − rate × time, rate × idle time);  below zero: too slow

It begins with the grace time's worth. It never grows beyond what the idle time would allow, so that one fast megabyte
does not pay for an hour of dripping (as it does where the average of the whole body is looked at). Time counts only
while the client is the one we wait for. A rate of 0 is kept by everyone.

The engine asks each connection once a second (``Engine.sweep``); a request that takes less never meets any of this.
"""

from __future__ import annotations

from proxy_engine.settings import Limits

from .body import Body

LONGEST_S = 5.0  # between two looks; a worker that was held up does not blame its clients for the time


class Pace:
    __slots__ = ("at", "credit", "most", "rate", "seen")

    def __init__(self, rate: int, grace_s: float, idle_s: float, seen: int, now: float) -> None:
        self.rate = rate  # bytes per second
        self.credit = rate * grace_s
        self.most = rate * max(grace_s, idle_s)
        self.seen = seen  # the count of bytes when last asked
        self.at = now

    def __repr__(self) -> str:
        return f"<{type(self).__name__} credit={self.credit:g} of {self.most:g} bytes>"

    def _charge(self, moved: int, now: float, *, is_awaited: bool) -> bool:
        """Whether the credit is used up."""
        seconds = min(now - self.at, LONGEST_S) if is_awaited else 0.0
        self.at = now
        self.credit = min(self.credit + moved - self.rate * seconds, self.most)
        return self.credit < 0


class BodyPace(Pace):
    """How fast a body comes."""

    __slots__ = ("body",)

    def __init__(self, body: Body, limits: Limits, now: float) -> None:
        super().__init__(limits.body_bytes_per_s, limits.rate_grace_s, limits.body_idle_s, 0, now)
        self.body = body

    def lags(self, now: float, *, is_awaited: bool) -> bool:
        before, self.seen = self.seen, self.body.payload_bytes
        return self._charge(self.seen - before, now, is_awaited=is_awaited)


class ResponsePace(Pace):
    """How fast what was written is taken. ``taken``: bytes written of the present response, less those that wait.

    That they become more says nothing against the client: it may take much of a response of which even more comes.
    """

    __slots__ = ()

    def __init__(self, taken: int, limits: Limits, now: float) -> None:
        super().__init__(limits.send_bytes_per_s, limits.rate_grace_s, limits.send_idle_s, taken, now)

    def lags(self, taken: int, now: float) -> bool:
        """Less was taken than before: another response has begun."""
        before, self.seen = self.seen, taken
        return self._charge(max(taken - before, 0), now, is_awaited=True)
