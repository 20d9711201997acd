"""A file that several processes append lines to, and that someone may move away at any time.

- **Whole lines.** The file is open for appending and a batch is one write, which the kernel puts behind the others'.
  Pipes promise that only up to ``PIPE_BUF`` bytes (pipe(7)), so they get smaller pieces. Where a full disk cuts a line
  short, the next batch begins on a new one.
- **Rotation from outside.** Before each batch the path is compared with what is open: once the file was moved, a new
  one is begun, so logrotate needs no signal and no ``copytruncate``. If none can be begun, the old one goes on while it
  has a name; lines for a deleted file would be lost in silence, so they are lost aloud.
- **A bound of its own.** At ``max_bytes`` the file is moved to ``….1``, over the one before. All writers lock the open
  file for that and look again: only one moves it, and none moves the new one.

It blocks, and belongs into a thread.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
from pathlib import Path

MODE = 0o640  # addresses and queries of clients are nobody else's business
_CLOSED = -1
_LINE_FEED = 0x0A
_NEW_FILE = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY


class LinesLost(Exception):
    """So many lines of a batch reached no file."""

    def __init__(self, count: int, reason: str) -> None:
        super().__init__(f"{count} lines lost: {reason}")
        self.count = count
        self.reason = reason


class LogFile:
    def __init__(self, path: Path, max_bytes: int) -> None:
        """``max_bytes``: 0 = somebody else rotates. The file is opened with the first batch."""
        self.path = path
        self.max_bytes = max_bytes
        self._fd = _CLOSED
        self._identity = (0, 0)  # device and inode
        self._is_regular = False
        self._is_mid_line = False

    def __repr__(self) -> str:
        return f"<LogFile {self.path}{'' if self._fd >= 0 else ' closed'}>"

    def write(self, lines: bytes) -> None:
        """``lines``: whole ones; nothing = only look whether the file was moved. Raises LinesLost."""
        try:
            self._follow_path(len(lines))
        except OSError as error:
            raise LinesLost(lines.count(b"\n"), error.strerror) from error
        if lines:
            self._append(b"\n" + lines if self._is_mid_line else lines)

    def _append(self, lines: bytes) -> None:
        done = 0
        try:
            while done < len(lines):
                done += os.write(self._fd, self._piece(lines, done))
        except OSError as error:
            raise LinesLost(lines.count(b"\n", done), error.strerror) from error
        finally:
            if done:
                self._is_mid_line = lines[done - 1] != _LINE_FEED

    def _piece(self, lines: bytes, done: int) -> memoryview:
        if self._is_regular:
            return memoryview(lines)[done:]
        end = done + select.PIPE_BUF
        if end < len(lines):
            end = lines.rfind(b"\n", done, end) + 1 or lines.find(b"\n", done) + 1
        return memoryview(lines)[done:end]

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = _CLOSED

    # -- which file -------------------------------------------------------------

    def _follow_path(self, more_bytes: int) -> None:
        if self._fd < 0:
            self._open()
            return
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._identity:
            self._open_successor()
        elif self._is_regular and 0 < self.max_bytes < found.st_size + more_bytes and found.st_size:
            self._rotate(found.st_size)

    def _open(self) -> None:
        fd = os.open(self.path, _NEW_FILE | os.O_NONBLOCK, MODE)  # a FIFO nobody reads would hold us here
        os.set_blocking(fd, True)
        self.close()
        self._take(fd)

    def _take(self, fd: int) -> None:
        self._fd = fd
        opened = os.fstat(fd)
        self._identity = (opened.st_dev, opened.st_ino)
        self._is_regular = stat.S_ISREG(opened.st_mode)
        self._is_mid_line = False

    def _open_successor(self) -> None:
        try:
            self._open()
        except OSError:
            if os.fstat(self._fd).st_nlink == 0:
                self.close()
                raise

    def _rotate(self, size: int) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)  # ends with the descriptor
        try:
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) == self._identity and found.st_size >= size:
                real = os.path.realpath(self.path)
                os.replace(real, f"{real}.1")
        except FileNotFoundError:
            pass  # moved away this moment
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._open_successor()


class StandardOutput(LogFile):
    """What the process was started with; it has no path that could be moved."""

    def __init__(self) -> None:
        super().__init__(Path("/dev/stdout"), 0)

    def _follow_path(self, more_bytes: int) -> None:
        if self._fd < 0:
            self._take(os.dup(1))
