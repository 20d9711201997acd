"""Everything that writes what was observed: flips of targets, reports of engines, the end of old history."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, F, Max, OuterRef, When
from django.db.models.functions import Now
from django.utils import timezone

from gateway_admin.catalog.models import Change, Target
from proxy_engine import spec
from proxy_engine.sources import HealthFlip, NodeReport

from . import episodes
from .models import EngineNode, HealthEvent, HealthHead, TargetHealth, locked_head
from .notices import announce_engines, announce_health

Source = TargetHealth.Source


@dataclass(frozen=True, slots=True)
class Flip:
    """One target goes up or down. ``cause`` in words: "3 of 3 checks failed: 503, 503, no answer in 1 s"."""

    target_id: str
    upstream_id: str
    address: str
    healthy: bool
    cause: str
    judged_by: str = ""  # fingerprint of the check, where it was one
    actor: str = ""  # the person who said so, or who changed the configuration
    at: datetime | None = None  # when it was seen, where that is not now


def mark_targets(flips: Iterable[Flip], *, source: Source, at: datetime | None = None) -> dict[str, int]:
    """Store what flipped, with one event each, and tell engines and pages.

    May run twice without harm: what is so already stays as it is, but for a person's word. Returns the sequence number
    that each target's mark now has, 0 where there is none. Targets that were deleted meanwhile are left out.
    """
    asked = {flip.target_id: flip for flip in flips}
    with transaction.atomic():
        head = locked_head()
        targets = _existing_targets(asked)
        flips = [flip for target_id, flip in asked.items() if target_id in targets]
        marks = _marks(targets)
        news = [flip for flip in flips if _is_news(flip, marks.get(flip.target_id), source)]
        since = {key: _before_since(target, marks.get(key)) for key, target in targets.items()}
        stored = _store(head, news, source, at, since)
    before = {flip.target_id: getattr(marks.get(flip.target_id), "seq", 0) for flip in flips}
    return before | stored


def mark_by_hand(target: Target, *, healthy: bool, by: str) -> None:
    """Until checks or traffic find otherwise. Raises ``ChecksOff`` where nothing would keep or lift the mark."""
    rules = spec.to_spec("upstreams", target.upstream.to_values())
    checks, ends_ejection = rules.healthchecks, healthy and rules.circuit_breaker.is_on
    if not (checks.active.is_on or checks.passive.is_on or ends_ejection):
        raise ChecksOff(f"healthchecks are off for upstream {target.upstream.name}: nothing would keep the mark")
    cause = f"set {'healthy' if healthy else 'unhealthy'} by {by}"
    flip = Flip(str(target.pk), str(target.upstream_id), target.target, healthy, cause, actor=by)
    mark_targets([flip], source=Source.MANUAL)


class ChecksOff(Exception):
    """In words for whoever asked."""


def mark_by_traffic(flips: Iterable[HealthFlip]) -> dict[str, int]:
    """What passive checks of an engine found. Each keeps its own time: it may have waited for us to come back."""
    seen = [
        Flip(
            flip.target_id,
            flip.upstream_id,
            flip.address,
            flip.healthy,
            flip.cause,
            at=datetime.fromtimestamp(flip.at, UTC),
        )
        for flip in flips
    ]
    return mark_targets(seen, source=Source.PASSIVE)


FIRST_CHECK = "first check"
"""In the place of a check's fingerprint: the mark of a target that was not checked yet, which one success lifts."""


def mark_newcomers(flips: Iterable[Flip]) -> None:
    """Whatever was known before was of another address, or is no longer true."""
    with transaction.atomic():
        head = locked_head()
        waiting = [replace(flip, judged_by=FIRST_CHECK) for flip in flips]
        _store(head, waiting, Source.CONFIG, None, dict.fromkeys(flip.target_id for flip in waiting))


def lift_marks(causes: Mapping[str, str], *, at: datetime | None = None) -> dict[str, int]:
    """Take back unhealthy marks: target id → why, in words. Targets that no longer exist included."""
    with transaction.atomic():
        head = locked_head()
        marks = {target_id: mark for target_id, mark in _marks(causes).items() if not mark.healthy}
        actors = _last_editors(marks)
        flips = [
            Flip(key, str(mark.upstream_id), mark.address, healthy=True, cause=causes[key], actor=actors.get(key, ""))
            for key, mark in marks.items()
        ]
        return _store(head, flips, Source.CONFIG, at, {key: mark.since for key, mark in marks.items()})


def _last_editors(marks: Mapping[str, TargetHealth]) -> dict[str, str]:
    """By target id: who last changed the target or its upstream. Two statements."""
    concerned = {*marks, *(str(mark.upstream_id) for mark in marks.values())}
    changes = Change.objects.filter(kind__in=("targets", "upstreams"), entity_id__in=concerned).order_by()
    newest = dict(changes.values_list("entity_id").annotate(Max("version")))
    actors = Change.objects.only("actor").in_bulk(list(newest.values()))
    last = {key: max(newest.get(UUID(key), 0), newest.get(mark.upstream_id, 0)) for key, mark in marks.items()}
    return {key: actors[version].actor for key, version in last.items() if version in actors}


