"""The sample behind ``make demo``: one upstream with both echo targets, a service, and a route on /demo."""

from __future__ import annotations

from collections.abc import Iterable

from gateway_admin.catalog import actions
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.models import Entity
from proxy_engine.net.listen import Listen

ACTOR = actions.Actor(name="demo", via="system")
NAME = "demo"
UPSTREAM = "demo_upstream"
ACTIVE_CHECKS = {
    "type": "http",
    "http_path": "/health",
    "timeout": 1,
    "healthy": {"interval": 2, "successes": 1},
    "unhealthy": {"interval": 1, "http_failures": 2, "tcp_failures": 2, "timeouts": 2},
}


def ensure_sample(targets: Iterable[Listen]) -> None:
    """Add what is missing; what is there stays as people have edited it since."""
    with actions.batch(ACTOR):
        upstream = _ensure("upstreams", {"name": UPSTREAM}, {"healthchecks": {"active": ACTIVE_CHECKS}})
        for address in targets:
            _ensure("targets", {"target": str(address), "upstream": {"id": str(upstream.pk)}}, {"weight": 100})
        service = _ensure("services", {"name": NAME}, {"host": UPSTREAM})
        _ensure("routes", {"name": NAME}, {"paths": ["/demo"], "service": {"id": str(service.pk)}})


def _ensure(kind: str, identity: dict, rest: dict) -> Entity:
    lookup = {key: value["id"] if isinstance(value, dict) else value for key, value in identity.items()}
    found = KINDS[kind].model.objects.filter(**lookup).first()
    return found or actions.create(kind=kind, values=identity | rest, actor=ACTOR)
