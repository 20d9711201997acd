"""The change log: how one transaction of edits gets its versions and is announced.

A transaction of edits locks the head row first, so only one runs at a time and the order of commits is the order of
versions: a reader that has seen version *n* will never see a row below *n* appear. SQLite locks the whole database
(IMMEDIATE), PostgreSQL the row.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from gateway_admin.common import notices
from gateway_admin.common.models import Entity

from .models import Change, Head
from .secrecy import sealed

CONFIG_GROUP = "config"


@dataclass(frozen=True)
class Actor:
    """Who edits, from which address, by which door: ui, api, kong, import, rollback, task or system."""

    name: str
    via: str
    address: str = ""


@dataclass
class Batch:
    """The edits of one transaction."""

    actor: Actor
    head: Head
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    at: datetime = field(default_factory=timezone.now)
    changes: list[Change] = field(default_factory=list)
    committed_s: float | None = None  # on the monotonic clock, as soon as the transaction is committed

    @property
    def version(self) -> int:
        """Of the last change; the head's when nothing changed."""
        return self.head.version

    def record(self, entity: Entity, *, before: dict | None, after: dict | None, actor: Actor | None = None) -> Change:
        """``actor``: who it was, where it was not the one whose batch it is."""
        self.head.version += 1
        actor = actor or self.actor
        change = Change(
            version=self.head.version,
            batch=self.id,
            at=self.at,
            actor=actor.name,
            via=actor.via,
            address=actor.address or None,
            kind=entity.kind,
            entity_id=entity.pk,
            label=entity.label,
            before=sealed(entity.kind, before),
            after=sealed(entity.kind, after),
        )
        self.changes.append(change)
        return change

    def close(self) -> None:
        if self.changes:
            for accompany in ACCOMPANIED:
                accompany(self.changes)
            Change.objects.bulk_create(self.changes, batch_size=500)
            self.head.save(update_fields=["version"])
            transaction.on_commit(self._committed)

    def committed_at(self) -> datetime | None:
        """By the database's clock, which the reports of engines on other machines go by too. One statement."""
        if self.committed_s is None:
            return None
        now = Head.objects.annotate(now=Now()).values_list("now", flat=True).get(pk=1)
        return now - timedelta(seconds=time.monotonic() - self.committed_s)

    def _committed(self) -> None:
        self.committed_s = time.monotonic()
        announce(self.version)


ACCOMPANIED: list[Callable[[list[Change]], None]] = []
"""Called with each batch inside its transaction: what an app above must store together with an edit, or not at all.
Its ``AppConfig`` puts it here."""

_current: ContextVar[Batch | None] = ContextVar("current_batch", default=None)


@contextmanager
def batch(actor: Actor) -> Iterator[Batch]:
    """Everything edited inside is one transaction, one batch and one notice. Inside another batch it joins that one."""
    if (outer := _current.get()) is not None:
        yield outer
        return
    with transaction.atomic():
        opened = Batch(actor, locked_head())
        token = _current.set(opened)
        try:
            yield opened
        finally:
            _current.reset(token)
        opened.close()


def locked_head() -> Head:
    return Head.objects.select_for_update().get_or_create(pk=1)[0]


def head_version() -> int:
    return Head.objects.filter(pk=1).values_list("version", flat=True).first() or 0


def announce(version: int) -> None:
    """Tell the engines to look. Never fails: the edit is stored, and they find it without us a little later."""
    otherwise = f"version {version} is stored, but the engines could not be told"
    notices.tell([CONFIG_GROUP], {"type": "config.changed", "version": version}, otherwise=otherwise)
