"""Pools by the rules that an upstream has by default; a test names only what it is about."""

from __future__ import annotations

from typing import Any

from proxy_engine.runtime import NO_UPSTREAM
from proxy_engine.upstream.dial import Address, PoolRules
from proxy_engine.upstream.pool import Pool


def pool_rules(**given: Any) -> PoolRules:
    return PoolRules.of(NO_UPSTREAM.connections)._replace(**given)


def a_pool(loop, port: int = 1, *, context=None, rules: PoolRules | None = None, **address: Any) -> Pool:
    """To the loopback address. ``address``: what ``Address`` has beyond host and port."""
    return Pool(Address("127.0.0.1", port, **address), rules or pool_rules(), loop, context)