def _existing_targets(target_ids: Iterable[str]) -> dict[str, Target]:
    found = Target.objects.only("pk", "target", "created_at").in_bulk(list(target_ids))
    return {str(target_id): target for target_id, target in found.items()}


def _marks(target_ids: Iterable[str]) -> dict[str, TargetHealth]:
    """However many: ``in_bulk`` keeps to the number of parameters that the database takes in one statement."""
    return {str(target_id): mark for target_id, mark in TargetHealth.objects.in_bulk(list(target_ids)).items()}


def _is_news(flip: Flip, mark: TargetHealth | None, source: Source) -> bool:
    """A person's "healthy" always is: the target may be ejected, of which only the engines' workers know."""
    if source is Source.MANUAL and flip.healthy:
        return True
    if mark is None:
        return not flip.healthy
    return (mark.healthy, mark.address) != (flip.healthy, flip.address)


def _before_since(target: Target, mark: TargetHealth | None) -> datetime | None:
    """Since when it had been as it was. A mark about another address says nothing about this one."""
    if mark is None:
        return target.created_at
    return mark.since if mark.address == target.target else None


def _store(
    head: HealthHead,
    flips: list[Flip],
    source: Source,
    at: datetime | None,
    before_since: Mapping[str, datetime | None],
) -> dict[str, int]:
    if not flips:
        return {}
    at = at or timezone.now()
    numbered = list(enumerate(flips, head.seq + 1))
    HealthEvent.objects.bulk_create(
        _event(seq, flip, source, at, before_since[flip.target_id]) for seq, flip in numbered
    )
    TargetHealth.objects.bulk_create(
        (_mark(seq, flip, source, at) for seq, flip in numbered),
        update_conflicts=True,
        unique_fields=["target"],
        update_fields=["upstream_id", "healthy", "since", "cause", "source", "address", "judged_by", "seq"],
    )
    head.seq += len(flips)
    head.save(update_fields=["seq"])
    transaction.on_commit(partial(announce_health, head.seq, {flip.upstream_id for flip in flips}))
    return {flip.target_id: seq for seq, flip in numbered}


def _event(seq: int, flip: Flip, source: Source, at: datetime, before_since: datetime | None) -> HealthEvent:
    return HealthEvent(
        id=seq,
        at=flip.at or at,
        target_id=flip.target_id,
        upstream_id=flip.upstream_id,
        label=flip.address,
        healthy=flip.healthy,
        cause=flip.cause,
        source=source,
        actor=flip.actor,
        before_since=before_since,
    )


def _mark(seq: int, flip: Flip, source: Source, at: datetime) -> TargetHealth:
    values = asdict(flip)
    del values["actor"]
    return TargetHealth(since=values.pop("at") or at, source=source, seq=seq, **values)


def prune_health(*, events_before: datetime) -> int:
    """Drop old events, and marks whose targets are gone. The marks of living targets stay, whatever their age."""
    gone, _ = HealthEvent.objects.filter(at__lt=events_before).delete()
    living = Target.objects.filter(pk=OuterRef("target_id"))
    TargetHealth.objects.filter(~Exists(living), healthy=True).delete()
    return gone


# --- Engines ---------------------------------------------------------------------------------------------------------


def record_engine(report: NodeReport, *, now: datetime | None = None) -> None:
    """What it keeps out, or cannot find, is compared with its report before: what differs is history."""
    now = now or timezone.now()
    before = EngineNode.objects.filter(node_id=report.node_id).values_list("workers", flat=True).first() or []
    values = {
        "name": report.name,
        "pid": report.pid,
        "version": report.version,
        "workers": [asdict(worker) for worker in report.workers],
        "problems": list(report.problems),
        "started_at": datetime.fromtimestamp(report.started_at, UTC),
        "seen_at": now,
    }
    runs_it_already = When(version=report.version, then=F("version_since"))
    with transaction.atomic():
        EngineNode.objects.update_or_create(
            node_id=report.node_id,
            defaults=values | {"version_since": Case(runs_it_already, default=Now())},
            create_defaults=values | {"version_since": Now()},
        )
        episodes.follow(report.node_id, report.name, before, values["workers"], now)
    transaction.on_commit(announce_engines)


def forget_engine(node_id: str) -> None:
    """After a clean stop nobody need wait for it, nor be told that it is lost."""
    EngineNode.objects.filter(node_id=node_id).delete()
    episodes.end_of(node_id, timezone.now())
    transaction.on_commit(announce_engines)


def prune_engines(*, silent_since: datetime) -> int:
    """A node that died without a farewell is listed as lost for a while, not for ever."""
    silent = EngineNode.objects.filter(seen_at__lt=silent_since)
    for node_id, seen_at in silent.values_list("node_id", "seen_at"):
        episodes.end_of(node_id, seen_at)
    gone, _ = silent.delete()
    return gone
