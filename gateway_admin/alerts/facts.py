"""The reads behind the conditions: a fixed number of statements, and only those that the rules need."""

import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.db.models import Count, Sum
from redis import RedisError

from gateway_admin.catalog.models import Target
from gateway_admin.catalog.queries import IN_USE, MARKED_UNHEALTHY, READY
from gateway_admin.monitoring.checks.schedule import Schedule
from gateway_admin.monitoring.queries import engines
from gateway_admin.monitoring.redis_client import redis_client

from .conditions import EngineFact, Facts, TargetDown, UpstreamWeight


def read_facts(parts: Collection[str], now: datetime) -> Facts:
    """``parts``: fields of ``Facts``."""
    return Facts(**{part: READERS[part](now) for part in parts})


def _targets_down(now: datetime) -> tuple[TargetDown, ...]:
    rows = Target.objects.filter(IN_USE & MARKED_UNHEALTHY)
    columns = ("pk", "target", "upstream__name", "health__cause", "health__since")
    return tuple(TargetDown(str(pk), *rest) for pk, *rest in rows.values_list(*columns))


def _upstreams(now: datetime) -> tuple[UpstreamWeight, ...]:
    weights = (
        Target.objects.filter(IN_USE)
        .order_by()
        .values_list("upstream_id", "upstream__name")
        .annotate(targets=Count("*"), total=Sum("weight"), available=Sum("weight", filter=READY))
    )
    return tuple(
        UpstreamWeight(str(pk), name, targets, total, available or 0) for pk, name, targets, total, available in weights
    )


def _engines(now: datetime) -> tuple[EngineFact, ...]:
    known = engines(now=now)
    return tuple(
        EngineFact(
            str(state.node.pk), state.node.name, state.is_live, state.node.seen_at, state.node.version, known.head
        )
        for state in known.states
    )


def _lag_s(now: datetime) -> float:
    """0 without Redis: then nothing is due that anybody knows of, and other rules tell what is wrong."""
    try:
        return Schedule(redis_client()).lag_ms(round(time.time() * 1000)) / 1000
    except RedisError:
        return 0.0


READERS: dict[str, Callable[[datetime], Any]] = {
    "targets_down": _targets_down,
    "upstreams": _upstreams,
    "engines": _engines,
    "lag_s": _lag_s,
}
