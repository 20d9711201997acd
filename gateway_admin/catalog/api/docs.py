"""The OpenAPI document at ``/api/schema/``, and at ``/api/docs/`` as one readable page.

The page has no scripts and loads nothing from anybody else's server, unlike the usual viewers.
"""

from dataclasses import dataclass
from itertools import groupby

from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.negotiation import DefaultContentNegotiation


class Document(SpectacularAPIView):
    """JSON unless ``Accept`` or ``?format=yaml`` ask for YAML."""

    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer]
    content_negotiation_class = DefaultContentNegotiation


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    tag: str
    parameters: list[dict]
    body: str  # name of the schema, empty without one
    statuses: dict[str, str]


@require_safe
def docs(request):
    document = SchemaGenerator().get_schema(request=None, public=True)
    found = sorted(_operations(document), key=lambda operation: operation.tag)
    sections = [(tag, list(operations)) for tag, operations in groupby(found, lambda operation: operation.tag)]
    schemas = {name: _fields(schema) for name, schema in document["components"]["schemas"].items()}
    return render(
        request, "catalog/api_docs.html", {"info": document["info"], "sections": sections, "schemas": schemas}
    )


def _operations(document: dict):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(
                method.upper(),
                path,
                operation.get("summary", ""),
                (operation.get("tags") or ["other"])[0],
                operation.get("parameters", []),
                _body(operation),
                {status: answer.get("description", "") for status, answer in operation["responses"].items()},
            )


def _body(operation: dict) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return content.get("schema", {}).get("$ref", "").rpartition("/")[2]


def _fields(schema: dict, prefix: str = "") -> list[dict]:
    """One row per field, those of inner objects below it."""
    rows = []
    for name, field in schema.get("properties", {}).items():
        rows.append(
            {"name": prefix + name, "type": _type(field), "text": field.get("description", ""), **_limits(field)}
        )
        rows += _fields(field, f"{prefix}{name}.")
    return rows


def _type(field: dict) -> str:
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return field.get("$ref", "").rpartition("/")[2] or field.get("format") or field.get("type", "object")


def _limits(field: dict) -> dict:
    is_range = "minimum" in field and "maximum" in field
    return {
        "default": field.get("default"),
        "choices": field.get("enum", []),
        "range": f"{field['minimum']} to {field['maximum']}" if is_range else "",
    }
