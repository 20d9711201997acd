"""Which targets start slowly at the moment, as the workers report it; each worker has ramps of its own, at nearly the
same place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.utils import timezone

from .engine_reports import Worker, facts_by_target


@dataclass(frozen=True)
class Ramp:
    """``percent``: of its share that it has, on the average of all workers; ``until``: when the last gives it all."""

    percent: int
    until: datetime

    @property
    def seconds_left(self) -> int:
        return max(0, round((self.until - timezone.now()).total_seconds()))


def ramps(workers: Iterable[Worker]) -> dict[UUID, Ramp]:
    """By target id: of those that start slowly anywhere."""
    workers = list(workers)
    return {
        target_id: _together(facts, len(workers)) for target_id, facts in facts_by_target(workers, "ramping").items()
    }


def _together(facts: list[Mapping], workers: int) -> Ramp:
    full = 100 * (workers - len(facts))
    percent = round((sum(fact["percent"] for fact in facts) + full) / workers)
    return Ramp(percent, datetime.fromtimestamp(max(fact["until"] for fact in facts), UTC))
