"""OpenAPI schemas out of the spec: what a field is, what stands in it by default, in which range."""

from typing import Any

from gateway_admin.catalog.kinds import KINDS
from proxy_engine import spec

from .answers import LIVE
from .names import ALSO_READ, camel, names_out

Schema = dict[str, Any]

_TYPES = (
    (spec.Boolean, "boolean"),
    (spec.Integer, "integer"),
    (spec.Number, "number"),
    (spec.String, "string"),
)
_TIME = {"type": "string", "format": "date-time", "readOnly": True}
_CONTROL = {
    "id": {"type": "string", "format": "uuid"},
    "created_at": _TIME,
    "updated_at": _TIME,
}
_ALSO_READ_HELP = {
    "url": "protocol, host, port and path in one; overrides the four.",
    "healthchecks": "Kong's name for healthcheck.",
}


def components() -> dict[str, Schema]:
    """All named schemas: for each kind what answers hold and what bodies may hold, and the envelope."""
    found = {"Error": ERROR, "Deleted": DELETED, "Change": CHANGE, "Head": HEAD, "VersionState": VERSION_STATE}
    for kind in KINDS:
        found[component_name(kind)] = answer_schema(kind)
        found[f"{component_name(kind)}Input"] = body_schema(kind)
    return found


def component_name(kind: str) -> str:
    return KINDS[kind].label.capitalize()


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def answer_schema(kind: str) -> Schema:
    properties = {name: _property(kind, field) for field, name in names_out(kind).items()}
    if live := LIVE.get(kind):
        read_only = {name: schema | {"readOnly": True} for name, schema in live.schema.items()}
        properties |= {name: live.schema[name] if name in live.writable else read_only[name] for name in read_only}
    return {"type": "object", "properties": properties, "required": list(properties)}


def body_schema(kind: str) -> Schema:
    """Nothing is marked as required: a patch names only what changes. ``x-required`` tells what a new one needs."""
    fields = KINDS[kind].spec.fields
    properties = {
        name: schema for name, schema in answer_schema(kind)["properties"].items() if not schema.get("readOnly")
    }
    for name in ALSO_READ.get(kind, {}).keys() - properties.keys():
        properties[name] = _also_read(kind, name)
    needed = [names_out(kind)[name] for name, field in fields.items() if field.required and field.default is None]
    return {"type": "object", "properties": properties, "additionalProperties": False, "x-required": needed}


def _also_read(kind: str, name: str) -> Schema:
    if name == "healthchecks":
        return {"allOf": [field_schema(KINDS[kind].spec.fields["healthchecks"])], "description": _ALSO_READ_HELP[name]}
    return {"type": "string", "description": _ALSO_READ_HELP[name]}


def _property(kind: str, field: str) -> Schema:
    if field in _CONTROL:
        return _CONTROL[field]
    return member_schema(KINDS[kind].spec.fields[field])


def member_schema(field: spec.Field) -> Schema:
    """Of a field inside an object, where it may be null; items of lists may not."""
    is_nullable = not field.required and field.default is None and not isinstance(field, spec.Record)
    return field_schema(field) | ({"nullable": True} if is_nullable else {})


def field_schema(field: spec.Field) -> Schema:
    schema = _shape(field)
    if field.help:
        unit = getattr(field, "unit", "")
        schema["description"] = f"{field.help} In {unit}." if unit else field.help
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.default is not None:
        schema["default"] = field.default
    return schema


def _shape(field: spec.Field) -> Schema:
    if isinstance(field, spec.Reference):
        return {"type": "string", "description": "An id; in a body also a name."}
    if isinstance(field, spec.Record):
        inner = {camel(name): member_schema(part) for name, part in field.fields.items()}
        return {"type": "object", "properties": inner, "additionalProperties": False}
    if isinstance(field, spec.Array):
        return {"type": "array", "items": field_schema(field.of), "uniqueItems": isinstance(field, spec.Set)}
    if isinstance(field, spec.Map):
        return {"type": "object", "additionalProperties": field_schema(field.values)}
    schema: Schema = {"type": next(name for kind, name in _TYPES if isinstance(field, kind))}
    for limit, name in (("min", "minimum"), ("max", "maximum"), ("max_length", "maxLength")):
        if getattr(field, limit, None) is not None:
            schema[name] = getattr(field, limit)
    return schema


# --- The envelope ----------------------------------------------------------------------------------------


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_STATE: Schema = {"type": "object", "nullable": True, "additionalProperties": True}
PAGINATION = _object(page=_COUNT, limit=_COUNT, offset=_COUNT, total=_COUNT, totalPages=_COUNT)
DELETED = _object(
    id=_TEXT,
    deleted={"type": "boolean"},
    alsoDeleted={"type": "array", "items": _object(kind=_TEXT, id=_TEXT, label=_TEXT)},
)
ERROR = _object(
    success={"type": "boolean", "enum": [False]},
    error=_object(
        code=_TEXT,
        message=_TEXT,
        details={"type": "array", "items": _object(field=_TEXT, message=_TEXT)},
    ),
)
CHANGE = _object(
    version=_COUNT,
    batch=_TEXT,
    at=_MOMENT,
    actor=_TEXT,
    via=_TEXT,
    address={"type": "string", "nullable": True},
    kind=_TEXT,
    entityId=_TEXT,
    label=_TEXT,
    before=_STATE,
    after=_STATE,
)
HEAD = _object(version=_COUNT)
VERSION_STATE = _object(
    version=_COUNT,
    live={"type": "boolean", "description": "Every live engine runs this version or a later one."},
    engines={"type": "array", "items": _object(nodeId=_TEXT, name=_TEXT, version=_COUNT)},
)


def enveloped(data: Schema) -> Schema:
    meta = _object(timestamp=_MOMENT)
    meta["properties"] = meta["properties"] | {"warnings": {"type": "array", "items": _TEXT}}
    return _object(success={"type": "boolean", "enum": [True]}, data=data, meta=meta)


def enveloped_page(item: Schema) -> Schema:
    page = enveloped({"type": "array", "items": item})
    page["properties"]["meta"] = _object(timestamp=_MOMENT, pagination=PAGINATION)
    return page
