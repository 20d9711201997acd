"""Where a service's host leads: to an upstream by its name, otherwise to an address or to DNS."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import with_health
from proxy_engine.spec import scalars

from .states import Readiness, TargetView, readiness, target_views


@dataclass(frozen=True)
class Destination:
    host: str
    port: int | str
    upstream: Upstream | None
    ready: Readiness | None

    @property
    def is_bad(self) -> bool:
        return self.ready is not None and self.ready.ready == 0

    @property
    def sort(self) -> str:
        return "address" if scalars.is_ip(self.host.strip("[]")) else "DNS name"


def destination(host: str, port: int | str) -> Destination:
    upstream = Upstream.objects.filter(name=host).first()
    return Destination(host, port, upstream, readiness(upstream_targets(upstream)) if upstream else None)


def upstream_targets(upstream: Upstream) -> list[TargetView]:
    """The targets of an upstream as the dashboard shows them, in the order they were added. Six statements."""
    return target_views(with_health(Target.objects.filter(upstream=upstream)).order_by("created_at", "pk"))
