"""The marks on targets as this process knows them, kept up by reading what was written since."""

from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from gateway_admin.monitoring.models import HealthHead, TargetHealth


class Mark(NamedTuple):
    """``seq`` tells which of two opinions is the younger one; ``address`` is the one that was judged."""

    healthy: bool
    seq: int
    address: str
    judged_by: str  # fingerprint of the check; empty where it was traffic or a person
    source: str = ""  # of TargetHealth.Source


NEVER_FAILED = Mark(healthy=True, seq=0, address="", judged_by="")


@dataclass(frozen=True, slots=True)
class Marks:
    """Who was ever marked, by target id."""

    seq: int
    known: dict[str, Mark]
    unhealthy: frozenset[str]

    def of(self, target_id: str) -> Mark:
        return self.known.get(target_id, NEVER_FAILED)


class MarksReader:
    """``current`` costs one small query when nothing flipped, and rows only for what did."""

    def __init__(self):
        self._marks = Marks(-1, {}, frozenset())
        self._lock = Lock()  # worker pools may be threads

    def current(self) -> Marks:
        with self._lock:
            seq = HealthHead.objects.filter(pk=1).values_list("seq", flat=True).first() or 0
            if seq != self._marks.seq:
                self._marks = self._read(seq)
            return self._marks

    def _read(self, seq: int) -> Marks:
        was_reset = seq < self._marks.seq  # another database, or an older copy of this one
        above, known = (-1, {}) if was_reset else (self._marks.seq, dict(self._marks.known))
        rows = TargetHealth.objects.filter(seq__gt=above)
        for target_id, *mark in rows.values_list("target_id", *Mark._fields):
            known[str(target_id)] = Mark(*mark)
        unhealthy = frozenset(target_id for target_id, mark in known.items() if not mark.healthy)
        return Marks(seq, known, unhealthy)
