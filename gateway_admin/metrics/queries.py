"""The reads behind the metrics: a fixed number of statements, each answered by counting."""

from collections import Counter

from django.db.models import Count, Q, Value

from gateway_admin.alerts.models import AlertDelivery
from gateway_admin.alerts.queries import STATES as ALERT_STATES
from gateway_admin.alerts.queries import alerts
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.queries import MARKED_UNHEALTHY
from gateway_admin.monitoring.models import HealthHead
from gateway_admin.monitoring.queries import (
    DNS_ERROR,
    HEALTHCHECKS_OFF,
    HEALTHY,
    UNHEALTHY,
    checks_are_on,
    unresolved_targets,
)
from proxy_engine.spec.build import healthchecks


def entity_counts() -> dict[str, int]:
    """By kind. One statement."""
    first, *others = (
        kind.model.objects.order_by().annotate(kind=Value(name)).values_list("kind").annotate(count=Count("*"))
        for name, kind in KINDS.items()
    )
    return dict.fromkeys(KINDS, 0) | dict(first.union(*others, all=True))


def target_counts() -> dict[str, int]:
    """By state, as ``monitoring.queries.target_states`` has it for each. Three statements."""
    lost = Q(pk__in=unresolved_targets())
    checked = {
        pk for pk, checks in Upstream.objects.values_list("pk", "healthchecks") if checks_are_on(healthchecks(checks))
    }
    weighted = Q(weight__gt=0)
    rows = (
        Target.objects.order_by()
        .values_list("upstream_id")
        .annotate(
            all=Count("*"),
            weighted=Count("pk", filter=weighted),
            lost=Count("pk", filter=weighted & lost),
            unhealthy=Count("pk", filter=weighted & MARKED_UNHEALTHY & ~lost),
        )
    )
    found: Counter[str] = Counter(dict.fromkeys((HEALTHY, UNHEALTHY, DNS_ERROR, HEALTHCHECKS_OFF), 0))
    for upstream_id, total, in_question, unresolved, unhealthy in rows:
        if upstream_id not in checked:
            in_question = unresolved = unhealthy = 0
        found[HEALTHCHECKS_OFF] += total - in_question
        found[DNS_ERROR] += unresolved
        found[UNHEALTHY] += unhealthy
        found[HEALTHY] += in_question - unresolved - unhealthy
    return dict(found)


def flip_count() -> int:
    return HealthHead.objects.filter(pk=1).values_list("seq", flat=True).first() or 0


def open_alert_counts() -> dict[str, int]:
    """By state. One statement."""
    open_states = [name for name in ALERT_STATES if name != "resolved"]
    return alerts().order_by().aggregate(**{name: Count("pk", filter=Q(**ALERT_STATES[name])) for name in open_states})


def delivery_counts() -> dict[str, int]:
    """By state. One statement."""
    rows = AlertDelivery.objects.order_by().values_list("state").annotate(count=Count("*"))
    return dict.fromkeys(AlertDelivery.State.values, 0) | dict(rows)
