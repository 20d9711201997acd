"""What a deletion takes along, what forbids it, and what it leaves without its upstream."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
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
    deletion.goes += goes_along(kind, [entity.pk])
    deletion.forbidden += [problem for _, problem in held(kind, [entity.pk])]
    return deletion


def goes_along(kind: str, keys: Iterable[UUID | str]) -> Iterator[Entity]:
    """What is deleted with these. None of it takes anything along itself."""
    for dependency in KINDS[kind].dependents:
        if dependency.cascades:
            rows = KINDS[dependency.kind].model._base_manager  # expired credentials too
            yield from rows.filter(**{f"{dependency.field}__in": keys}).order_by("pk")


def held(kind: str, keys: Iterable[UUID | str]) -> Iterator[tuple[str, Problem]]:
    """Which of these must not go, and why: others lead to them that would be left with a reference to nothing."""
    for dependency in KINDS[kind].dependents:
        if not dependency.cascades:
            rows = KINDS[dependency.kind].model.objects.filter(**{f"{dependency.field}__in": keys}).order_by("pk")
            holders: dict[str, list[Entity]] = defaultdict(list)
            for row in rows:
                holders[str(getattr(row, f"{dependency.field}_id"))].append(row)
            yield from _held(kind, dependency.kind, holders)
    if kind == "ca_certificates":
        yield from _held(kind, "services", _services_that_trust(keys))


def _services_that_trust(keys: Iterable[UUID | str]) -> dict[str, list[Entity]]:
    """They name authorities in a list, which is no foreign key."""
    asked, holders = set(map(str, keys)), defaultdict(list)
    for service in Service.objects.exclude(ca_certificates=None).order_by("pk"):
        for key in asked.intersection(map(str.lower, service.ca_certificates)):
            holders[key].append(service)
    return holders


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


def _held(kind: str, by: str, holders: dict[str, list[Entity]]) -> Iterator[tuple[str, Problem]]:
    verb = "lead" if kind == "services" else "refer"
    for key, rows in holders.items():
        does, them = (f"{verb}s", "it") if len(rows) == 1 else (verb, "them")
        message = f"{_listed(by, rows)} {does} to this {KINDS[kind].label}: delete or move {them} first"
        yield key, Problem(ENTITY, message, "in_use")


def _listed(kind: str, rows: Iterable[Entity]) -> str:
    """``route orders``; ``routes a, b, c, d, e and 3 more``."""
    rows = list(rows)
    names = ", ".join(row.label for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f"{KINDS[kind].label if len(rows) == 1 else kind} {names}{more}"
