"""What the file's reader and writer need to know of the kinds, all of it read off ``KINDS``: which refers to which,
what may stand inside what, and what an entity is called where its id is not given.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from proxy_engine.spec import entities
from proxy_engine.spec.schema import Reference

NAMESPACE = uuid.UUID("fd02801f-0957-4a15-a55a-c8d9606f30b5")  # the one that Kong derives its ids from

Key = tuple[tuple[str, Any], ...]
"""The fields that tell an entity from all others of its kind, with their values; references as the id alone."""


@cache
def references(kind: str) -> dict[str, str]:
    """Field → kind it points at."""
    fields = entities.KINDS[kind].fields.items()
    return {name: field.to for name, field in fields if isinstance(field, Reference)}


@cache
def in_order() -> tuple[str, ...]:
    """What is referred to comes first."""
    done: dict[str, None] = {}

    def place(kind: str) -> None:
        if kind not in done:
            for to in references(kind).values():
                if to != kind:
                    place(to)
            done[kind] = None

    for kind in entities.KINDS:
        place(kind)
    return tuple(done)


@cache
def children(kind: str) -> dict[str, str]:
    """Kinds that may stand inside one of this kind, each with its field that then need not be written."""
    own = entities.KINDS[kind].fields
    return {
        child: field
        for child in entities.KINDS
        for field, to in references(child).items()
        if to == kind and child not in own
    }


@cache
def home_fields(kind: str) -> tuple[str, ...]:
    """References by which an entity belongs to another: a service's route, but not a service's client certificate."""
    return tuple(name for name, to in references(kind).items() if name == entities.KINDS[to].label.replace(" ", "_"))


COMPUTED = {"ca_certificates": ("cert_digest",)}
"""By kind, fields that the checks fill in: no file needs them, and no name is made of them."""


@cache
def names(kind: str) -> tuple[str, ...]:
    """Fields by whose value alone a reference may name an entity."""
    return tuple(fields[0] for fields in entities.KINDS[kind].unique if len(fields) == 1)


def natural_keys(kind: str, values: Mapping[str, Any]) -> list[Key]:
    """All that are complete: a route without a name has none, a consumer may have two."""
    own = references(kind)
    found = []
    for fields in entities.KINDS[kind].unique:
        key = tuple((field, _plain(values.get(field))) for field in fields)
        if all(value is not None for field, value in key if field not in own):
            found.append(key)
    return found


def _plain(value: Any) -> Any:
    """Something that can stand in a table, whatever a file has there."""
    if isinstance(value, Mapping) and isinstance(value.get("id"), str):
        return value["id"]
    return value if value is None or isinstance(value, (str, int, float)) else json.dumps(value, default=str)


def holds_secret(kind: str, key: Key) -> bool:
    return any(entities.KINDS[kind].fields[field].secret for field, _ in key)


def derived_id(kind: str, text: str) -> str:
    """Kong's rule: the same text, the same id."""
    return str(uuid.uuid5(uuid.uuid5(NAMESPACE, kind), text))
