"""A parsed document → entities with ids and checked values, and all that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, Protocol

from proxy_engine.spec import entities, scalars
from proxy_engine.spec.schema import Path, Problem

from . import head
from .hidden import hidden_places, marked, revealed
from .kinds import Key, derived_id, holds_secret, in_order, names, natural_keys, references
from .nesting import Found, flatten

MOST_ENTITIES = 200_000
MOST_PROBLEMS = 1000  # then one has read enough of them

_NOBODY = "00000000-0000-0000-0000-000000000000"


class Declared(NamedTuple):
    """``entities``: checked values with ids, by kind. Usable only when there are no problems."""

    entities: dict[str, list[dict[str, Any]]]
    problems: list[Problem]
    select_tags: tuple[str, ...] = ()
    places: dict[tuple[str, str], Path] = {}  # kind and id → where it stands
    as_stored: frozenset[tuple[str, str]] = frozenset()  # kind and id: secrets of these are in the form of the store
    unsaid: dict[tuple[str, str], frozenset[str]] = {}  # kind and id → fields Kong lacks, and so its clients' files


class Known(Protocol):
    """The configuration that a file is read for."""

    def id_of(self, kind: str, key: Key) -> str | None:
        """Of the stored entity that the file means."""

    def values_of(self, kind: str, entity_id: str) -> Mapping[str, Any] | None:
        """Of any stored entity."""

    def referred(self, kind: str, name: str) -> str | None:
        """The id of an entity outside of the file, by its id or name."""


class Nothing:
    """For an engine without a control plane: the file is all there is."""

    def id_of(self, kind: str, key: Key) -> str | None:
        return None

    def values_of(self, kind: str, entity_id: str) -> Mapping[str, Any] | None:
        return None

    def referred(self, kind: str, name: str) -> str | None:
        return None


def read(document: Any, known: Known | None = None, select_tags: Iterable[str] = ()) -> Declared:
    """``document``: what ``text.parse`` made of the file. Never raises.

    ``select_tags``: as if they stood in the file; where it has some, they must be the same.
    """
    problems: list[Problem] = []
    if not isinstance(document, Mapping):
        return Declared({}, [Problem(("_format_version",), "expected a declarative configuration")])
    told = head.read(document, tuple(select_tags), problems)
    if told is None:
        return Declared({}, problems)
    found = list(islice(flatten(document, problems), MOST_ENTITIES + 1))
    if len(found) > MOST_ENTITIES:
        return Declared({}, [Problem(("@entity",), f"more than {MOST_ENTITIES} entities")])
    book = _Book(problems, known or Nothing())
    for place, item in _referred_first(found):
        book.take(place, item, told.applied(item, problems))
        if len(problems) > MOST_PROBLEMS:
            break
    as_stored = book.places.keys() if not told.transforms else book.revealed
    return Declared(book.entities, problems, told.select_tags, book.places, frozenset(as_stored), book.unsaid)


def _referred_first(found: list[Found]) -> Iterator[tuple[int, Found]]:
    by_kind: dict[str, list[tuple[int, Found]]] = {}
    for place, item in enumerate(found):
        by_kind.setdefault(item.kind, []).append((place, item))
    for kind in in_order():
        yield from by_kind.get(kind, ())


class _Book:
    """The entities as they are taken in, and under which names they can be referred to."""

    def __init__(self, problems: list[Problem], known: Known) -> None:
        self.problems = problems
        self.entities: dict[str, list[dict]] = {kind: [] for kind in entities.KINDS}
        self.places: dict[tuple[str, str], Path] = {}
        self.revealed: set[tuple[str, str]] = set()
        self.unsaid: dict[tuple[str, str], frozenset[str]] = {}
        self._known = known
        self._id_at: dict[int, str] = {}
        self._ids: dict[tuple[str, str], str] = {}  # kind and name or id → id
        self._unique: set[tuple[str, Key]] = set()
        self._twins: dict[tuple[str, str], int] = {}  # kind and what an id is derived from → how many had it

    def take(self, place: int, item: Found, values: dict[str, Any]) -> None:
        for field, kind in references(item.kind).items():
            self._refer(item, values, field, kind)
        given = values.pop("id", None)
        values = marked(item.kind, values)
        is_hidden = any(hidden_places(values))
        if is_hidden and (values := self._revealed(item, values, given)) is None:
            return
        checked = entities.check(item.kind, values)
        self.problems.extend(Problem((*item.path, *p.path), p.message, p.code) for p in checked.problems)
        if checked.problems or not self._claim_names(item, checked.values):
            return
        entity_id = self._id(item, checked.values, given)
        self._id_at[place] = entity_id
        self.places[item.kind, entity_id] = item.path
        self._ids[item.kind, entity_id] = entity_id
        self.unsaid[item.kind, entity_id] = frozenset(_ours(item.kind) - values.keys())
        if is_hidden:
            self.revealed.add((item.kind, entity_id))
        for field in names(item.kind):
            if isinstance(name := checked.values[field], str):
                self._ids.setdefault((item.kind, name), entity_id)
        self.entities[item.kind].append(checked.values | {"id": entity_id})

    # -- references

    def _refer(self, item: Found, values: dict[str, Any], field: str, kind: str) -> None:
        if item.parent is not None and item.parent[0] == field:
            if values.get(field) is not None:
                self.problems.append(Problem((*item.path, field), "is given by where it stands"))
            parent_id = self._id_at.get(item.parent[1])
            values[field] = {"id": parent_id or _NOBODY}  # a parent with problems has been reported
        elif (written := values.get(field)) is not None:
            values[field] = {"id": self._found(item, field, kind, written)}

    def _found(self, item: Found, field: str, kind: str, written: Any) -> str:
        name = _name(kind, written)
        if isinstance(name, str):
            name = name.lower() if scalars.is_uuid(name) else name
            if (found := self._ids.get((kind, name)) or self._known.referred(kind, name)) is not None:
                return found
        text = f"the foreign key does not reference an existing '{kind}' entity"
        self.problems.append(Problem((*item.path, field), text, "reference"))
        return _NOBODY

    # -- secrets

    def _revealed(self, item: Found, values: dict[str, Any], given: Any) -> dict[str, Any] | None:
        """What was hidden when the file was written means: as it is stored. None where nothing is."""
        stored_id = given if isinstance(given, str) else self._stored_id(item.kind, natural_keys(item.kind, values))
        stored = self._known.values_of(item.kind, stored_id.lower()) if stored_id else None
        values = revealed(values, stored or {})
        places = list(hidden_places(values))
        text = "is hidden in this file, and nothing is stored that it could stand for"
        self.problems.extend(Problem((*item.path, *place), text) for place in places)
        return None if places else values

    # -- names and ids

    def _claim_names(self, item: Found, values: dict[str, Any]) -> bool:
        claimed = True
        for key in natural_keys(item.kind, values):
            if (item.kind, key) in self._unique:
                field = key[-1][0] if key[-1][0] not in references(item.kind) else key[0][0]
                text = f"another of the {item.kind} has the same {field}"
                self.problems.append(Problem((*item.path, field), text, "unique"))
                claimed = False
            self._unique.add((item.kind, key))
        return claimed

    def _id(self, item: Found, values: dict[str, Any], given: Any) -> str:
        if given is not None:
            if scalars.is_uuid(given) and (item.kind, given.lower()) not in self._ids:
                return given.lower()
            self.problems.append(Problem((*item.path, "id"), "expected a valid UUID that no other entity has"))
        keys = natural_keys(item.kind, values)
        stored = self._stored_id(item.kind, keys)
        if stored is not None and (item.kind, stored) not in self._ids:
            return stored
        plain = next((key for key in keys if not holds_secret(item.kind, key)), None)
        if plain is not None:
            return self._derived(item.kind, ":".join(str(value or "") for _, value in plain))
        return self._derived_without_name(item, values, is_secret=bool(keys))

    def _stored_id(self, kind: str, keys: list[Key]) -> str | None:
        return next((found for key in keys if (found := self._known.id_of(kind, key))), None)

    def _derived_without_name(self, item: Found, values: dict[str, Any], *, is_secret: bool) -> str:
        """The content stands for it. A secret must not be guessed from an id, so there only the owner counts and its
        how manieth it is, and no stored entity's id is taken for it."""
        if not is_secret:
            return self._derived(item.kind, json.dumps(values, sort_keys=True))
        owner = json.dumps([values[field] for field in references(item.kind)])
        while True:
            entity_id = self._derived(item.kind, f"{owner}/secret")
            if self._known.values_of(item.kind, entity_id) is None:
                return entity_id

    def _derived(self, kind: str, text: str) -> str:
        """Twins are numbered in the order of the file; so is who comes upon an id that was given to another."""
        while True:
            number = self._twins.get((kind, text), 0)
            self._twins[kind, text] = number + 1
            entity_id = derived_id(kind, f"{text}/{number}" if number else text)
            if (kind, entity_id) not in self._ids:
                return entity_id


@cache
def _ours(kind: str) -> frozenset[str]:
    return frozenset(name for name, field in entities.KINDS[kind].fields.items() if field.ours)


def _name(kind: str, written: Any) -> Any:
    """``orders``, ``{id: …}`` or ``{name: orders}``."""
    if not isinstance(written, Mapping):
        return written
    return next((written[field] for field in ("id", *names(kind)) if written.get(field) is not None), None)


def place_of(path: Path) -> str:
    """``services[0].routes[2].paths[0]``: as people point at it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
