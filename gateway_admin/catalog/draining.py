"""Draining targets: no new requests from now on, those under way finish; at the deadline, or as soon as nothing is in
flight any more, the target is removed, disabled or returned.

A drain is a field of the target, so it is configuration: stored, in the history, undone like any change, and followed
by the engines through the change stream. It needs no process to live on. Ending it is a look at the table, once a
second, by whoever looks: each end is decided anew under the lock of all writers, so two that look at once do no harm.

What is stored after its own deadline (an undo, an old file) is not acted on: nobody who brings a target back means
to have it removed at once. It stays drained until a person ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from proxy_engine import spec
from proxy_engine.spec.upstream_fields import DRAIN, LONGEST_DRAIN_S

from . import actions
from .changes import Actor
from .engine_reports import Worker, facts_by_target, worker_reports
from .models import Target

Values = dict[str, Any]

TASK = Actor("drain", "task")
SAME_MOMENT_S = 1.0  # between the end of a drain and when it was stored so, by whoever ended it

REQUEST = spec.Record(
    fields={
        "seconds": spec.Number(
            default=300,
            min=0,
            max=LONGEST_DRAIN_S,
            unit="s",
            help="Until it is over; sooner, once nothing is in flight.",
        ),
        "then": DRAIN.fields["then"],
        "keep_sticky": DRAIN.fields["keep_sticky"],
    },
    help="How to drain.",
)
"""What one asks for."""


def begun(asked: Mapping[str, Any], current: Mapping[str, Any] | None, now: datetime) -> Values:
    """The field of a target that drains from now on, as ``asked`` (REQUEST); one that drains already goes on."""
    began = round(now.timestamp(), 3)
    return {
        "since": current["since"] if current else began,
        "until": round(began + asked["seconds"], 3),
        "then": asked["then"],
        "keep_sticky": asked["keep_sticky"],
    }


@dataclass(frozen=True)
class InFlight:
    """Attempts at a target that drains, over all workers that report. ``unknown``: workers that did not tell yet."""

    count: int
    unknown: int

    @property
    def is_over(self) -> bool:
        return not self.count and not self.unknown


def in_flight(workers: Iterable[Worker]) -> dict[UUID, InFlight]:
    """By target id: of those that some worker knows to drain."""
    workers = list(workers)
    told = facts_by_target(workers, "draining")
    return {
        target_id: InFlight(sum(fact["active"] for fact in facts), len(workers) - len(facts))
        for target_id, facts in told.items()
    }


# --- The end ---------------------------------------------------------------------------------------------------------


def finish_drains(now: datetime | None = None) -> list[str]:
    """End all drains that are over. Returns the addresses of their targets. One statement where nothing drains."""
    draining = list(Target.objects.filter(drain__isnull=False).values_list("pk", flat=True))
    if not draining:
        return []
    found = in_flight(worker_reports())
    ended = (_finish(key, found.get(key), now or timezone.now()) for key in draining)
    return [address for address in ended if address]


def _finish(target_id: UUID, flying: InFlight | None, now: datetime) -> str:
    """Decided on the row as it is under the writers' lock: whoever came first has ended it, or a person has.

    One that ends early is over first and ends then, as two batches: who undoes the end does not find a drain that still
    runs, with nothing in flight, and so ends once more.
    """
    if _is_over_early(target_id, flying, now):
        with actions.batch(TASK):
            if _is_over_early(target_id, flying, now):
                over = {"drain": {"until": int(now.timestamp() * 1000) / 1000}}
                actions.update(kind="targets", entity_id=target_id, values=over, actor=TASK)
    if not _is_over(_row(target_id), now):
        return ""
    with actions.batch(TASK):
        target = _row(target_id)
        if not _is_over(target, now):
            return ""
        _end(target)
    return target.target


def _row(target_id: UUID) -> Target | None:
    return Target.objects.filter(pk=target_id, drain__isnull=False).first()


def _is_over(target: Target | None, now: datetime) -> bool:
    return target is not None and not was_restored(target) and target.drain["until"] <= now.timestamp()


def _is_over_early(target_id: UUID, flying: InFlight | None, now: datetime) -> bool:
    """Sticky clients may come back until the deadline."""
    if flying is None or not flying.is_over:
        return False
    target = _row(target_id)
    return target is not None and now.timestamp() < target.drain["until"] and not target.drain["keep_sticky"]


def was_restored(target: Target) -> bool:
    """It was stored with a drain that had ended before."""
    return target.drain is not None and target.drain["until"] < target.updated_at.timestamp() - SAME_MOMENT_S


def _end(target: Target) -> None:
    then = target.drain["then"]
    if then == "remove":
        actions.delete(kind="targets", entity_id=target.pk, actor=TASK)
    else:
        values = {"drain": None} | ({"enabled": False} if then == "off" else {})
        actions.update(kind="targets", entity_id=target.pk, values=values, actor=TASK)
