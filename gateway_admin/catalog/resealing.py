"""Which stored secrets our keys open, and moving all of them to the newest key."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from gateway_admin.common.models import Entity
from gateway_admin.common.sealed_fields import SealedText
from gateway_admin.common.sealing import keys

from .changes import locked_head
from .kinds import KINDS
from .models import Change
from .secrecy import may_have_secrets, sealed, unsealed


def sealed_columns() -> Iterator[tuple[type[Entity], str]]:
    for kind in KINDS.values():
        for field in kind.model._meta.concrete_fields:
            if isinstance(field, SealedText):
                yield kind.model, field.name


def unreadable() -> dict[str, int]:
    """Kind → how many of its rows hold a secret that was sealed with a key we do not have. Opens none of them."""
    ours = Q()
    for key in keys():
        ours |= Q(as_stored__startswith=key.prefix)
    found: dict[str, int] = {}
    for model, column in sealed_columns():
        rows = model._base_manager.annotate(as_stored=Cast(column, TextField())).exclude(as_stored=None)
        if count := rows.exclude(ours).count():
            found[model.kind] = max(count, found.get(model.kind, 0))
    return found


def reseal() -> int:
    """Everything sealed, in rows and in the change log, with the newest key. Returns how many rows were written.

    All or nothing; no edit gets in between.
    """
    with transaction.atomic():
        locked_head()
        return sum(map(_reseal_rows, {model for model, _ in sealed_columns()})) + _reseal_changes()


def _reseal_rows(model: type[Entity]) -> int:
    columns = model.columns([column for found, column in sealed_columns() if found is model])
    rows = list(model._base_manager.all())
    for row in rows:
        row.save(update_fields=columns)
    return len(rows)


def _reseal_changes() -> int:
    changes = list(Change.objects.filter(kind__in=[kind for kind in KINDS if may_have_secrets(kind)]))
    for change in changes:
        change.before = sealed(change.kind, unsealed(change.kind, change.before))
        change.after = sealed(change.kind, unsealed(change.kind, change.after))
    Change.objects.bulk_update(changes, ["before", "after"], batch_size=200)
    return len(changes)
