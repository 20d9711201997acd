"""Reads of the catalog that need thought, each in a fixed number of SQL statements."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EntityNotFound
from proxy_engine import spec
from proxy_engine.spec.build import healthchecks
from proxy_engine.spec.scalars import normalise_target

from .kinds import KINDS
from .models import Service, Target, Upstream

_STORABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+\Z")

# A mark counts for the address that was judged; after an edit of the address the target starts without one.
MARKED_UNHEALTHY = Q(health__healthy=False, health__address=F("target"))
IN_USE = Q(enabled=True, weight__gt=0)
READY = IN_USE & ~MARKED_UNHEALTHY


# --- By id or name ---------------------------------------------------------------------------------------


def key_filter(kind: str, key: str) -> dict | None:
    """What to look for: a UUID is an id, anything else a name. None when nothing can be called so."""
    if spec.is_uuid(key):
        return {"pk": UUID(key)}
    if not _STORABLE.match(key):
        return None
    return {KINDS[kind].spec.label_field: (normalise_target(key) or key) if kind == "targets" else key}


def find(kind: str, key: str, rows: QuerySet) -> Entity:
    """Among ``rows``, by id or name, in one statement."""
    wanted = key_filter(kind, key)
    entity = rows.filter(**wanted).first() if wanted else None
    if entity is None:
        raise EntityNotFound(kind, key)
    return entity


def id_of(kind: str, key: str) -> UUID | None:
    wanted = key_filter(kind, key)
    if wanted is None:
        return None
    return KINDS[kind].model.objects.filter(**wanted).values_list("pk", flat=True).first()


def upstream_name(key: str) -> str | None:
    wanted = key_filter("upstreams", key)
    return Upstream.objects.filter(**wanted).values_list("name", flat=True).first() if wanted else None


def upstream_ids(services: Iterable[Service]) -> dict[str, UUID]:
    """Host → id of the upstream of that name. One statement."""
    hosts = {service.host for service in services}
    return dict(Upstream.objects.filter(name__in=hosts).values_list("name", "pk"))


# --- Health ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TargetState:
    """``health``: healthy, unhealthy, unchecked (nothing judges it) or disabled. ``share``: 0…100 % of its upstream."""

    health: str
    cause: str
    since: datetime | None
    share: float


@dataclass(frozen=True)
class UpstreamState:
    """``health``: healthy, degraded (some targets unhealthy), unhealthy (all), unchecked or empty (none in use)."""

    health: str
    targets: int
    ready: int
    unhealthy: int


def with_health(targets: QuerySet) -> QuerySet:
    return targets.select_related("upstream", "health")


def target_states(targets: Iterable[Target]) -> dict[UUID, TargetState]:
    """For targets from ``with_health``. One statement."""
    targets = list(targets)
    siblings = Target.objects.filter(READY, upstream__in={target.upstream_id for target in targets})
    weights = dict(siblings.values_list("upstream").annotate(Sum("weight")).order_by())
    return {target.pk: _target_state(target, weights.get(target.upstream_id, 0)) for target in targets}


def _target_state(target: Target, ready_weight: int) -> TargetState:
    mark = getattr(target, "health", None)  # the reverse side of a one-to-one raises where there is no row
    mark = mark if mark is not None and mark.address == target.target else None
    is_ready = target.enabled and target.weight > 0 and (mark is None or mark.healthy)
    share = round(100 * target.weight / ready_weight, 2) if is_ready else 0.0
    since, cause = (mark.since, mark.cause) if mark else (None, "")
    return TargetState(_target_health(target, mark), cause, since, share)


def _target_health(target: Target, mark) -> str:
    if not target.enabled:
        return "disabled"
    if mark is not None:
        return "healthy" if mark.healthy else "unhealthy"
    return "healthy" if is_checked(target.upstream) else "unchecked"


def is_checked(upstream: Upstream) -> bool:
    """Whether anything could ever mark a target unhealthy; checks that look on but cannot act do not count."""
    return healthchecks(upstream.healthchecks).can_judge


def upstream_states(upstreams: Iterable[Upstream]) -> dict[UUID, UpstreamState]:
    """One statement."""
    upstreams = list(upstreams)
    rows = Target.objects.filter(upstream__in=upstreams).order_by().values("upstream_id")
    counted = rows.annotate(
        targets=Count("pk"),
        in_use=Count("pk", filter=IN_USE),
        ready=Count("pk", filter=READY),
    )
    counts = {row["upstream_id"]: row for row in counted}
    none = {"targets": 0, "in_use": 0, "ready": 0}
    return {upstream.pk: _upstream_state(upstream, counts.get(upstream.pk, none)) for upstream in upstreams}


def _upstream_state(upstream: Upstream, counts: dict) -> UpstreamState:
    unhealthy = counts["in_use"] - counts["ready"]
    if not counts["in_use"]:
        health = "empty"
    elif unhealthy:
        health = "degraded" if counts["ready"] else "unhealthy"
    else:
        health = "healthy" if is_checked(upstream) else "unchecked"
    return UpstreamState(health, counts["targets"], counts["ready"], unhealthy)
