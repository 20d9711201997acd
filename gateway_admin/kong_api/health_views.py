"""Health of an upstream's targets in Kong's words, and the two switches by which people overrule it."""

from typing import Any

from django.db.models import QuerySet

from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import with_health
from gateway_admin.monitoring import queries
from gateway_admin.monitoring.actions import ChecksOff, mark_by_hand
from gateway_admin.monitoring.queries import HEALTHY, UNHEALTHY, TargetState, UpstreamState
from proxy_engine import spec
from proxy_engine.spec.scalars import is_ip, normalise_target, split_host_port

from . import errors, places
from .node import node_id
from .paging import Asked, page
from .representation import shown
from .target_views import find_target, newest_first
from .views import ONLY_READS, KongView, answer, nothing


class Health(KongView):
    """``/upstreams/{u}/health``; with ``balancer_health=1`` of the upstream as a whole."""

    kind = "upstreams"
    asks = ONLY_READS

    def get(self, request, upstreams):
        upstream = places.get("upstreams", upstreams)
        if request.query_params.get("balancer_health") == "1":
            return answer({"data": _of_balancer(queries.upstream_state(upstream)), "next": None, "node_id": node_id()})
        found = page(request.path, Asked.of(request.query_params), self._rows(upstream))
        return answer(found | {"node_id": node_id()})

    def _rows(self, upstream: Upstream):
        targets: QuerySet[Target] = upstream.targets.all()
        healthchecks = spec.to_spec("upstreams", upstream.to_values()).healthchecks

        def cut(after: Any, size: int) -> tuple[list, Any]:
            found, place = newest_first(targets.values("id", "created_at"), str(upstream.pk), after, size)
            chosen = targets.filter(pk__in=[row["id"] for row in found])
            rows = with_health(chosen).order_by("-created_at", "-id")
            return [_of_target(member) for member in queries.target_states(healthchecks, rows)], place

        return cut


class Mark(KongView):
    """``PUT …/targets/{t}/healthy`` and ``…/unhealthy``, for the target or one of its addresses.

    A mark is for a target as a whole here: of an address in figures that is the same; the addresses of a name share it.
    "healthy" also ends an ejection by a circuit breaker, whether there are health checks or not.
    """

    kind = "targets"
    healthy = True

    def put(self, request, upstreams, targets, address=None):
        upstream = places.get("upstreams", upstreams)
        target = find_target(upstream, targets)
        if address is not None:
            _refuse_other_address(target, address)
        try:
            mark_by_hand(target, healthy=self.healthy, by=self.actor().name)
        except ChecksOff as off:
            raise errors.plain(400, str(off)) from off
        return nothing()


def _refuse_other_address(target: Target, address: str) -> None:
    host, _ = split_host_port(target.target)
    if not is_ip(host):
        raise errors.plain(400, "the addresses of a host name share one mark: leave the address out")
    if normalise_target(address) != target.target:
        raise errors.not_found()


def _of_target(member: TargetState) -> dict[str, Any]:
    (target,) = shown("targets", [member.target.to_values()], with_secrets=True)  # it has none
    return target | {"health": member.state, "data": _details(member)}


def _details(member: TargetState) -> dict[str, Any]:
    """As Kong's balancer tells of a host; what a name resolves to only the engines know, so it stands for itself."""
    host, port = split_host_port(member.target.target)
    weight = member.target.weight if member.target.is_in_use else 0
    available = weight if member.is_available else 0
    health = UNHEALTHY if member.state == UNHEALTHY else HEALTHY
    addresses = [{"ip": host, "port": port, "weight": weight, "health": health}] if member.resolves else []
    return {
        "host": host,
        "port": port,
        "dns": ("AAAA" if ":" in host else "A") if member.resolves else "dns server error: the name has no address",
        "nodeWeight": weight,
        "weight": {"total": weight, "available": available, "unavailable": weight - available},
        "addresses": addresses,
    }


def _of_balancer(state: UpstreamState) -> dict[str, Any]:
    total, available = state.weight_total, state.weight_available
    return {
        "id": str(state.upstream.pk),
        "health": state.state,
        "balancer_health": state.balancer_state,
        "details": {
            "healthy": state.balancer_state == HEALTHY,
            "weight": {"total": total, "available": available, "unavailable": total - available},
            "hosts": [_details(member) for member in state.targets],
        },
    }
