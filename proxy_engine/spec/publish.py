"""The fields in the shape of Kong's ``GET /schemas/…``, out of the same tables that check them.

deck fills in what a file leaves out from these, and compares the result with what is stored; a default told here and
another one stored would be the same difference for ever. So everything that ``check`` fills in by itself is told:
each leaf with a default of its own, and records as ``required``, because an absent one is stored with its defaults.
Fields that Kong does not know are not told.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from .entities import KINDS
from .entity import Entity, quoted
from .plugins import FIELDS_OF, PLUGINS
from .schema import Array, Boolean, Field, Integer, Map, Number, Object, Record, Reference, Set, String

Schema = dict[str, Any]

_TYPES: tuple[tuple[type[Field], str], ...] = (  # the narrower class first
    (Set, "set"),
    (Array, "array"),
    (Map, "map"),
    (Record, "record"),
    (Object, "record"),
    (Reference, "foreign"),
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Number, "number"),
    (String, "string"),
)
_MOMENT: Schema = {"timestamp": True, "auto": True}
_URL: Schema = {"type": "string", "description": "protocol, host, port and path in one."}
_REMOVAL = "4.0"  # the release that Kong announces for its deprecated names


def kong_schema(kind: str) -> Schema:
    """KeyError for a kind that does not exist."""
    entity = KINDS[kind]
    schema = {
        "name": kind,
        "primary_key": ["id"],
        "endpoint_key": entity.endpoint_key,
        "fields": [
            {"id": {"type": "string", "uuid": True, "auto": True}},
            *({name: moment} for name, moment in _moments(entity).items()),
            *({name: _of_entity(entity, name, field)} for name, field in _kongs(entity.fields)),
        ],
        "entity_checks": _entity_checks(entity.rules),
    }
    return schema | ({"shorthand_fields": [{"url": dict(_URL)}]} if kind == "services" else {})


def kong_plugin_schema(name: str) -> Schema:
    """KeyError for a plugin that does not exist."""
    fields = FIELDS_OF[name]
    told = [*(scope for scope, field in fields.items() if getattr(field, "forbidden", False)), "protocols", "config"]
    return {
        "name": name,
        "fields": [{field: published(fields[field])} for field in told],
        "entity_checks": _entity_checks(PLUGINS[name].rules),
    }


def published(field: Field) -> Schema:
    schema: Schema = {"type": next(name for kind, name in _TYPES if isinstance(field, kind))}
    if field.required or isinstance(field, Record):
        schema["required"] = True
    if field.default is not None:
        schema["default"] = copy.deepcopy(field.default)
    if field.help:
        schema["description"] = field.help
    if field.choices is not None:
        schema["one_of"] = list(field.choices)
    if field.secret:
        schema["encrypted"] = True
    return schema | _inside(field)


def _inside(field: Field) -> Schema:
    match field:
        case Record():
            schema: Schema = {"fields": [{name: published(inner)} for name, inner in _kongs(field.fields)]}
            return schema | ({"shorthand_fields": _shorthands(field)} if field.shorthands else {})
        case Array():
            return {"elements": published(field.of)} | ({"len_min": field.min_items} if field.min_items else {})
        case Map():
            return {"keys": {"type": "string"}, "values": published(field.values)}
        case Reference():
            return {"reference": field.to} | ({"eq": None} if field.forbidden else {})
        case Number():
            return _range(field)
        case Object():
            return {"abstract": True}
    return {}


def _range(field: Number) -> Schema:
    if field.above is not None:
        return {"gt": field.above}
    return {} if field.min is None else {"between": [field.min, field.max]}


def _shorthands(record: Record) -> list[Schema]:
    """deck leaves these out of our answers before it compares."""
    return [
        {old: published(record.field_at(steps)) | {"deprecation": _deprecation(old, steps)}}
        for old, steps in record.shorthands.items()
    ]


def _deprecation(old: str, steps: tuple[str, ...]) -> Schema:
    return {
        "message": f"{quoted([old])} is deprecated, please use {quoted(['.'.join(steps)])} instead",
        "removal_in_version": _REMOVAL,
        "replaced_with": [{"path": list(steps)}],
    }


def _kongs(fields: Mapping[str, Field]) -> Iterable[tuple[str, Field]]:
    return ((name, field) for name, field in fields.items() if not field.ours)


def _of_entity(entity: Entity, name: str, field: Field) -> Schema:
    return published(field) | ({"unique": True} if (name,) in entity.unique else {})


def _moments(entity: Entity) -> dict[str, Schema]:
    """Kong's targets alone have fractions of seconds."""
    names = ("created_at", "updated_at") if entity.has_updated_at else ("created_at",)
    return {name: {"type": "number" if entity.kind == "targets" else "integer", **_MOMENT} for name in names}


def _entity_checks(rules: Iterable[Any]) -> list[Schema]:
    """Those that are tables; what is a function cannot be told."""
    return [{rule.name: list(rule.paths)} for rule in rules if hasattr(rule, "paths")]
