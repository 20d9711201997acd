"""What is known of targets, upstreams and engines, in Kong's words and in a fixed number of SQL statements."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import with_health
from proxy_engine import spec
from proxy_engine.spec.scalars import is_ip, split_host_port

from .checks.load import CheckLoad, read_load
from .checks.recent import Probe, read_probes
from .models import EngineNode, HealthEvent, TargetHealth, live_since
from .redis_client import redis_client

log = logging.getLogger(__name__)

HEALTHY = "HEALTHY"
UNHEALTHY = "UNHEALTHY"
DNS_ERROR = "DNS_ERROR"
HEALTHCHECKS_OFF = "HEALTHCHECKS_OFF"


@dataclass(frozen=True)
class TargetState:
    """``mark`` is None for a target that never failed. ``resolves``: False where its name has no address."""

    target: Target
    mark: TargetHealth | None
    state: str
    resolves: bool = True

    @property
    def is_available(self) -> bool:
        return self.target.is_in_use and self.resolves and self.state not in (UNHEALTHY, DNS_ERROR)


@dataclass(frozen=True)
class UpstreamState:
    """``checks_on``: whether anything judges the targets at all. Targets newest first, as Kong lists them."""

    upstream: Upstream
    healthchecks: spec.Healthchecks
    targets: list[TargetState]

    @property
    def checks_on(self) -> bool:
        return checks_are_on(self.healthchecks)

    @property
    def weight_total(self) -> int:
        """Of the targets in use: what an operator took out, or drains, is not part of the pool."""
        return sum(member.target.weight for member in self.targets if member.target.is_in_use)

    @property
    def weight_available(self) -> int:
        return sum(member.target.weight for member in self.targets if member.is_available)

    @property
    def balancer_state(self) -> str:
        """Whether requests are served at all: the available share must exceed the threshold, which may be 0."""
        total, available = self.weight_total, self.weight_available
        is_up = total > 0 and available * 100 / total > self.healthchecks.threshold
        return HEALTHY if is_up else UNHEALTHY

    @property
    def state(self) -> str:
        return self.balancer_state if self.checks_on else HEALTHCHECKS_OFF


def checks_are_on(healthchecks: spec.Healthchecks) -> bool:
    return healthchecks.active.is_on or healthchecks.passive.is_on


def target_states(healthchecks: spec.Healthchecks, targets: Iterable[Target]) -> list[TargetState]:
    """Of one upstream, from ``catalog.queries.with_health``. One statement, and one more where some have names."""
    targets = list(targets)
    has_names = any(not is_ip(split_host_port(target.target)[0]) for target in targets)
    unresolved = unresolved_targets() if has_names else frozenset()
    return [_target_state(healthchecks, target, str(target.pk) not in unresolved) for target in targets]


def _target_state(healthchecks: spec.Healthchecks, target: Target, resolves: bool) -> TargetState:
    """A mark about another address is not about this target."""
    mark = getattr(target, "health", None)
    mark = mark if mark is not None and mark.address == target.target else None
    if not target.weight or not checks_are_on(healthchecks):
        return TargetState(target, mark, HEALTHCHECKS_OFF, resolves)
    if not resolves:
        return TargetState(target, mark, DNS_ERROR, resolves)
    return TargetState(target, mark, UNHEALTHY if mark and not mark.healthy else HEALTHY)


def unresolved_targets() -> frozenset[str]:
    """Ids of the targets whose names no worker of a live engine can resolve. One statement."""
    engines = EngineNode.objects.live().values_list("workers", flat=True)
    told = [
        frozenset(fact["target_id"] for fact in worker.get("unresolved", ()))
        for of_engine in engines
        for worker in of_engine
    ]
    return frozenset.intersection(*told) if told else frozenset()


def upstream_state(upstream: Upstream) -> UpstreamState:
    """Two statements at most."""
    healthchecks = spec.to_spec(Upstream.kind, upstream.to_values()).healthchecks
    rows = with_health(upstream.targets.all()).order_by("-created_at", "-id")
    return UpstreamState(upstream, healthchecks, target_states(healthchecks, rows))


EVENT_CONDITIONS = {
    "upstream_id": "upstream_id",
    "target_id": "target_id",
    "source": "source",
    "healthy": "healthy",
    "since": "at__gte",
    "until": "at__lt",
}


def health_events(**wanted) -> QuerySet[HealthEvent]:
    """The timeline, newest first. ``wanted``: what to narrow it to, by the names of ``EVENT_CONDITIONS``."""
    return HealthEvent.objects.filter(**{EVENT_CONDITIONS[name]: value for name, value in wanted.items()})


def last_probes(targets: Iterable[Target]) -> dict[str, list[Probe]]:
    """By target id, newest first; no SQL. Empty while Redis does not answer."""
    if settings.REDIS.is_in_process:
        return {}
    try:
        return read_probes(redis_client(), [str(target.pk) for target in targets])
    except redis.RedisError as error:
        log.warning("the last checks are not known: %s", error)
        return {}


def check_load(*, now: datetime | None = None) -> CheckLoad | None:
    """How many checks are made and how late they are, over all workers; no SQL. None while Redis does not answer."""
    if settings.REDIS.is_in_process:
        return None
    try:
        return read_load(redis_client(), round((now or timezone.now()).timestamp() * 1000))
    except redis.RedisError as error:
        log.warning("the load of the health checks is unknown: %s", error)
        return None


# --- Engines ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EngineState:
    node: EngineNode
    is_live: bool
    behind: int  # versions between what it runs and the newest configuration

    @property
    def is_current(self) -> bool:
        return self.is_live and not self.behind


@dataclass(frozen=True)
class Engines:
    """All engines that are known, and the version they should run."""

    head: int
    states: list[EngineState]

    @property
    def live(self) -> list[EngineState]:
        return [state for state in self.states if state.is_live]

    @property
    def lost(self) -> list[EngineState]:
        return [state for state in self.states if not state.is_live]

    @property
    def behind(self) -> list[EngineState]:
        return [state for state in self.live if state.behind]


def engines(*, now: datetime | None = None) -> Engines:
    """Two statements."""
    head, oldest = head_version(), live_since(now)
    return Engines(head, [_engine_state(node, head, oldest) for node in EngineNode.objects.all()])


def _engine_state(node: EngineNode, head: int, oldest: datetime) -> EngineState:
    return EngineState(node, node.seen_at > oldest, max(0, head - node.version))


@dataclass(frozen=True)
class VersionState:
    """Who serves ``version``. No engine at all is not "live": nobody serves it then."""

    version: int
    engines: list[EngineNode]  # the live ones

    @property
    def waiting(self) -> list[EngineNode]:
        return [node for node in self.engines if node.version < self.version]

    @property
    def is_live(self) -> bool:
        return bool(self.engines) and not self.waiting

    def delay(self, committed_at: datetime) -> timedelta | None:
        """From the commit until the last engine had reported the version; so it was in effect a little earlier.

        None where that cannot be told: an engine runs a newer version by now, or was not there then.
        """
        seen_running = [node.version_since for node in self.engines if node.version == self.version]
        if not self.is_live or len(seen_running) < len(self.engines) or None in seen_running:
            return None
        if any(node.started_at > committed_at for node in self.engines):
            return None
        return max(max(seen_running) - committed_at, timedelta(0))


def version_state(version: int, *, now: datetime | None = None) -> VersionState:
    """One statement."""
    return VersionState(version, list(EngineNode.objects.live(now)))
