"""One thing done to many entities of a kind: delete, enable, disable, tag, untag. All of them or none, as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EditsInvalid, EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import ENTITY, Problem
from proxy_engine.spec.schema import MAX_ITEMS

from .applying import CHUNK, Edit, apply
from .changes import Actor, Batch, batch
from .deletion import without_upstream
from .draining import REQUEST as DRAIN_REQUEST
from .draining import begun
from .kinds import KINDS
from .models import Change

TAKE_TAGS = ("tag", "untag")  # of the actions
MOST_IDS = MAX_ITEMS  # what a list of the spec holds

Values = dict[str, Any]


def _tagged(values: Values, tags: list[str]) -> Values:
    return {"tags": list(dict.fromkeys([*(values["tags"] or []), *tags]))}


def _untagged(values: Values, tags: list[str]) -> Values:
    return {"tags": [tag for tag in values["tags"] or [] if tag not in tags] or None}


_EDITS: dict[str, Callable[[Values, list[str]], Values]] = {
    "enable": lambda values, tags: {"enabled": True},
    "disable": lambda values, tags: {"enabled": False},
    "tag": _tagged,
    "untag": _untagged,
    "undrain": lambda values, tags: {"drain": None},
}


@dataclass
class Done:
    """``changes``: those of the entities that were named; ``along``: of what went with them."""

    version: int
    changes: list[Change] = field(default_factory=list)
    along: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def actions_for(kind: str) -> tuple[str, ...]:
    switches = ("enable", "disable") if "enabled" in KINDS[kind].spec.fields else ()
    drains = ("drain", "undrain") if "drain" in KINDS[kind].spec.fields else ()
    return ("delete", *switches, *drains, *TAKE_TAGS)


def change_many(
    *, rows: QuerySet, action: str, ids: list[str], tags: list[str], actor: Actor, drain: Values | None = None
) -> Done:
    """``rows``: what may be touched, all of one kind; ``action``: one of ``actions_for`` it, ``tags``: for tag and
    untag, ``drain``: for drain, a checked ``draining.REQUEST``; None: as usual. An id that is none of ``rows``, and
    whatever is refused about one, is a problem at ``ids.<place>``.
    """
    kind = rows.model.kind
    with batch(actor) as edits:
        start = len(edits.changes)
        found = _found(rows, ids)
        warnings = _warnings(kind, found.values()) if action == "delete" else []
        if action == "drain":
            asked = drain or DRAIN_REQUEST.fresh_default()
            wanted = [_drained(entity, asked, edits) for entity in found.values()]
        else:
            wanted = [_edit(kind, action, entity, tags) for entity in found.values()]
        _apply(wanted, ids, actor)
        made = edits.changes[start:]
    named = [change for change in made if change.kind == kind and str(change.entity_id) in found]
    along = [change for change in made if change not in named]
    return Done(edits.version, named, along, warnings)


def _found(rows: QuerySet, ids: list[str]) -> dict[str, Entity]:
    wanted = [key.lower() for key in ids]
    stored = {}
    for start in range(0, len(wanted), CHUNK):
        stored |= {str(row.pk): row for row in rows.filter(pk__in=wanted[start : start + CHUNK])}
    label = KINDS[rows.model.kind].label
    missing = [place for place, key in enumerate(wanted) if key not in stored]
    if missing:
        problem = f"there is no {label} with this id"
        raise EntityInvalid(Problem(("ids", place), problem, "reference") for place in missing)
    return stored


def _edit(kind: str, action: str, entity: Entity, tags: list[str]) -> Edit:
    if action == "delete":
        return Edit(kind, str(entity.pk), None)
    values = entity.to_values()
    return Edit(kind, str(entity.pk), values | _EDITS[action](values, tags))


def _drained(entity: Entity, asked: Values, edits: Batch) -> Edit:
    values = entity.to_values()
    return Edit(entity.kind, str(entity.pk), values | {"drain": begun(asked, values["drain"], edits.at)})


def _apply(edits: list[Edit], ids: list[str], actor: Actor) -> None:
    try:
        apply(edits=edits, actor=actor)
    except EditsInvalid as invalid:
        places = {key.lower(): place for place, key in enumerate(ids)}
        raise EntityInvalid(_placed(invalid, places)) from None


def _placed(invalid: EditsInvalid, places: dict[str, int]) -> Iterator[Problem]:
    """At the ids that the client sent. What goes along can be refused as well, and has no place there."""
    for kind, key, problems in invalid.refused:
        path = ("ids", places[key]) if key in places else ENTITY
        for problem in problems:
            at = "" if problem.path == ENTITY else f"{problem.field}: "
            whose = "" if key in places else f"{KINDS[kind].label} {key}: "
            yield Problem(path, f"{whose}{at}{problem.message}", problem.code)


def _warnings(kind: str, entities: Iterable[Entity]) -> list[str]:
    if kind != "upstreams":
        return []
    return [warning for entity in entities for warning in without_upstream(kind, entity.to_values(), None)]


def request_fields(kind: str) -> spec.Record:
    """What clients ask with, for checks and documents."""
    return spec.Record(
        fields={
            "action": spec.String(required=True, choices=actions_for(kind), help="What is done to each of them."),
            "ids": spec.Array(
                of=spec.String(rules=(_uuid,), max_length=36),
                required=True,
                min_items=1,
                help=f"Ids, each once, at most {MOST_IDS}.",
            ),
            "tags": spec.Array(
                of=KINDS[kind].spec.fields["tags"].of,
                help="With tag and untag: which. Not with the others.",
            ),
        }
    )


def _uuid(text: str) -> str | None:
    return None if spec.is_uuid(text) else "expected a valid UUID"


def request_problems(values: Values) -> Iterator[Problem]:
    """Of well-formed fields."""
    seen: set[str] = set()
    for place, key in enumerate(values["ids"]):
        if key.lower() in seen:
            yield Problem(("ids", place), "given twice")
        seen.add(key.lower())
    takes_tags = values["action"] in TAKE_TAGS
    if takes_tags and not values["tags"]:
        yield Problem(("tags",), "required field missing", "required")
    if not takes_tags and values["tags"] is not None:
        yield Problem(("tags",), f"{values['action']} takes no tags")
