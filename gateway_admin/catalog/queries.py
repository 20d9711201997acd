"""Reads of the catalog that need thought, each in a fixed number of SQL statements."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EntityNotFound
from proxy_engine import spec
from proxy_engine.spec.build import healthchecks
from proxy_engine.spec.scalars import normalise_target

from .draining import InFlight, in_flight
from .ejections import Ejection, ejections
from .engine_reports import worker_reports
from .kinds import KINDS
from .models import Service, Target, Upstream
from .ramps import Ramp, ramps

_STORABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+\Z")

# A mark counts for the address that was judged; after an edit of the address the target starts without one.
MARKED_UNHEALTHY = Q(health__healthy=False, health__address=F("target"))
IN_USE = Q(enabled=True, weight__gt=0, drain__isnull=True)
READY = IN_USE & ~MARKED_UNHEALTHY
FEW_MARKS = 300  # unhealthy ones that are looked up one by one


# --- By id or name ---------------------------------------------------------------------------------------


def key_filter(kind: str, key: str) -> dict | None:
    """What to look for: a UUID is an id, anything else a name. None when nothing can be called so."""
    if spec.is_uuid(key):
        return {"pk": UUID(key)}
    field = name_field(kind)
    if field is None or not _STORABLE.match(key):
        return None
    return {field: (normalise_target(key) or key) if kind == "targets" else key}


@cache
def name_field(kind: str) -> str | None:
    """The field by which clients name one of them; no secret, for names stand in URLs and logs. Targets have theirs
    within their upstream."""
    entity = KINDS[kind].spec
    if kind == "targets":
        return entity.label_field
    names = (entity.label_field, entity.endpoint_key)
    return next((name for name in names if (name,) in entity.unique and not entity.fields[name].secret), None)


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
    """``health``: healthy, unhealthy, unchecked (nothing judges it), draining or disabled. ``share``: 0…100 % of its
    upstream.

    ``waits``: ready, but a reserve for targets of a lower number of which one is ready. ``ejection``: what circuit
    breakers say; where all workers ejected a target, it is not ready. ``ramp``: it starts slowly; ``in_flight``: while
    it drains. All three as engines report them.
    """

    health: str
    cause: str
    since: datetime | None
    share: float
    waits: bool
    ejection: Ejection | None
    ramp: Ramp | None = None
    in_flight: InFlight | None = None

    @property
    def is_ejected(self) -> bool:
        """By all workers: it gets nothing but trial requests."""
        return self.ejection is not None and self.ejection.is_everywhere


@dataclass(frozen=True)
class UpstreamState:
    """``health``: healthy, degraded (some targets unhealthy), unhealthy (all), unchecked or empty (none in use)."""

    health: str
    targets: int
    ready: int
    unhealthy: int


def with_health(targets: QuerySet) -> QuerySet:
    """Each target with its upstream and its mark. Two statements: an upstream is read once, however many of its
    targets are."""
    return targets.select_related("health").prefetch_related("upstream")


class Serving(NamedTuple):
    """Who gets an upstream's requests, as the engine's balancer decides: the ready targets of the lowest priority that
    has any; or, where health leaves too little, all in use (``priority`` None) or nobody (``weight`` 0)."""

    priority: int | None
    weight: float  # of all of them, as far as it counts already


def target_states(targets: Iterable[Target]) -> dict[UUID, TargetState]:
    """For targets from ``with_health``. Four statements, one more while some start slowly."""
    targets = list(targets)
    upstreams = {target.upstream_id: target.upstream for target in targets}
    reports = worker_reports()
    ejected, starting, flying = ejections(reports), ramps(reports), in_flight(reports)
    tiers = _tiers(upstreams, {key for key, found in ejected.items() if found.is_everywhere})
    serving = {key: _serving(upstream, tiers[key]) for key, upstream in upstreams.items()}
    serving = _less_what_starts(serving, starting, ejected)
    return {
        target.pk: _target_state(
            target,
            serving[target.upstream_id],
            ejected.get(target.pk),
            starting.get(target.pk),
            flying.get(target.pk) if target.drain else None,
        )
        for target in targets
    }


def _less_what_starts(
    serving: dict[UUID, Serving], starting: dict[UUID, Ramp], ejected: dict[UUID, Ejection]
) -> dict[UUID, Serving]:
    """With the weights that count now."""
    rows = Target.objects.filter(READY, pk__in=starting, upstream__in=serving) if starting else ()
    for target in rows:
        of_upstream, ejection = serving[target.upstream_id], ejected.get(target.pk)
        if target.priority == of_upstream.priority and not (ejection and ejection.is_everywhere):
            missing = target.weight * (100 - starting[target.pk].percent) / 100
            serving[target.upstream_id] = of_upstream._replace(weight=of_upstream.weight - missing)
    return serving


class Tier(NamedTuple):
    """The targets of one priority. Weights."""

    priority: int
    in_use: int
    ready: int


def _tiers(upstream_ids: Collection[UUID], ejected: Collection[UUID]) -> dict[UUID, list[Tier]]:
    """Lowest priority first. What is in use is summed up from an index alone, less what is not ready."""
    rows = Target.objects.filter(IN_USE, upstream__in=upstream_ids).order_by("priority")
    weights = rows.values_list("upstream").annotate(tier=F("priority"), in_use=Sum("weight"))
    out: Counter[tuple[UUID, int]] = Counter()
    for upstream_id, priority, weight in _out_of_service(upstream_ids, ejected):
        out[upstream_id, priority] += weight
    tiers: dict[UUID, list[Tier]] = defaultdict(list)
    for upstream_id, priority, in_use in weights:
        tiers[upstream_id].append(Tier(priority, in_use, in_use - out[upstream_id, priority]))
    return tiers


class Out(NamedTuple):
    upstream_id: UUID
    priority: int
    weight: int


def _out_of_service(upstream_ids: Collection[UUID], ejected: Collection[UUID] = ()) -> list[Out]:
    """The targets that should get traffic and do not. Two statements.

    An upstream may have 100,000 targets, and asking each for its mark takes 100 ms; unhealthy marks are few as a rule.
    So they are read first, from their index, and then the targets that they name.
    """
    marks = Target._meta.get_field("health").related_model.objects.filter(healthy=False)
    marked = dict(marks.values_list("target_id", "address")[: FEW_MARKS + 1])
    in_use = Target.objects.filter(IN_USE, upstream__in=upstream_ids)
    if len(marked) > FEW_MARKS:
        rows = in_use.filter(MARKED_UNHEALTHY | Q(pk__in=ejected))
        return [Out(*row) for row in rows.values_list("upstream_id", "priority", "weight")]
    rows = in_use.filter(pk__in={*marked, *ejected})
    return [
        Out(*row)
        for key, address, *row in rows.values_list("pk", "target", "upstream_id", "priority", "weight")
        if key in ejected or marked.get(key) == address
    ]


def _serving(upstream: Upstream, tiers: list[Tier]) -> Serving:
    in_use, ready = sum(tier.in_use for tier in tiers), sum(tier.ready for tier in tiers)
    if ready and _is_enough(upstream, 100 * ready / in_use):
        first = next(tier for tier in tiers if tier.ready)
        return Serving(first.priority, first.ready)
    return Serving(None, 0 if upstream.when_all_unhealthy == "refuse" else in_use)


def _is_enough(upstream: Upstream, percent: float) -> bool:
    """``percent`` of the weight is available, and not nothing."""
    panics = upstream.when_all_unhealthy == "threshold"
    return percent > upstream.healthchecks["threshold"] and not (panics and percent < upstream.panic_threshold)


def _target_state(
    target: Target, serving: Serving, ejection: Ejection | None, ramp: Ramp | None, flying: InFlight | None
) -> TargetState:
    mark = getattr(target, "health", None)  # the reverse side of a one-to-one raises where there is no row
    mark = mark if mark is not None and mark.address == target.target else None
    in_use = target.is_in_use
    is_ready = in_use and (mark is None or mark.healthy) and not (ejection and ejection.is_everywhere)
    serves = in_use if serving.priority is None else is_ready and target.priority == serving.priority
    ramp = ramp if is_ready and serving.priority is not None else None  # where all are used, with their full weights
    weight = target.weight * (ramp.percent / 100 if ramp else 1)
    share = round(100 * weight / serving.weight, 2) if serves and serving.weight else 0.0
    since, cause = (mark.since, mark.cause) if mark else (None, "")
    waits = is_ready and serving.priority is not None and target.priority > serving.priority
    return TargetState(_target_health(target, mark), cause, since, share, waits, ejection, ramp, flying)


def _target_health(target: Target, mark) -> str:
    if not target.enabled:
        return "disabled"
    if target.drain is not None:
        return "draining"
    if mark is not None:
        return "healthy" if mark.healthy else "unhealthy"
    return "healthy" if is_checked(target.upstream) else "unchecked"


def is_checked(upstream: Upstream) -> bool:
    """Whether anything could ever mark a target unhealthy; checks that look on but cannot act do not count."""
    return healthchecks(upstream.healthchecks).can_judge


def upstream_states(upstreams: Iterable[Upstream]) -> dict[UUID, UpstreamState]:
    """Four statements; how many targets there are and in use is counted in indexes alone."""
    by_id = {upstream.pk: upstream for upstream in upstreams}
    of_them = Target.objects.filter(upstream__in=by_id)
    targets, in_use = _counts(of_them), _counts(of_them.filter(IN_USE))
    unhealthy = Counter(target.upstream_id for target in _out_of_service(by_id))
    return {
        key: UpstreamState(
            _upstream_health(upstream, in_use[key], unhealthy[key]),
            targets[key],
            in_use[key] - unhealthy[key],
            unhealthy[key],
        )
        for key, upstream in by_id.items()
    }


def _counts(targets: QuerySet) -> Counter[UUID]:
    return Counter(dict(targets.order_by().values_list("upstream").annotate(found=Count("*"))))


def _upstream_health(upstream: Upstream, in_use: int, unhealthy: int) -> str:
    if not in_use:
        return "empty"
    if unhealthy:
        return "degraded" if unhealthy < in_use else "unhealthy"
    return "healthy" if is_checked(upstream) else "unchecked"
