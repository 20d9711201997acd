"""What a worker tells of its connections to each target, for the status listener."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .book import AnyPool
from .named import NamedPool
from .pool import Counts

if TYPE_CHECKING:
    from proxy_engine.health import TargetState


def connection_facts(uses: Iterable[tuple[TargetState, AnyPool]], now: float) -> dict[str, dict[str, Any]]:
    """By target id. Over several pools, of services that speak TLS and others that do not, they add up."""
    pools: dict[str, set[AnyPool]] = defaultdict(set)
    for state, pool in uses:
        pools[state.target.id].add(pool)
    return {id: _facts(reached, now) for id, reached in pools.items()}


def _facts(pools: set[AnyPool], now: float) -> dict[str, Any]:
    first, *others = pools
    facts = counts_in_words(sum((pool.counts for pool in others), first.counts))
    for pool in pools:
        if isinstance(pool, NamedPool):
            facts |= pool.dns_facts(now)
    return facts


def counts_in_words(counts: Counts) -> dict[str, int]:
    return {
        "opened": counts.opened,
        "reused": counts.reused,
        "connectFailures": counts.failed,
        "idle": counts.idle,
        "inUse": counts.in_use,
    }
