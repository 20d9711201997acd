"""Reads for pages and REST."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from .models import Alert, AlertChannel, AlertDelivery, AlertRule, AlertSilence

STATES = {
    "pending": {"resolved_at": None, "fired_at": None},
    "firing": {"resolved_at": None, "fired_at__isnull": False},
    "resolved": {"resolved_at__isnull": False},
}


def alerts(*, state: str | None = None, rule_id: str | None = None) -> QuerySet[Alert]:
    """Newest first."""
    rows = Alert.objects.filter(**STATES[state]) if state else Alert.objects.all()
    return rows if rule_id is None else rows.filter(rule_id=rule_id)


def firing_count() -> int:
    return Alert.objects.filter(**STATES["firing"]).count()


def deliveries(*, state: str | None = None, channel_id: str | None = None) -> QuerySet[AlertDelivery]:
    """Newest first."""
    rows = AlertDelivery.objects.all()
    if state:
        rows = rows.filter(state=state)
    return rows if channel_id is None else rows.filter(channel_id=channel_id)


def silences_in_force(now: datetime | None = None) -> list[AlertSilence]:
    return list(AlertSilence.objects.select_related("rule").filter(until__gt=now or timezone.now()))


def silence_of(alert: Alert, silences: Iterable[AlertSilence]) -> AlertSilence | None:
    return next((silence for silence in silences if silence.covers(alert)), None)


def channel_names() -> dict[str, str]:
    """By id, in the order of their names."""
    return {str(pk): name for pk, name in AlertChannel.objects.order_by("name").values_list("pk", "name")}


def rule_names() -> dict[str, str]:
    return {str(pk): name for pk, name in AlertRule.objects.order_by("name").values_list("pk", "name")}
