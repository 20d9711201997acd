"""The audit's only writer: what was done to people, roles and tokens, and what was denied to whom.

A change is written in the transaction that makes it. Denials come from anybody, as fast as they like, so they must not
cost a write each: in one minute equal ones are one row, the first is written at once and the others no more often than
once a second; a process keeps at most ``MOST_A_MINUTE`` apart, and what is beyond them is one row more. What a process
has not written yet when it ends, less than a second of repetitions, is lost.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from .audit_entry import LONGEST, AuditEntry

log = logging.getLogger(__name__)

MOST_A_MINUTE = 60  # different denials of one process
WRITE_EVERY_S = 1.0  # the count of one of them
MOST_DENIALS = 100_000  # rows; the oldest go first
MINUTE_S = 60


class Denial(NamedTuple):
    actor: str
    via: str
    address: str
    what: str
    reason: str


OTHERS = Denial("various", "", "", "various", f"more than {MOST_A_MINUTE} different denials in a minute")


class Due(NamedTuple):
    """To be written now. ``minute``: since 1970."""

    denial: Denial
    minute: int
    count: int


def via_of(path: str) -> str:
    """The door that a path belongs to, in the words of the change log."""
    first = path.lstrip("/").partition("/")[0]
    return {"api": "api", "admin-ui": "ui", "ws": "ui"}.get(first, "kong")


def record_change(*, actor: str, via: str, address: str, what: str, on_whom: str = "") -> None:
    """Call it inside the transaction of the change."""
    now = timezone.now()
    texts = {"actor": actor, "address": address, "what": what, "on_whom": on_whom}
    shown = {name: text[:LONGEST] for name, text in texts.items()}
    AuditEntry.objects.create(at=now, last_at=now, outcome=AuditEntry.Outcome.DONE, via=via, **shown)


def record_denial(denial: Denial) -> None:
    """Never fails: a refusal must not become an error because its trace cannot be written."""
    cut = Denial(*(text[:LONGEST] for text in denial))
    for due in ledger.add(cut, time.time()):
        try:
            _write(due)
        except DatabaseError as error:
            log.warning("a denial is in no audit: %s", error)


def _write(due: Due) -> None:
    digest = hashlib.sha256(repr((due.denial, due.minute)).encode("utf-8", "surrogatepass")).hexdigest()
    rows, now = AuditEntry.objects.filter(digest=digest), timezone.now()
    again = {"count": F("count") + due.count, "last_at": now}
    if rows.update(**again):
        return
    facts = {**due.denial._asdict(), "outcome": AuditEntry.Outcome.DENIED, "digest": digest, "on_whom": ""}
    try:
        with transaction.atomic():
            AuditEntry.objects.create(at=now, last_at=now, count=due.count, **facts)
    except IntegrityError:  # another process was faster
        rows.update(**again)


@dataclass
class _Seen:
    unwritten: int = 0
    written_s: float | None = None


@dataclass
class Ledger:
    """What this process has seen in the present minute. Pure but for its lock: takes the time, tells what to write."""

    minute: int = 0
    seen: dict[Denial, _Seen] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, denial: Denial, now_s: float) -> list[Due]:
        with self.lock:
            due = self._turn_over(int(now_s // MINUTE_S))
            if denial not in self.seen and len(self.seen) >= MOST_A_MINUTE:
                denial = OTHERS
            seen = self.seen.setdefault(denial, _Seen())
            seen.unwritten += 1
            if seen.written_s is None or now_s - seen.written_s >= WRITE_EVERY_S:
                due.append(Due(denial, self.minute, seen.unwritten))
                self.seen[denial] = _Seen(0, now_s)
            return due

    def _turn_over(self, minute: int) -> list[Due]:
        if minute == self.minute:
            return []
        left = [Due(denial, self.minute, seen.unwritten) for denial, seen in self.seen.items() if seen.unwritten]
        self.minute, self.seen = minute, {}
        return left


ledger = Ledger()


def prune(*, before: datetime, most_denials: int = MOST_DENIALS) -> int:
    """Drop what is too old, and of denials what is too much."""
    gone, _ = AuditEntry.objects.filter(at__lt=before).delete()
    denials = AuditEntry.objects.filter(outcome=AuditEntry.Outcome.DENIED).order_by("-id")
    first_too_many = denials.values_list("id", flat=True)[most_denials : most_denials + 1].first()
    if first_too_many is not None:
        gone += denials.filter(id__lte=first_too_many).delete()[0]
    return gone
