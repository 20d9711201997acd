"""Which targets are checked, and how: the part of the catalog that concerns health checks.

A plan is immutable and belongs to one version of the configuration. ``PlanReader`` keeps the newest one and, when the
head moved on, reads again only those upstreams that the change log names.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

from gateway_admin.catalog.models import Certificate, Change, Head, Target, Upstream
from proxy_engine import spec
from proxy_engine.spec import ActiveChecks, ProbeRules

log = logging.getLogger(__name__)

SHORTEST_INTERVAL_MS = 100  # Kong's timers are no finer; a typo of 0.001 s must not become a flood
MANY_CHANGES = 1000  # from here on reading everything is cheaper than following the log


class ClientCertificate(NamedTuple):
    """Which one, and since when it is as it is. The key itself is no part of a plan."""

    id: str
    version: str


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """How one target is checked.

    ``fingerprint`` names all that an answer depends on: when it changes, what was counted counts no longer.
    """

    target_id: str
    upstream_id: str
    address: str  # host:port of the target
    host: str
    port: int  # the one that is asked
    host_header: str | None
    active: ActiveChecks
    probe: ProbeRules
    certificate: ClientCertificate | None
    fingerprint: str

    def interval_ms(self, *, healthy: bool) -> int:
        """0: a target in that state is not checked."""
        rule = self.active.healthy if healthy else self.active.unhealthy
        return max(SHORTEST_INTERVAL_MS, round(rule.interval * 1000)) if rule.interval else 0

    @property
    def may_recover(self) -> bool:
        """Whether a check could ever lift an unhealthy mark."""
        return self.active.can_recover


@dataclass(frozen=True, slots=True)
class Plan:
    """``checks`` by target id. ``digest`` is equal for equal plans, whatever their version and whoever read them."""

    version: int = -1
    epoch: str = ""
    checks: Mapping[str, Check] = field(default_factory=dict)
    digest: str = ""


def make_plan(version: int, epoch: str, checks: Mapping[str, Check]) -> Plan:
    digest = blake2b(digest_size=16)
    for target_id in sorted(checks):
        digest.update(f"{target_id} {checks[target_id].fingerprint}\n".encode())
    return Plan(version, epoch, MappingProxyType(dict(checks)), digest.hexdigest())


def plan_checks(
    upstream: spec.Upstream, targets: list[spec.Target], certificate: ClientCertificate | None = None
) -> dict[str, Check]:
    """Targets of weight 0 are not checked, as in Kong. Disabled ones are: so it is known whether switching them on
    is safe, and they come back with the health they have, not with the health they had.
    """
    active, probe = upstream.healthchecks.active, upstream.probe
    if not active.is_on:
        return {}
    host_header = probe.host or upstream.host_header
    how = json.dumps([_canonical(active), host_header, certificate, *(getattr(probe, name) for name in ASKED)])
    return {
        target.id: Check(
            target_id=target.id,
            upstream_id=upstream.id,
            address=target.target,
            host=target.host,
            port=probe.port or target.port,
            host_header=host_header,
            active=active,
            probe=probe,
            certificate=certificate,
            fingerprint=_fingerprint(target.target, how),
        )
        for target in targets
        if target.weight > 0
    }


ASKED = ("method", "port", "body", "contains", "matches", "json", "grpc_service")
"""What of the probe rules an answer depends on."""


def _canonical(active: ActiveChecks) -> list:
    """The same for equal settings in every process: frozensets have no order of their own."""
    names = ("type", "timeout", "http_path", "https_sni", "https_verify_certificate", "headers")
    rules = [
        [sorted(getattr(rule, name)) if name == "http_statuses" else getattr(rule, name) for name in rule.__slots__]
        for rule in (active.healthy, active.unhealthy)
    ]
    return [[getattr(active, name) for name in names], rules]


def _fingerprint(address: str, how: str) -> str:
    return blake2b(f"{address}\n{how}".encode(), digest_size=12).hexdigest()


class PlanReader:
    """The plan of the newest configuration, for one process. ``current`` is one small query when nothing changed."""

    def __init__(self):
        self._plan = Plan()
        self._lock = Lock()  # worker pools may be threads

    def current(self) -> Plan:
        with self._lock:
            head = Head.objects.filter(pk=1).values_list("version", "epoch").first()
            version, epoch = (head[0], str(head[1])) if head else (0, "")
            if (version, epoch) != (self._plan.version, self._plan.epoch):
                self._plan = self._read(version, epoch)
            return self._plan

    def _read(self, version: int, epoch: str) -> Plan:
        old = self._plan
        touched = touched_upstreams(old.version, version) if epoch == old.epoch else None
        if touched is None:
            return make_plan(version, epoch, read_checks())
        if not touched:
            return Plan(version, epoch, old.checks, old.digest)
        kept = {key: check for key, check in old.checks.items() if check.upstream_id not in touched}
        return make_plan(version, epoch, kept | read_checks(touched))


def touched_upstreams(above: int, upto: int) -> set[str] | None:
    """The upstreams whose own row, targets or client certificate changed; None when the log does not tell or tells too
    much."""
    if above < 0 or not 0 <= upto - above <= MANY_CHANGES:
        return None
    rows = Change.objects.filter(version__gt=above, version__lte=upto)
    if rows.count() != upto - above:
        return None
    touched, certificates = set(), set()
    concerned = rows.filter(kind__in=(Upstream.kind, Target.kind, Certificate.kind))
    for kind, entity_id, before, after in concerned.values_list("kind", "entity_id", "before", "after"):
        if kind == Target.kind:
            touched.update(values["upstream"]["id"] for values in (before, after) if values)
        else:
            (touched if kind == Upstream.kind else certificates).add(str(entity_id))
    if certificates:
        users = Upstream.objects.filter(client_certificate__in=certificates).values_list("pk", flat=True)
        touched.update(map(str, users))
    return touched


def read_checks(upstream_ids: set[str] | None = None) -> dict[str, Check]:
    """The checks of these upstreams (None: of all). A row that cannot be understood is reported and left out."""
    upstreams, targets = Upstream.objects.all(), Target.objects.all()
    if upstream_ids is not None:
        upstreams, targets = upstreams.filter(pk__in=upstream_ids), targets.filter(upstream_id__in=upstream_ids)
    specs = (_to_spec(Upstream, row) for row in upstreams.values())
    probed = {upstream.id: upstream for upstream in specs if upstream and upstream.healthchecks.active.is_on}
    members: dict[str, list[spec.Target]] = {upstream_id: [] for upstream_id in probed}
    for row in targets.values().iterator() if probed else ():
        if str(row["upstream_id"]) in members and (target := _to_spec(Target, row)):
            members[target.upstream_id].append(target)
    shown = _client_certificates({upstream.client_certificate_id for upstream in probed.values()} - {None})
    checks: dict[str, Check] = {}
    for upstream_id, upstream in probed.items():
        checks |= plan_checks(upstream, members[upstream_id], shown.get(upstream.client_certificate_id))
    return checks


def _client_certificates(ids: set[str]) -> dict[str, ClientCertificate]:
    rows = Certificate.objects.only("updated_at").in_bulk(list(ids)) if ids else {}
    return {str(key): ClientCertificate(str(key), row.updated_at.isoformat()) for key, row in rows.items()}


def _to_spec(model, row: dict):
    try:
        return spec.to_spec(model.kind, model.values_of_row(row))
    except (KeyError, TypeError, ValueError) as error:
        log.error("%s %s is not checked: its stored values cannot be read (%r)", model.kind, row["id"], error)
        return None
