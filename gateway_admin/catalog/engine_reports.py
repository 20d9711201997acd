"""What the workers of the live engines said last. Reports come every other second: what is read here is that old, and
gone when an engine falls silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.apps import apps

Worker = Mapping[str, Any]  # a ``sources.WorkerReport``
Told = dict[UUID, list[Mapping[str, Any]]]


def worker_reports() -> list[Worker]:
    """One statement."""
    engines = apps.get_model("monitoring", "EngineNode").objects.live().values_list("workers", flat=True)
    return [worker for of_engine in engines for worker in of_engine]


def facts_by_target(workers: Iterable[Worker], name: str) -> Told:
    """There are never many: each worker reports a hundred at most. What an older release recorded has none."""
    told: Told = defaultdict(list)
    for worker in workers:
        for fact in worker.get(name, ()):
            told[UUID(fact["target_id"])].append(fact)
    return told
