"""How late checks are and how many came to nothing, so that overload and outages are seen.

Too few workers, or too little ``concurrency`` for an upstream's targets, never just mean fewer checks.
"""

import logging

log = logging.getLogger(__name__)

LATE_MS = 1000
REPORT_EVERY_MS = 10_000


class Lag:
    """Of one process. Says in the log what was not as it should be, at most every ten seconds whatever the number."""

    def __init__(self):
        self._since_ms = 0
        self._reset()

    def _reset(self) -> None:
        self._worst_ms = self._skipped = self._uncounted = 0
        self._last_error: Exception | None = None

    def note(self, late_ms: int, now_ms: int) -> None:
        self._worst_ms = max(self._worst_ms, late_ms)
        self._report(now_ms)

    def skip(self, now_ms: int) -> None:
        self._skipped += 1
        self._report(now_ms)

    def uncounted(self, error: Exception, now_ms: int) -> None:
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
