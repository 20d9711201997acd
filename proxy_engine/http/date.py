"""The ``Date`` line of responses, made once per second (RFC 9110 §6.6.1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate


class DateLine:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._line = b""

    def __repr__(self) -> str:
        return f"<DateLine {self._line!r}>"

    def now(self) -> bytes:
        """With CRLF."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._line = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line
