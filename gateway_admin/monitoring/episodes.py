"""What engines tell of the moment (ejections by circuit breakers, names that do not resolve), made into history.

Each worker judges for itself and changes its mind by itself, so a row for each change would be a flood: a target that
fails half of the time is ejected and let back in by every worker several times a minute. One row therefore stands for
an *episode*: from when the first worker of an engine reports the target out until none of its workers does. One that
comes back within ``JOINED_S`` goes on in the same row, which counts them, for at most ``LONGEST``. So there is at most
a row per minute, target and engine, and a row per hour of steady flapping.

Reports come every other second: what was over sooner is not in here, and times are that exact. Half-open counts as out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from gateway_admin.catalog.models import Target

from .models import HealthEvent, locked_head
from .notices import announce_episodes

JOINED_S = 60.0
LONGEST = timedelta(hours=1)
SOURCES = {"ejected": HealthEvent.Source.EJECTION, "unresolved": HealthEvent.Source.DNS}  # by the report's word

Key = tuple[UUID, str]
"""Target and source."""


@dataclass(frozen=True)
class Out:
    cause: str
    workers: int


def outs(workers: Iterable[Mapping]) -> dict[Key, Out]:
    """``workers``: of one engine, as ``EngineNode`` keeps them. A report of an older release lacks what it did not
    know."""
    causes: dict[Key, str] = {}
    counts: Counter[Key] = Counter()
    for worker in workers:
        for word, source in SOURCES.items():
            for fact in worker.get(word, ()):
                key = (UUID(fact["target_id"]), source.value)
                causes[key] = fact["cause"]
                counts[key] += 1
    return {key: Out(cause, counts[key]) for key, cause in causes.items()}


def follow(node_id: str, engine: str, before: Iterable[Mapping], after: Iterable[Mapping], now: datetime) -> None:
    """Write what differs between two reports of an engine. No statement where nothing does."""
    known, found = outs(before), outs(after)
    ended = known.keys() - found.keys()
    fresh = {key: out for key, out in found.items() if key not in known or out.workers > known[key].workers}
    if not ended and not fresh:
        return
    with transaction.atomic():
        head = locked_head()
        _end(HealthEvent.objects.filter(_of(ended), node_id=node_id), now)
        going_on = _going_on(node_id, fresh, now)
        for key, event in going_on.items():
            _continue(event, fresh[key])
        begun = {key: out for key, out in fresh.items() if key not in going_on}
        _begin(head, node_id, engine, begun, now)
        upstreams = HealthEvent.objects.filter(_of(ended | fresh.keys()), node_id=node_id)
        concerned = set(upstreams.order_by().values_list("upstream_id", flat=True).distinct())
        transaction.on_commit(partial(announce_episodes, concerned))


def end_of(node_id: str | UUID, at: datetime) -> None:
    """The engine is gone: nothing that it saw goes on."""
    _end(HealthEvent.objects.filter(node_id=node_id), at)


def _of(keys: Iterable[Key]) -> Q:
    by_source: dict[str, list[UUID]] = {}
    for target_id, source in keys:
        by_source.setdefault(source, []).append(target_id)
    wanted = Q(pk__in=())
    for source, target_ids in by_source.items():
        wanted |= Q(source=source, target_id__in=target_ids)
    return wanted


def _end(events, at: datetime) -> None:
    events.filter(ended_at=None).update(ended_at=at)


def _going_on(node_id: str, keys: Iterable[Key], now: datetime) -> dict[Key, HealthEvent]:
    """Episodes that have not ended, or so lately that what begins now is the same trouble still."""
    ended_lately = Q(ended_at__gt=now - timedelta(seconds=JOINED_S), at__gt=now - LONGEST)
    rows = HealthEvent.objects.filter(_of(keys), Q(ended_at=None) | ended_lately, node_id=node_id)
    return {(event.target_id, event.source): event for event in rows.order_by("id")}


def _continue(event: HealthEvent, out: Out) -> None:
    if event.ended_at is not None:
        event.times += 1
        event.ended_at = None
    event.cause = out.cause
    event.workers = max(event.workers, out.workers)
    event.save(update_fields=["times", "ended_at", "cause", "workers"])


def _begin(head, node_id: str, engine: str, begun: Mapping[Key, Out], now: datetime) -> None:
    """Of targets that still exist."""
    targets = Target.objects.only("target", "upstream_id").in_bulk({target_id for target_id, _ in begun})
    wanted = [(key, out, targets[key[0]]) for key, out in begun.items() if key[0] in targets]
    HealthEvent.objects.bulk_create(
        HealthEvent(
            id=seq,
            at=now,
            target_id=target.pk,
            upstream_id=target.upstream_id,
            label=target.target,
            healthy=False,
            cause=out.cause,
            source=source,
            actor=engine,
            node_id=node_id,
            workers=out.workers,
        )
        for seq, ((_, source), out, target) in enumerate(wanted, head.seq + 1)
    )
    head.seq += len(wanted)
    head.save(update_fields=["seq"])
