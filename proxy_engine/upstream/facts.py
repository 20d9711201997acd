"""What a worker tells of its connections to each target, for the status listener."""

from __future__ import annotations

from typing import Any

from .book import AnyPool
from .named import NamedPool
from .pool import Counts


def connection_facts(pools: set[AnyPool], now: float) -> dict[str, Any]:
    """Of one target. Over several pools, of services that speak TLS and others that do not, they add up."""
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
