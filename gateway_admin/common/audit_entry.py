"""The table of the audit: who was refused what, and who changed people, roles and tokens."""

from django.db import models

LONGEST = 300  # characters of one text


class AuditEntry(models.Model):
    """Append-only. Changes of the configuration are not here: each has a ``Change`` of its own.

    Equal denials of one minute are one row with a ``count``; ``digest`` is what they have in common. No text has a
    password, a token or a key in it.
    """

    class Outcome(models.TextChoices):
        DONE = "done"
        DENIED = "denied"

    at = models.DateTimeField(db_index=True)  # the first time
    last_at = models.DateTimeField()
    count = models.IntegerField(default=1)
    outcome = models.CharField(max_length=8, choices=Outcome)
    actor = models.TextField()
    via = models.CharField(max_length=16)  # ui, api, kong, system: as in the change log
    address = models.TextField()  # the client's; empty where there was none
    what = models.TextField()
    on_whom = models.TextField()  # the user that a change was about; empty otherwise
    reason = models.TextField()  # of a denial
    digest = models.CharField(max_length=64, null=True, unique=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["outcome", "-id"], name="audit_by_outcome")]

    def __str__(self):
        return f"{self.actor} {self.what}: {self.outcome}"
