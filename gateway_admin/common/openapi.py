"""Pieces of the OpenAPI document that every app's REST is described with: the envelope, errors, parameters."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from .paging import DEFAULT_LIMIT, MAX_LIMIT

Schema = dict[str, Any]

SECURITY = [{"bearer": []}, {"session": []}]
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": "string", "format": "date-time"}


class DescribedByMethod(AutoSchema):
    """The view's ``operations`` (method → operation) are the description."""

    def get_operation(self, path, path_regex, path_prefix, method, registry):
        return self.view.operations[method]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def an_object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


PAGINATION = an_object(page=COUNT, limit=COUNT, offset=COUNT, total=COUNT, totalPages=COUNT)


def enveloped(data: Schema) -> Schema:
    meta = an_object(timestamp=MOMENT)
    meta["properties"] = meta["properties"] | {"warnings": {"type": "array", "items": TEXT}}
    return an_object(success={"type": "boolean", "enum": [True]}, data=data, meta=meta)


def enveloped_page(item: Schema) -> Schema:
    page = enveloped({"type": "array", "items": item})
    page["properties"]["meta"] = an_object(timestamp=MOMENT, pagination=PAGINATION)
    return page


def reply(schema: Schema, description: str = "Done") -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def error_replies(texts: dict[int, str], *statuses: int) -> dict[str, Schema]:
    return {str(status): reply(ref("Error"), texts[status]) for status in statuses}


def query(name: str, schema: Schema, text: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


def paging_parameters() -> list[Schema]:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        query("page", {"type": "integer", "minimum": 1, "default": 1}, "Not together with offset."),
        query("limit", limit, "Entries on a page."),
        query("offset", {"type": "integer", "minimum": 0}, "Entries to skip."),
    ]
