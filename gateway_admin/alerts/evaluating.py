"""One look at everything: what rules find now against the alerts that are open, and whom to tell.

All in one transaction, which the lock on ``AlertClock`` lets one process have at a time. It may be cut off anywhere and
run again: who is still to be told follows from the alerts themselves (``fired_at``, ``told_at``, ``resolved_at``).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from .conditions import CONDITIONS, Finding, Subject, findings
from .facts import read_facts
from .messages import Item, item_of
from .models import Alert, AlertChannel, AlertClock, AlertDelivery, AlertRule, AlertSilence
from .notices import announce_alerts

MOST_ITEMS = 100  # of one message; more make another one

Key = tuple[str, Subject]


def look(*, now: datetime | None = None) -> None:
    now = now or timezone.now()
    if not AlertRule.objects.filter(enabled=True).exists() and not Alert.objects.filter(resolved_at=None).exists():
        return
    AlertClock.objects.get_or_create(pk=1)
    with transaction.atomic():
        AlertClock.objects.select_for_update().get(pk=1)
        rules = {str(rule.pk): rule for rule in AlertRule.objects.filter(enabled=True)}
        changed = _keep_alerts(rules, now)
        changed |= _tell(rules, now)
        AlertClock.objects.filter(pk=1).update(looked_at=now)
        if changed:
            transaction.on_commit(announce_alerts)


# --- What is open ----------------------------------------------------------------------------------------------------


def _keep_alerts(rules: dict[str, AlertRule], now: datetime) -> bool:
    """Alerts as the rules find them now. Whether any came, went, fired or told something else than before."""
    facts = read_facts({CONDITIONS[rule.condition].reads for rule in rules.values()}, now)
    found: dict[Key, Finding] = {
        (rule_id, finding.subject): finding
        for rule_id, rule in rules.items()
        for finding in findings(rule.condition, rule.threshold, rule.upstreams, facts)
    }
    known: dict[Key, Alert] = {_key(alert): alert for alert in Alert.objects.filter(resolved_at=None)}
    begun = [_begun(rules[key[0]], finding, now) for key, finding in found.items() if key not in known]
    over = [alert for key, alert in known.items() if key not in found]
    told_anew = [alert for key, alert in known.items() if key in found and _retold(alert, found[key])]
    fired = _fire(rules, [*begun, *(alert for key, alert in known.items() if key in found)], now)
    Alert.objects.bulk_create(begun)
    Alert.objects.filter(pk__in=[alert.pk for alert in over if alert.fired_at is None]).delete()
    Alert.objects.filter(pk__in=[alert.pk for alert in over if alert.fired_at]).update(resolved_at=now)
    Alert.objects.bulk_update({*told_anew, *fired} - set(begun), ["cause", "label", "fired_at"])
    return bool(begun or over or told_anew or fired)


def _key(alert: Alert) -> Key:
    return str(alert.rule_id), alert.subject


def _begun(rule: AlertRule, finding: Finding, now: datetime) -> Alert:
    return Alert(
        rule=rule,
        rule_name=rule.name,
        condition=rule.condition,
        subject_kind=finding.subject.kind,
        subject_id=finding.subject.id,
        label=finding.label,
        upstream=finding.upstream,
        cause=finding.cause,
        since=min(finding.since or now, now),
    )


def _retold(alert: Alert, finding: Finding) -> bool:
    if (alert.cause, alert.label) == (finding.cause, finding.label):
        return False
    alert.cause, alert.label = finding.cause, finding.label
    return True


def _fire(rules: dict[str, AlertRule], alerts: Iterable[Alert], now: datetime) -> list[Alert]:
    fired = []
    for alert in alerts:
        lasts = timedelta(seconds=rules[str(alert.rule_id)].for_seconds)
        if alert.fired_at is None and now - alert.since >= lasts:
            alert.fired_at = now
            fired.append(alert)
    return fired


# --- Whom to tell ----------------------------------------------------------------------------------------------------


def _tell(rules: dict[str, AlertRule], now: datetime) -> bool:
    channels = {str(channel.pk): channel for channel in AlertChannel.objects.filter(enabled=True)}
    silences = list(AlertSilence.objects.filter(until__gt=now))
    told: list[Alert] = []
    for alert, status in _news(rules, now):
        if any(silence.covers(alert) for silence in silences):
            continue
        told.append(alert)
        for channel in _channels_of(rules.get(str(alert.rule_id)), channels, status):
            enqueue(channel, item_of(alert, status), now)
    Alert.objects.filter(pk__in=[alert.pk for alert in told]).update(told_at=now)
    return bool(told)


def _news(rules: dict[str, AlertRule], now: datetime) -> Iterable[tuple[Alert, str]]:
    """Alerts that somebody should be told of, and what: firing, reminder, resolved."""
    for alert in Alert.objects.filter(resolved_at=None, fired_at__isnull=False):
        pause = timedelta(minutes=rules[str(alert.rule_id)].remind_minutes)
        if alert.told_at is None:
            yield alert, "firing"
        elif pause and now - alert.told_at >= pause:
            yield alert, "reminder"
    for alert in Alert.objects.filter(resolved_at__gt=F("told_at"), rule__isnull=False):
        yield alert, "resolved"


def _channels_of(rule: AlertRule | None, channels: dict[str, AlertChannel], status: str) -> list[AlertChannel]:
    named = [channels[id] for id in (rule.channels if rule else ()) if id in channels]
    return [channel for channel in named if status != "resolved" or channel.tell_resolved]


def enqueue(channel: AlertChannel, item: Item, now: datetime) -> None:
    """Into the message that waits for its first try, or into a new one. A sender that takes it meanwhile wins."""
    waiting = AlertDelivery.objects.filter(
        channel=channel, state=AlertDelivery.State.WAITING, attempts=0, is_test=False, next_at__gt=now
    ).first()
    if waiting is not None and len(waiting.items) < MOST_ITEMS:
        unclaimed = AlertDelivery.objects.filter(pk=waiting.pk, attempts=0)
        if unclaimed.update(items=[*waiting.items, item]):
            return
    AlertDelivery.objects.create(
        channel=channel,
        channel_name=channel.name,
        items=[item],
        next_at=now + timedelta(seconds=channel.group_seconds),
        created_at=now,
    )
