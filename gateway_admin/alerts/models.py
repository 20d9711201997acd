"""What the operator asked for (rules, channels, silences), and what came of it (alerts, deliveries)."""

import uuid

from django.db import models
from django.utils import timezone

from gateway_admin.common.sealed_fields import SealedText

from .conditions import CONDITIONS, Subject

CHANNEL_TYPES = ("webhook", "slack", "email")
MAX_NAME = 100


class Named(models.Model):
    """What people make by hand and call by a name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=MAX_NAME, unique=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self):
        return self.name


class AlertRule(Named):
    """``upstreams``: names; None is all. ``channels``: ids. ``threshold`` has the unit of its condition."""

    condition = models.CharField(max_length=24, choices=[(name, name) for name in CONDITIONS])
    threshold = models.FloatField(null=True)
    upstreams = models.JSONField(null=True)
    for_seconds = models.FloatField(default=0)
    remind_minutes = models.IntegerField(default=0)
    channels = models.JSONField(default=list)


class AlertChannel(Named):
    """Where messages go. An address often holds a password (Slack's does), so it is sealed like the signing secret."""

    type = models.CharField(max_length=8, choices=[(name, name) for name in CHANNEL_TYPES])
    url = SealedText(null=True)
    secret = SealedText(null=True)
    recipients = models.JSONField(null=True)
    group_seconds = models.FloatField(default=10)
    tell_resolved = models.BooleanField(default=True)


class AlertSilence(models.Model):
    """Alerts go on, nobody is told. ``rule`` and ``upstreams`` limit it; what is still on at its end is told then."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reason = models.CharField(max_length=200)
    rule = models.ForeignKey(AlertRule, null=True, on_delete=models.CASCADE, related_name="silences")
    upstreams = models.JSONField(null=True)
    until = models.DateTimeField(db_index=True)
    made_by = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.reason} (until {self.until:%Y-%m-%d %H:%M})"

    def covers(self, alert: "Alert") -> bool:
        """Whether it is about this alert; whether it is over already is another question."""
        if self.rule_id is not None and self.rule_id != alert.rule_id:
            return False
        return self.upstreams is None or alert.upstream in self.upstreams


class Alert(models.Model):
    """One thing that one rule found, from when it began until it was over.

    *Pending*: it does not yet last as long as the rule asks. *Firing*: it does. It is over when the rule finds it no
    more; one that never fired is forgotten then. ``rule_name`` outlives the rule.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.ForeignKey(AlertRule, null=True, on_delete=models.SET_NULL, related_name="alerts")
    rule_name = models.CharField(max_length=MAX_NAME)
    condition = models.CharField(max_length=24)
    subject_kind = models.CharField(max_length=16)
    subject_id = models.CharField(max_length=64)
    label = models.TextField()
    upstream = models.TextField(blank=True)  # the name of the one concerned; empty where there is none
    cause = models.TextField()
    since = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)  # when channels were last given it
    resolved_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ["-since", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject_kind", "subject_id"],
                condition=models.Q(resolved_at=None),
                name="alerts_one_open_per_subject",
            )
        ]

    def __str__(self):
        return f"{self.rule_name}: {self.label}, {self.cause}"

    @property
    def subject(self) -> Subject:
        return Subject(self.subject_kind, self.subject_id)

    @property
    def state(self) -> str:
        if self.resolved_at is not None:
            return "resolved"
        return "pending" if self.fired_at is None else "firing"

    @property
    def lasted_s(self) -> float:
        return ((self.resolved_at or timezone.now()) - self.since).total_seconds()


class AlertDelivery(models.Model):
    """One message to one channel. ``items``: what it tells, as it was then (``messages.Item``).

    While it waits for its first try, further alerts for the channel join it.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"  # given up

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(AlertChannel, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    channel_name = models.CharField(max_length=MAX_NAME)
    is_test = models.BooleanField(default=False)
    items = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)  # of the next try, or until when one that is under way has time
    answer = models.TextField(blank=True)  # what became of the last try, in words
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state="waiting"), name="alert_deliveries_due"),
        ]

    def __str__(self):
        return f"{len(self.items)} alerts to {self.channel_name}: {self.state}"


class AlertClock(models.Model):
    """One row: when alerts were last looked at. Who looks locks it, so that two do not look at once."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    looked_at = models.DateTimeField(null=True)

    def __str__(self):
        return f"looked at {self.looked_at}"
