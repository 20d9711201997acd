"""What was observed: the health of targets, every flip of it, and the engines that report.

Health is numbered like configuration: each flip takes the next sequence number from one locked row, so the order of
commits is the order of numbers, and whoever read everything up to *n* has missed nothing below it. ``TargetHealth`` is
the truth of now and carries the number of its last flip: "what changed above n" is answered from it, also after the
history was pruned.
"""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from gateway_admin.catalog.models import Target


class HealthHead(models.Model):
    """One row: the number of the newest flip. Writers lock it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)

    def __str__(self):
        return f"flip {self.seq}"


def locked_head() -> HealthHead:
    """Inside of a transaction, which then holds it to its end."""
    return HealthHead.objects.select_for_update().get_or_create(pk=1)[0]


class TargetHealth(models.Model):
    """The mark on one target. No row: it never failed, which counts as healthy.

    The row outlives its target for a moment, so that the mark of a deleted target is lifted with an event of its own
    instead of vanishing from the history; hence no constraint and no cascade in the database.
    """

    class Source(models.TextChoices):
        ACTIVE = "active", "health check"
        PASSIVE = "passive", "traffic"
        MANUAL = "manual", "a person"
        CONFIG = "config", "a change of configuration"

    target = models.OneToOneField(
        Target, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="health"
    )
    upstream_id = models.UUIDField()
    healthy = models.BooleanField()
    since = models.DateTimeField()
    cause = models.TextField()
    source = models.CharField(max_length=8, choices=Source)
    address = models.TextField()  # the host:port that was judged; another address starts without a mark
    judged_by = models.CharField(max_length=32)  # fingerprint of the check; empty where it was none
    seq = models.BigIntegerField(unique=True)  # of the HealthEvent that made it so

    class Meta:
        indexes = [
            models.Index(fields=["upstream_id"], condition=models.Q(healthy=False), name="targets_marked_unhealthy")
        ]

    def __str__(self):
        return f"{self.address} {'healthy' if self.healthy else 'unhealthy'}: {self.cause}"


class HealthEvent(models.Model):
    """One entry of the timeline. Ids only, no foreign keys: history outlives what it tells of.

    A flip is a moment: the state it ended began at ``before_since``. Ejections and names that do not resolve are
    episodes of one engine, which end by themselves: they have an end, and ``monitoring.episodes`` keeps them few.
    """

    class Source(models.TextChoices):
        ACTIVE = TargetHealth.Source.ACTIVE.value, "health check"
        PASSIVE = TargetHealth.Source.PASSIVE.value, "traffic"
        MANUAL = TargetHealth.Source.MANUAL.value, "a person"
        CONFIG = TargetHealth.Source.CONFIG.value, "a change of configuration"
        EJECTION = "ejection", "circuit breaker"
        DNS = "dns", "name resolution"

    id = models.BigIntegerField(primary_key=True)  # = seq
    at = models.DateTimeField(db_index=True)
    target_id = models.UUIDField()
    upstream_id = models.UUIDField()
    label = models.TextField()  # the target's host:port at that time
    healthy = models.BooleanField()  # what it became; False for episodes
    cause = models.TextField()
    source = models.CharField(max_length=8, choices=Source)
    actor = models.TextField(default="")  # the person, of a mark or of the change behind it; of an episode the engine
    before_since = models.DateTimeField(null=True)  # None: nobody knows, or an episode
    # of episodes
    node_id = models.UUIDField(null=True)  # of the engine
    workers = models.IntegerField(default=0)  # of it, that saw it at the same time
    times = models.IntegerField(default=1)  # that it was so, when several were taken for one
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["node_id", "target_id"], condition=models.Q(node_id__isnull=False), name="episodes"),
            models.Index(fields=["target_id", "-id"], name="health_events_of_target"),
            models.Index(fields=["upstream_id", "-id"], name="health_events_of_upstream"),
        ]

    def __str__(self):
        return f"{self.label} {'healthy' if self.healthy else 'unhealthy'}: {self.cause}"

    @property
    def is_episode(self) -> bool:
        return self.node_id is not None

    @property
    def lasted(self) -> timedelta | None:
        """An episode: how long it lasted, None while it does. A flip: how long the state before it did, if known."""
        begin, end = (self.at, self.ended_at) if self.is_episode else (self.before_since, self.at)
        return None if begin is None or end is None else max(end - begin, timedelta(0))


LIVE_S = 10  # engines report every 2 s: five missed reports are not a hiccup any more


class EngineNodes(models.QuerySet):
    def live(self, now: datetime | None = None):
        """Who was not seen for ``LIVE_S`` is lost: nobody waits for it, nothing it said still holds."""
        return self.filter(seen_at__gt=live_since(now))


def live_since(now: datetime | None = None) -> datetime:
    return (now or timezone.now()) - timedelta(seconds=LIVE_S)


class EngineNode(models.Model):
    """One engine, as it last reported itself. Gone after a clean stop; silent ones stay, shown as lost."""

    node_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.TextField()
    pid = models.IntegerField()
    version = models.BigIntegerField()  # of the configuration, the lowest that all its workers run
    version_since = models.DateTimeField(null=True)  # when it first reported that, by the database's clock
    workers = models.JSONField()  # list of sources.WorkerReport
    problems = models.JSONField()  # list of texts: entities this engine could not use
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    objects = EngineNodes.as_manager()

    class Meta:
        ordering = ["name", "node_id"]

    def __str__(self):
        return f"{self.name} ({self.node_id})"
