"""How late the checks of one process are and how many came to nothing, so that overload and outages are seen.

Too few workers, or too little ``concurrency`` for an upstream's targets, never just mean fewer checks.
"""

import logging

from .load import LATE_MS, Counted

log = logging.getLogger(__name__)

REPORT_EVERY_MS = 10_000


class Lag:
    """Says in the log what was not as it should be, at most every ten seconds whatever the number; what it ``counted``
    is for Redis. Each check is named by its due moment."""

    def __init__(self):
        self.counted = Counted()
        self._since_ms = 0
        self._reset()

    def _reset(self) -> None:
        self._worst_ms = self._skipped = self._uncounted = 0
        self._last_error: Exception | None = None

    def note(self, due_ms: int, late_ms: int, now_ms: int) -> None:
        self.counted.made(due_ms, late_ms)
        self._worst_ms = max(self._worst_ms, late_ms)
        self._report(now_ms)

    def skip(self, due_ms: int, now_ms: int) -> None:
        self.counted.left_out(due_ms)
        self._skipped += 1
        self._report(now_ms)

    def uncounted(self, due_ms: int, error: Exception, now_ms: int) -> None:
        self.counted.uncounted(due_ms)
        self._uncounted += 1
        self._last_error = error
        self._report(now_ms)

    def _report(self, now_ms: int) -> None:
        if now_ms - self._since_ms < REPORT_EVERY_MS:
            return
        if self._worst_ms > LATE_MS or self._skipped:
            late_s = self._worst_ms / 1000
            log.warning("health checks were late: by up to %.1f s, %d left out", late_s, self._skipped)
        if self._uncounted:
            log.warning("%d health checks could not be counted: %r", self._uncounted, self._last_error)
        self._since_ms = now_ms
        self._reset()
