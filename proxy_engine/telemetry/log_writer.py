"""The thread that writes log lines, so that a slow disk or a full pipe holds up no request.

Batches wait in a queue of at most ``MAX_WAITING`` bytes; what does not fit is dropped and counted. What goes wrong with
the file is said once, and once more when it is over.
"""

from __future__ import annotations

import queue
import threading
from collections import deque

from .log_file import LinesLost, LogFile

MAX_WAITING = 16 * 1024 * 1024  # bytes; a second of a busy worker's lines. Apache's and nginx's writers wait instead
CLOSE_TIMEOUT_S = 2.0  # at the end, for what waits


class LogWriter:
    """``put`` and ``take_notices`` belong to the event loop's thread, all with an underscore to the writer's."""

    def __init__(self, file: LogFile) -> None:
        self.file = file
        self.lines = 0  # handed over
        self._dropped_here = 0  # because too many were waiting
        self._lost_there = 0  # because they could not be written
        self._put_bytes = 0
        self._done_bytes = 0
        self._is_in_trouble = False
        self._lost_in_trouble = 0
        self._notices: deque[str] = deque(maxlen=20)
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_for_ever, name="access-log", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<LogWriter {self.file} waiting={self.waiting_bytes} lost={self.lost}>"

    @property
    def waiting_bytes(self) -> int:
        return self._put_bytes - self._done_bytes

    @property
    def lost(self) -> int:
        """Lines that reached no file."""
        return self._dropped_here + self._lost_there

    def put(self, lines: bytes, count: int) -> None:
        self.lines += count
        if self.waiting_bytes + len(lines) > MAX_WAITING:
            if not self._dropped_here:
                self._notices.append(f"access log: {self.file.path} takes lines slower than they come; some are lost")
            self._dropped_here += count
            return
        self._put_bytes += len(lines)
        self._queue.put(lines)

    def reopen(self) -> None:
        """Begin a new file now if the old one was moved, and not with the next line."""
        self._queue.put(b"")

    def take_notices(self) -> list[str]:
        notices = []
        while self._notices:
            notices.append(self._notices.popleft())
        return notices

    def close(self) -> None:
        """Write what waits. A file that hangs does not keep the process."""
        self._queue.put(None)
        self._thread.join(CLOSE_TIMEOUT_S)

    # -- in the thread ----------------------------------------------------------

    def _write_for_ever(self) -> None:
        while (lines := self._queue.get()) is not None:
            try:
                self.file.write(lines)
            except LinesLost as problem:
                self._failed(problem)
            else:
                if self._is_in_trouble and lines:
                    self._recovered()
            self._done_bytes += len(lines)
        self.file.close()

    def _failed(self, problem: LinesLost) -> None:
        self._lost_there += problem.count
        self._lost_in_trouble += problem.count
        if not self._is_in_trouble:
            self._is_in_trouble = True
            self._notices.append(
                f"access log: cannot write {self.file.path}: {problem.reason}; lines are lost meanwhile"
            )

    def _recovered(self) -> None:
        self._notices.append(f"access log: {self.file.path} is written again; {self._lost_in_trouble} lines were lost")
        self._is_in_trouble, self._lost_in_trouble = False, 0
