"""OpenAPI schemas out of the spec: what a field is, what stands in it by default, in which range."""

from gateway_admin.catalog.bulk import TAKE_TAGS, request_fields
from gateway_admin.catalog.draining import REQUEST
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.openapi import COUNT, MOMENT, TEXT, Schema, an_object, ref
from proxy_engine import spec
from proxy_engine.spec.plugins import PLUGINS
from proxy_engine.spec.schema import MAX_ITEMS

from .answers import COMPUTED, LIVE, READ_BY_EDITORS
from .bulk import BULK_DONE
from .names import ALSO_READ, camel, names_out

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
    "checkUrl": "healthcheck.active and probe in one URL, such as tcp://_:5432?interval=5s&timeout=1s.",
    "pluginName": "The same as name.",
}


def components() -> dict[str, Schema]:
    """All named schemas: for each kind what answers hold and what bodies may hold, and the envelope."""
    found = {
        "Error": ERROR,
        "Deleted": DELETED,
        "BulkDone": BULK_DONE,
        "Change": CHANGE,
        "Head": HEAD,
        "VersionState": VERSION_STATE,
    }
    for kind in KINDS:
        found[component_name(kind)] = answer_schema(kind)
        found[f"{component_name(kind)}Input"] = body_schema(kind)
    return found | {settings_name(name): field_schema(plugin.config_field()) for name, plugin in PLUGINS.items()}


def settings_name(plugin: str) -> str:
    """``KeyAuthSettings``"""
    return plugin.title().replace("-", "") + "Settings"


def component_name(kind: str) -> str:
    return KINDS[kind].label.title().replace(" ", "")


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
    along = {camel(name): field_schema(field) | {"nullable": True} for name, field in KINDS[kind].spec.also.items()}
    properties = along | properties | {"id": _CONTROL["id"] | {"nullable": True, "description": "Made up if absent."}}
    for name in sorted(ALSO_READ.get(kind, {}).keys() - properties.keys()):
        properties[name] = _also_read(kind, name)
    if kind == "routes":  # a value alone is read as a list of one
        lists = properties["headers"]["additionalProperties"]
        one = lists["items"] | {"type": "string"}
        properties["headers"] = properties["headers"] | {"additionalProperties": {"anyOf": [lists, one]}}
    needed = [names_out(kind)[name] for name, field in fields.items() if field.required and field.default is None]
    return {"type": "object", "properties": properties, "additionalProperties": False, "x-required": needed}


def bulk_schema(kind: str) -> Schema:
    """One shape for what is done with tags, one for drain, one for the rest."""
    fields = field_schema(request_fields(kind))["properties"]
    ids = fields["ids"] | {"items": {"type": "string", "format": "uuid"}, "minItems": 1, "uniqueItems": True}
    words = fields["action"]["enum"]
    with_tags = _bulk_shape(fields, [word for word in words if word in TAKE_TAGS], ids)
    with_tags["properties"]["tags"] = fields["tags"] | {"minItems": 1}
    with_tags["required"].append("tags")
    shapes = [with_tags, _bulk_shape(fields, [word for word in words if word not in (*TAKE_TAGS, "drain")], ids)]
    if "drain" in words:
        with_drain = _bulk_shape(fields, ["drain"], ids)
        with_drain["properties"]["drain"] = field_schema(REQUEST)
        shapes.append(with_drain)
    return {"oneOf": shapes}


def _bulk_shape(fields: dict[str, Schema], words: list[str], ids: Schema) -> Schema:
    shape = an_object(action=fields["action"] | {"enum": words}, ids=ids)
    return shape | {"additionalProperties": False}


def _also_read(kind: str, name: str) -> Schema:
    if name == "healthchecks":
        return {"allOf": [field_schema(KINDS[kind].spec.fields["healthchecks"])], "description": _ALSO_READ_HELP[name]}
    return {"type": "string", "minLength": 1, "description": _ALSO_READ_HELP[name]}


def _property(kind: str, field: str) -> Schema:
    if field in _CONTROL:
        return _CONTROL[field]
    schema = member_schema(KINDS[kind].spec.fields[field])
    if (kind, field) == ("plugins", "config"):
        one_of_them = [ref(settings_name(name)) for name in PLUGINS]
        return {"anyOf": one_of_them, "description": f"{schema['description']} Which it may be depends on the name."}
    return schema | ({"readOnly": True} if names_out(kind)[field] in COMPUTED.get(kind, ()) else {})


def member_schema(field: spec.Field) -> Schema:
    """Of a field inside an object, where it may be null; items of lists may not."""
    may_be_null = field.nullable or not isinstance(field, spec.Record)
    is_nullable = not field.required and field.default is None and may_be_null
    return field_schema(field) | ({"nullable": True} if is_nullable else {})


def field_schema(field: spec.Field) -> Schema:
    schema = _shape(field)
    if field.help:
        unit = getattr(field, "unit", "")
        sentences = [field.help, f"In {unit}." if unit else "", READ_BY_EDITORS if field.secret else ""]
        schema["description"] = " ".join(filter(None, sentences))
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.default is not None:
        schema["default"] = field.default
    return schema


def _shape(field: spec.Field) -> Schema:
    if isinstance(field, spec.Reference):
        return {"type": "string", "minLength": 1, "description": "An id; in a body also a name."}
    if isinstance(field, spec.Record):
        inner = {camel(name): member_schema(part) for name, part in field.fields.items()}
        return {"type": "object", "properties": inner, "additionalProperties": False}
    if isinstance(field, spec.Array):
        return {"type": "array", "items": field_schema(field.of), "maxItems": MAX_ITEMS}
    if isinstance(field, spec.Map):
        return {"type": "object", "additionalProperties": field_schema(field.values)}
    if isinstance(field, spec.Object):
        return {"type": "object", "additionalProperties": True}
    schema: Schema = {"type": next(name for kind, name in _TYPES if isinstance(field, kind))}
    for limit, name in (("min", "minimum"), ("above", "minimum"), ("max", "maximum"), ("max_length", "maxLength")):
        if getattr(field, limit, None) is not None:
            schema[name] = getattr(field, limit)
    if getattr(field, "above", None) is not None:
        schema["exclusiveMinimum"] = True
    return schema | ({"minLength": 1} if isinstance(field, spec.String) else {})


# --- The envelope ----------------------------------------------------------------------------------------


_STATE: Schema = {"type": "object", "nullable": True, "additionalProperties": True}
DELETED = an_object(
    id=TEXT,
    deleted={"type": "boolean"},
    alsoDeleted={"type": "array", "items": an_object(kind=TEXT, id=TEXT, label=TEXT)},
)
ERROR = an_object(
    success={"type": "boolean", "enum": [False]},
    error=an_object(
        code=TEXT,
        message=TEXT,
        details={"type": "array", "items": an_object(field=TEXT, message=TEXT)},
    ),
)
CHANGE = an_object(
    version=COUNT,
    batch=TEXT,
    at=MOMENT,
    actor=TEXT,
    via=TEXT,
    address={"type": "string", "nullable": True},
    kind=TEXT,
    entityId=TEXT,
    label=TEXT,
    before=_STATE,
    after=_STATE,
)
HEAD = an_object(version=COUNT)
VERSION_STATE = an_object(
    version=COUNT,
    live={"type": "boolean", "description": "Every live engine runs this version or a later one."},
    engines={"type": "array", "items": an_object(nodeId=TEXT, name=TEXT, version=COUNT)},
)
