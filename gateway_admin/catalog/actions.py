"""The only writers of entities. Each action is one transaction and leaves its trace in the change log.

Forms, REST, imports and tasks all come here; whatever they hand in is checked here. An action raises ``EntityInvalid``,
``EntityNotFound`` or ``EntityChanged`` and has then changed nothing.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EntityChanged, EntityInvalid, EntityNotFound
from proxy_engine import spec

from .applying import Edit, apply
from .changes import Actor, Batch, batch
from .credentials import as_given
from .deletion import Deletion, deletion_preview
from .expiry import purge_expired
from .kinds import KINDS
from .models import Change, Sni
from .validation import checked

__all__ = [
    "Actor",
    "Batch",
    "Deletion",
    "Edit",
    "apply",
    "batch",
    "create",
    "delete",
    "deletion_preview",
    "replace",
    "update",
]


def create(*, kind: str, values: dict, actor: Actor) -> Entity:
    """``values`` may bring ``id`` and ``created_at``; absent fields get their defaults."""
    with batch(actor) as edits:
        purge_expired(kind, edits)
        entity = KINDS[kind].model(created_at=edits.at, updated_at=edits.at)
        accepted = checked(kind, values, None)
        entity.assign(as_given(kind, accepted, values, edits.at.timestamp()))
        entity.save(force_insert=True)
        edits.record(entity, before=None, after=entity.to_values())
        _bring_snis_in_line(entity, accepted, actor)
    return entity


def update(
    *, kind: str, entity_id: UUID | str, values: dict, actor: Actor, expected_version: int | None = None
) -> Entity:
    """Partial: records merge deeply, lists and maps are replaced, null unsets.

    ``expected_version``: refuse when the entity has a change above it, i.e. when somebody edited it since.
    """
    with batch(actor) as edits:
        entity = _found(kind, entity_id, expected_version)
        current = entity.to_values()
        return _store(entity, current, spec.merge(kind, current, values), values, edits)


def replace(
    *,
    kind: str,
    entity_id: UUID | str,
    values: dict,
    actor: Actor,
    expected_version: int | None = None,
    keep_ours: bool = False,
) -> Entity:
    """Absent fields return to their defaults, and what comes along (``snis``, ``ttl``) to nothing; with ``keep_ours``
    the fields that Kong does not know stay as they are."""
    with batch(actor) as edits:
        entity = _found(kind, entity_id, expected_version)
        current, also = entity.to_values(), KINDS[kind].spec.also
        kept = {name: current[name] for name, field in KINDS[kind].spec.fields.items() if keep_ours and field.ours}
        kept = {name: value for name, value in kept.items() if name != "expires_at"}  # Kong's own, under another name
        return _store(entity, current, kept | dict.fromkeys(also) | values, values, edits)


def delete(*, kind: str, entity_id: UUID | str, actor: Actor, expected_version: int | None = None) -> list[Change]:
    """Delete it and what goes with it. Returns the changes in the order they were made, dependents first."""
    with batch(actor) as edits:
        entity = _found(kind, entity_id, expected_version)
        deletion = deletion_preview(kind, entity.pk)
        if deletion.forbidden:
            raise EntityInvalid(deletion.forbidden)
        changes = [edits.record(gone, before=gone.to_values(), after=None) for gone in [*deletion.goes, entity]]
        entity.delete()
    return changes


def _found(kind: str, entity_id: UUID | str, expected_version: int | None) -> Entity:
    try:
        entity = KINDS[kind].model.objects.get(pk=UUID(str(entity_id)))
    except (ValueError, KINDS[kind].model.DoesNotExist):
        raise EntityNotFound(kind, entity_id) from None
    if expected_version is not None:
        _refuse_if_newer(entity, expected_version)
    return entity


def _refuse_if_newer(entity: Entity, expected_version: int) -> None:
    changes = Change.objects.filter(kind=entity.kind, entity_id=entity.pk, version__gt=expected_version)
    newest = changes.order_by("-version").values_list("version", flat=True).first()
    if newest is not None:
        raise EntityChanged(entity.kind, entity.pk, newest)


def _store(entity: Entity, current: dict, values: dict, given: Mapping, edits: Batch) -> Entity:
    """``values``: the whole new state; ``given``: what of it the client sent."""
    kind = entity.kind
    purge_expired(kind, edits)
    accepted = checked(kind, values, current)
    ready = as_given(kind, accepted, given, edits.at.timestamp(), current)
    changed = {name: value for name, value in ready.items() if value != current[name]}
    if changed:
        entity.assign(changed)
        entity.updated_at = edits.at
        entity.save(update_fields=[*entity.columns(changed), "updated_at"])
        edits.record(entity, before=current, after=entity.to_values())
    _bring_snis_in_line(entity, accepted, edits.actor)
    return entity


def _bring_snis_in_line(entity: Entity, values: Mapping[str, Any], actor: Actor) -> None:
    """A certificate's ``snis`` are rows of their own: those it names, no others. Without the list they stay."""
    if entity.kind != "certificates" or "snis" not in values:
        return
    wanted = values["snis"] or []
    stored = dict(Sni.objects.filter(certificate=entity.pk).values_list("name", "pk"))
    for name in stored.keys() - set(wanted):
        delete(kind="snis", entity_id=stored[name], actor=actor)
    for name in wanted:
        if name not in stored:
            create(kind="snis", values={"name": name, "certificate": {"id": str(entity.pk)}}, actor=actor)
