"""Failures of targets as an operator should read them: one line per target and kind, however many requests met it."""

from __future__ import annotations

from proxy_engine.errors import FailureKind

MAX_KINDS = 200  # distinct lines between two reports; more are only counted


class ProblemLog:
    """Collects between two ``take``s."""

    __slots__ = ("counts", "dropped")

    def __init__(self) -> None:
        self.counts: dict[tuple[str, FailureKind, str], int] = {}
        self.dropped = 0

    def note(self, address: str, kind: FailureKind, detail: str) -> None:
        key = (address, kind, detail)
        if key in self.counts or len(self.counts) < MAX_KINDS:
            self.counts[key] = self.counts.get(key, 0) + 1
        else:
            self.dropped += 1

    def take(self) -> list[str]:
        """Lines such as ``127.0.0.1:5001: connect: connection refused (12 times)``; the log is empty afterwards."""
        lines = [
            f"{address}: {kind.value}: {detail}" + (f" ({count} times)" if count > 1 else "")
            for (address, kind, detail), count in self.counts.items()
        ]
        if self.dropped:
            lines.append(f"{self.dropped} further failures of other kinds")
        self.counts.clear()
        self.dropped = 0
        return lines
