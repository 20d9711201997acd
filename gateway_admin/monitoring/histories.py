"""What is known of the last week of an upstream's targets, read in a fixed number of statements for ``uptime``."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from gateway_admin.catalog.models import Change, Target, Upstream
from gateway_admin.catalog.queries import with_health

from .models import HealthEvent
from .uptime import WINDOWS, Flipped, Life, Uptime, health_spans, shares, strip, target_strip, upstream_spans

LONGEST = max(WINDOWS.values())


@dataclass(frozen=True)
class Uptimes:
    """``targets``: of those there are now, by id; ``rows`` are they."""

    rows: list[Target]
    upstream: Uptime
    targets: Mapping[UUID, Uptime]


def uptimes(upstream: Upstream, *, now: datetime | None = None) -> Uptimes:
    """Four statements."""
    now = now or timezone.now()
    begin, end = (now - LONGEST).timestamp(), now.timestamp()
    targets = {target.pk: target for target in with_health(upstream.targets.all())}
    lives = _lives(upstream, targets, now)
    spans = upstream_spans(lives.values(), upstream.created_at.timestamp(), begin, end)
    return Uptimes(
        list(targets.values()),
        Uptime(shares(spans, end), strip(spans, end)),
        {key: _uptime(lives[key], begin, end) for key in targets},
    )


def _uptime(life: Life, begin: float, end: float) -> Uptime:
    return Uptime(shares(health_spans(life, begin, end), end), target_strip(life, end))


def _lives(upstream: Upstream, targets: Mapping[UUID, Target], now: datetime) -> dict[UUID, Life]:
    """Of those there are, and of those that were deleted meanwhile."""
    since = now - LONGEST
    removed = Change.objects.filter(
        kind=Target.kind, at__gte=since, after__isnull=True, before__upstream__id=str(upstream.pk)
    ).values_list("entity_id", "at")
    gone = {entity_id: at for entity_id, at in removed if entity_id not in targets}
    lives = {key: _life(target) for key, target in targets.items()}
    lives |= {key: Life(born=since.timestamp(), died=at.timestamp()) for key, at in gone.items()}
    _add_uses(lives, targets, str(upstream.pk), since, now)
    _add_events(lives, upstream, since, now)
    return lives


def _life(target: Target) -> Life:
    """A mark about another address is not about this target."""
    mark = getattr(target, "health", None)
    born = target.created_at.timestamp()
    if mark is None or mark.address != target.target:
        return Life(born)
    return Life(born, mark.healthy, mark.since.timestamp())


def _add_uses(
    lives: Mapping[UUID, Life], targets: Mapping[UUID, Target], upstream_id: str, since: datetime, now: datetime
) -> None:
    """When each came into use and went out of it, from what changed; what did not change is as it is now."""
    rows = Change.objects.filter(kind=Target.kind, entity_id__in=lives, at__gte=since).order_by("version")
    changes: dict[UUID, list[tuple]] = defaultdict(list)
    for entity_id, at, before, after in rows.values_list("entity_id", "at", "before", "after"):
        changes[entity_id].append((at.timestamp(), before, after))
    for key, life in lives.items():
        if changed := changes[key]:
            first_at, before, _ = changed[0]
            if before is None:
                life.born = max(life.born, first_at)
            life.uses = [(since.timestamp(), _in_use(before, upstream_id))]
            life.uses += [(at, _in_use(after, upstream_id)) for at, _, after in changed]
        else:
            target = targets[key]
            life.uses = [(life.born, target.enabled and target.weight > 0)]


def _in_use(values: dict | None, upstream_id: str) -> bool:
    if values is None or values["upstream"]["id"] != upstream_id:
        return False
    return values.get("enabled", True) and values["weight"] > 0


def _add_events(lives: Mapping[UUID, Life], upstream: Upstream, since: datetime, now: datetime) -> None:
    rows = HealthEvent.objects.filter(upstream_id=upstream.pk, at__gte=since).order_by("at", "id")
    columns = ("target_id", "at", "healthy", "before_since", "node_id", "ended_at")
    for target_id, at, healthy, before_since, node_id, ended_at in rows.values_list(*columns):
        if (life := lives.get(target_id)) is None:
            continue
        if node_id is not None:
            life.outs.append((at.timestamp(), (ended_at or now).timestamp()))
        else:
            life.flips.append(Flipped(at.timestamp(), healthy, before_since and before_since.timestamp()))
