"""What circuit breakers keep out at the moment: the reports of the live engines, put together per target.

Each worker breaks its own circuits, so a target may be out of some workers and in use by others. Reports come every
other second: what stands here is that old, and gone when an engine falls silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from .engine_reports import Worker, facts_by_target, worker_reports


@dataclass(frozen=True)
class Ejection:
    """Of one target. ``until``: when the last worker tries it again; None where all are trying it already.

    ``cause``: what the worker saw that ejected it last.
    """

    workers: int
    all_workers: int
    since: datetime
    until: datetime | None
    cause: str

    @property
    def is_everywhere(self) -> bool:
        return self.workers == self.all_workers


def ejections(workers: Iterable[Worker] | None = None) -> dict[UUID, Ejection]:
    """By target id: of those that are out of any worker. One statement, none where the reports are at hand."""
    workers = worker_reports() if workers is None else list(workers)
    told = facts_by_target(workers, "ejected")
    return {target_id: _together(facts, len(workers)) for target_id, facts in told.items()}


def _together(facts: list[Mapping], all_workers: int) -> Ejection:
    newest = max(facts, key=lambda fact: fact["since"])
    until = max((fact["until"] for fact in facts if fact["until"] is not None), default=None)
    since = datetime.fromtimestamp(newest["since"], UTC)
    tried_at = None if until is None else datetime.fromtimestamp(until, UTC)
    return Ejection(len(facts), all_workers, since, tried_at, newest["cause"])
