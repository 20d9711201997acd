"""Secrets inside an entity's values, wherever they stand: to seal them, to mask them, to leave them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .entities import KINDS
from .schema import Array, Field, Map, Record

Conversion = Callable[[Any], Any]


def convert_secrets(kind: str, values: Mapping[str, Any], conversion: Conversion) -> dict[str, Any]:
    """A copy with ``conversion`` of each secret that is set. ``values`` may be in part, or not be well-formed."""
    return _in_fields(KINDS[kind].fields_for(values), values, conversion)


def has_secrets(field: Field) -> bool:
    """The field itself or anything inside it."""
    return field.secret or any(map(has_secrets, _inner(field)))


def _inner(field: Field) -> list[Field]:
    match field:
        case Record():
            return list(field.fields.values())
        case Array():
            return [field.of]
        case Map():
            return [field.values]
    return []


def _in_fields(fields: Mapping[str, Field], values: Mapping, conversion: Conversion) -> dict[str, Any]:
    return {
        name: _in_field(fields[name], value, conversion) if name in fields else value for name, value in values.items()
    }


def _in_field(field: Field, value: Any, conversion: Conversion) -> Any:
    if value is None:
        return None
    if field.secret:
        return conversion(value)
    match field, value:
        case Record(), Mapping():
            return _in_fields(field.read_fields(), value, conversion)
        case Array(), list():
            return [_in_field(field.of, item, conversion) for item in value]
        case Map(), Mapping():
            return {name: _in_field(field.values, item, conversion) for name, item in value.items()}
    return value
