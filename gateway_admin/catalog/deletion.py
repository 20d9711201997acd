"""What a deletion takes along, what forbids it, and what it leaves without its upstream."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EntityNotFound
from proxy_engine.spec import ENTITY, Problem

from .kinds import KINDS
from .models import Service

NAMED = 5  # entities named in one message; the rest is counted


@dataclass
class Deletion:
    entity: Entity
    goes: list[Entity] = field(default_factory=list)  # deleted with it
    forbidden: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # allowed, but look twice


def deletion_preview(kind: str, entity_id: UUID | str) -> Deletion:
    try:
        entity = KINDS[kind].model.objects.get(pk=UUID(str(entity_id)))
    except (ValueError, KINDS[kind].model.DoesNotExist):
        raise EntityNotFound(kind, entity_id) from None
    deletion = Deletion(entity, warnings=without_upstream(kind, entity.to_values(), None))
    for dependency in KINDS[kind].dependents:
        rows = list(KINDS[dependency.kind].model.objects.filter(**{dependency.field: entity.pk}).order_by("pk"))
        if dependency.cascades:
            deletion.goes += rows
        elif rows:
            deletion.forbidden.append(Problem(ENTITY, _held(KINDS[kind].label, dependency.kind, rows), "in_use"))
    return deletion


def without_upstream(kind: str, before: dict | None, after: dict | None) -> list[str]:
    """Services lose their upstream when its name goes: ``host`` is text, and would then be a DNS name.

    As in Kong the name may go all the same (the next edit may bring it back), but whoever does it is told.
    """
    if kind != "upstreams" or before is None or (after and after["name"] == before["name"]):
        return []
    services = list(Service.objects.filter(host=before["name"]).order_by("name", "pk"))
    if not services:
        return []
    verb = "names" if len(services) == 1 else "name"
    return [
        f"{_listed('services', services)} {verb} the upstream {before['name']} as host, and would look it up in DNS"
    ]


def _held(label: str, kind: str, rows: list[Entity]) -> str:
    verb = "leads" if len(rows) == 1 else "lead"
    return f"{_listed(kind, rows)} {verb} to this {label}: delete or move {'it' if len(rows) == 1 else 'them'} first"


def _listed(kind: str, rows: Iterable[Entity]) -> str:
    """``route orders``; ``routes a, b, c, d, e and 3 more``."""
    rows = list(rows)
    names = ", ".join(row.label for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f"{KINDS[kind].label if len(rows) == 1 else kind} {names}{more}"
