"""What circuit breakers keep out at the moment: the reports of the live engines, put together per target.

Each worker breaks its own circuits, so a target may be out of some workers and in use by others. Reports come every
other second: what stands here is that old, and gone when an engine falls silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.apps import apps


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


def ejections() -> dict[UUID, Ejection]:
    """By target id: of those that are out of any worker. There are never many: each worker reports a hundred at most.
    One statement."""
    engines = apps.get_model("monitoring", "EngineNode").objects.live().values_list("workers", flat=True)
    workers = [worker for of_engine in engines for worker in of_engine]
    told: dict[str, list[Mapping]] = defaultdict(list)
    for worker in workers:
        for fact in worker.get("ejected", ()):  # what an older release recorded has none
            told[fact["target_id"]].append(fact)
    return {UUID(target_id): _together(facts, len(workers)) for target_id, facts in told.items()}


def _together(facts: list[Mapping], all_workers: int) -> Ejection:
    newest = max(facts, key=lambda fact: fact["since"])
    until = max((fact["until"] for fact in facts if fact["until"] is not None), default=None)
    since = datetime.fromtimestamp(newest["since"], UTC)
    tried_at = None if until is None else datetime.fromtimestamp(until, UTC)
    return Ejection(len(facts), all_workers, since, tried_at, newest["cause"])
