"""What the settings of an entity act together with, for hints: few statements, and only what hints ask about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .models import Service, Target, Upstream
from .queries import IN_USE

SEEN = 200  # services of one upstream; a hint that leaves the others out is still true


class ServiceTimes(NamedTuple):
    label: str
    retries: int
    connect_timeout: int  # ms


@dataclass(frozen=True)
class Neighbours:
    """``services``: those that name the upstream; ``in_use``: how many targets it has, without those switched off.
    ``upstream``: the values of the one that the service names. ``priorities``: of the other targets in the target's.
    """

    services: tuple[ServiceTimes, ...] = ()
    in_use: int = 0
    upstream: Mapping[str, Any] | None = None
    priorities: frozenset[int] = frozenset()


NONE = Neighbours()


def neighbours(kind: str, values: Mapping) -> Neighbours:
    """``values``: as ``spec.check`` returns them. At most two statements."""
    return _FINDERS[kind](values) if kind in _FINDERS else NONE


def _of_upstream(values: Mapping) -> Neighbours:
    services = Service.objects.filter(host=values["name"]).order_by("name", "pk")[:SEEN]
    return Neighbours(
        services=tuple(ServiceTimes(service.label, service.retries, service.connect_timeout) for service in services),
        in_use=Target.objects.filter(IN_USE, upstream__name=values["name"]).count(),
    )


def _of_service(values: Mapping) -> Neighbours:
    upstream = Upstream.objects.filter(name=values["host"]).first()
    return Neighbours(upstream=upstream.to_values()) if upstream else NONE


def _of_target(values: Mapping) -> Neighbours:
    others = Target.objects.filter(upstream=values["upstream"]["id"]).exclude(target=values["target"])
    return Neighbours(priorities=frozenset(others.values_list("priority", flat=True)))


_FINDERS = {"upstreams": _of_upstream, "services": _of_service, "targets": _of_target}
