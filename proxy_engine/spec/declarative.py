"""Kong's declarative format (``kong.yaml``, ``_format_version`` 1.1, 2.1 and 3.0) → entities.

What Kong and deck agree on is read, and where they differ both ways are::

    _format_version: "3.0"                    # a string; 1.1 and 2.1 spell regular expressions without "~"
    _info: {select_tags: [team-a], defaults: {service: {retries: 2}}}
    services:
    - name: orders
      url: http://orders.local:9000/api       # protocol, host, port and path in one; single fields win over it
      routes: [{name: orders-v1, paths: [/orders]}]
    routes:
    - {name: other, service: {name: orders}, paths: [/other]}       # or service: orders
    upstreams:
    - name: orders.local
      targets: [{target: "10.0.0.1:9000"}]

Bad: ``_format_version: 3.0`` (a number), unknown keys at any level but ``_comment`` and ``_ignore``, two entities with
one name, references to nothing. Kinds that the engine does not know are refused, never skipped: a file whose plugins
were left out would open what they close.

Pure: a parsed document in, entities and problems out. The same file gives the same ids each time.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from . import entities, scalars
from .schema import Path, Problem, Reference, shown_name

FORMAT_VERSIONS = ("1.1", "2.1", "3.0")
NAMESPACE = uuid.UUID("fd02801f-0957-4a15-a55a-c8d9606f30b5")  # the one that Kong derives its ids from
MOST_ENTITIES = 200_000

_HEAD_KEYS = ("_format_version", "_transform", "_info", "_comment", "_ignore", "_workspace")
_REMARKS = ("_comment", "_ignore")
_ORDER = ("upstreams", "services", "routes", "targets")  # what is referred to comes first
_PARENT = {("services", "routes"): "service", ("upstreams", "targets"): "upstream"}
_LOOKS_LIKE_REGEX = re.compile(r"[^A-Za-z0-9._~/%-]")


class Declared(NamedTuple):
    """``entities``: checked values with ids, by kind. Usable only when there are no problems."""

    entities: dict[str, list[dict[str, Any]]]
    problems: list[Problem]


class _Found(NamedTuple):
    kind: str
    path: Path
    values: dict[str, Any]
    parent: tuple[str, int] | None  # field of the foreign key, and place of the parent among the found


def read(document: Any) -> Declared:
    """``document``: what a YAML or JSON parser made of the file. Never raises."""
    problems: list[Problem] = []
    if not isinstance(document, Mapping):
        return Declared({}, [Problem(("_format_version",), "expected a declarative configuration")])
    version = document.get("_format_version")
    if version not in FORMAT_VERSIONS:
        text = f"expected one of: {', '.join(FORMAT_VERSIONS)} (in quotes)"
        return Declared({}, [Problem(("_format_version",), text)])
    info = document.get("_info") if isinstance(document.get("_info"), Mapping) else {}
    found = list(islice(_flatten(document, problems), MOST_ENTITIES + 1))
    if len(found) > MOST_ENTITIES:
        return Declared({}, [Problem(("@entity",), f"more than {MOST_ENTITIES} entities")])
    prepared = [_prepare(item, info, version, problems) for item in found]
    return Declared(_resolve(found, prepared, problems), problems)


# -- what stands where ------------------------------------------------------------------------------------------------


def _flatten(document: Mapping, problems: list[Problem]) -> Iterator[_Found]:
    place = 0
    for key, listed in document.items():
        if key in entities.KINDS:
            for item in _items(key, (key,), listed, None, problems):
                yield item
                yield from (children := list(_children(item, place, problems)))
                place += 1 + len(children)
        elif key not in _HEAD_KEYS:
            problems.append(
                Problem((shown_name(key),), "unknown field, or a kind this version does not know", "unknown")
            )


def _items(kind: str, path: Path, listed: Any, parent, problems: list[Problem]) -> Iterator[_Found]:
    if listed is None:
        return
    if not isinstance(listed, list):
        problems.append(Problem(path, "expected an array"))
        return
    for number, values in enumerate(listed):
        if isinstance(values, Mapping):
            yield _Found(kind, (*path, number), {k: v for k, v in values.items() if k not in _REMARKS}, parent)
        else:
            problems.append(Problem((*path, number), "expected a record"))


def _children(item: _Found, place: int, problems: list[Problem]) -> Iterator[_Found]:
    for (parent_kind, child_kind), field in _PARENT.items():
        if item.kind == parent_kind and child_kind in item.values:
            listed = item.values.pop(child_kind)
            yield from _items(child_kind, (*item.path, child_kind), listed, (field, place), problems)


# -- one entity -------------------------------------------------------------------------------------------------------


def _prepare(item: _Found, info: Mapping, version: str, problems: list[Problem]) -> dict[str, Any]:
    """Shorthands, defaults and tags of the file applied; foreign keys still as written."""
    values = dict(item.values)
    if item.kind == "services" and "url" in values:
        expanded = entities.expand(item.kind, {"url": values.pop("url")})
        problems.extend(Problem((*item.path, *problem.path), problem.message) for problem in expanded.problems)
        values = expanded.values | values
    defaults = info.get("defaults")
    own = defaults.get(item.kind.removesuffix("s")) if isinstance(defaults, Mapping) else None
    if isinstance(own, Mapping):
        values = entities.merge(item.kind, own, values)
    if version != "3.0" and isinstance(values.get("paths"), list):
        values["paths"] = [_path_of_old_format(path) for path in values["paths"]]
    if isinstance(tags := info.get("select_tags"), list) and isinstance(values.get("tags") or [], list):
        values["tags"] = [*(values.get("tags") or []), *tags]
    return values


def _path_of_old_format(path: Any) -> Any:
    is_regex = isinstance(path, str) and not path.startswith("~") and _LOOKS_LIKE_REGEX.search(path)
    return f"~{path}" if is_regex else path


# -- all together -----------------------------------------------------------------------------------------------------


def _resolve(found: list[_Found], prepared: list[dict], problems: list[Problem]) -> dict[str, list[dict]]:
    """Ids, foreign keys and checks, in an order in which every reference finds its entity."""
    book = _Book(problems)
    for kind in _ORDER:
        for place, item in enumerate(found):
            if item.kind == kind:
                book.take(place, item, prepared[place])
    return book.entities


class _Book:
    """The entities as they are taken in, and under which names they can be referred to."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.entities: dict[str, list[dict]] = {kind: [] for kind in entities.KINDS}
        self._id_at: dict[int, str] = {}
        self._ids: dict[tuple[str, str], str] = {}  # kind and name or id → id
        self._unique: set[tuple] = set()

    def take(self, place: int, item: _Found, values: dict[str, Any]) -> None:
        for field, schema in entities.KINDS[item.kind].fields.items():
            if isinstance(schema, Reference):
                self._refer(item, values, field, schema.to)
        given = values.pop("id", None)
        checked = entities.check(item.kind, values)
        self.problems.extend(Problem((*item.path, *p.path), p.message, p.code) for p in checked.problems)
        if checked.problems or not self._claim_names(item, checked.values):
            return
        entity_id = self._id(item, checked.values, given)
        self._id_at[place] = entity_id
        label = checked.values.get(entities.KINDS[item.kind].label_field)
        for name in filter(None, (entity_id, label)):
            self._ids[item.kind, name] = entity_id
        self.entities[item.kind].append(checked.values | {"id": entity_id})

    def _refer(self, item: _Found, values: dict[str, Any], field: str, kind: str) -> None:
        if item.parent is not None and item.parent[0] == field:
            if field in values:
                self.problems.append(Problem((*item.path, field), "is given by where it stands"))
            parent_id = self._id_at.get(item.parent[1])
            values[field] = {"id": parent_id or str(uuid.UUID(int=0))}  # a parent with problems has been reported
        elif (written := values.get(field)) is not None:
            values[field] = {"id": self._found(item, field, kind, written)}

    def _found(self, item: _Found, field: str, kind: str, written: Any) -> str:
        name = written.get("id") or written.get("name") if isinstance(written, Mapping) else written
        known = self._ids.get((kind, name)) if isinstance(name, str) else None
        if known is None:
            text = f"the foreign key does not reference an existing '{kind}' entity"
            self.problems.append(Problem((*item.path, field), text, "reference"))
        return known or str(uuid.UUID(int=0))

    def _claim_names(self, item: _Found, values: dict[str, Any]) -> bool:
        for fields in entities.KINDS[item.kind].unique:
            key = (item.kind, *(json.dumps(values[field]) for field in fields))
            if values[fields[-1]] is None:
                continue
            if key in self._unique:
                text = f"another of the {item.kind} has the same {fields[-1]}"
                self.problems.append(Problem((*item.path, fields[-1]), text, "unique"))
                return False
            self._unique.add(key)
        return True

    def _id(self, item: _Found, values: dict[str, Any], given: Any) -> str:
        if given is not None:
            if scalars.is_uuid(given) and (item.kind, given.lower()) not in self._ids:
                return given.lower()
            self.problems.append(Problem((*item.path, "id"), "expected a valid UUID that no other entity has"))
        label = values.get(entities.KINDS[item.kind].label_field)
        parent = values["upstream"]["id"] if item.kind == "targets" else ""
        key = f"{parent}:{label}" if label else "/".join(map(str, item.path))
        return str(uuid.uuid5(uuid.uuid5(NAMESPACE, item.kind), key))
