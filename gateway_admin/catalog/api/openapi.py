"""The OpenAPI document: operations described as data. drf-spectacular finds the views and serves the result."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from gateway_admin.catalog.draining import REQUEST
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.openapi import (
    SECURITY,
    Schema,
    enveloped,
    enveloped_page,
    error_replies,
    paging_parameters,
    query,
    ref,
    reply,
)

from . import config_operations
from .changes import FILTERS as CHANGE_FILTERS
from .credentials import KIND_OF_TYPE, TYPE, Credentials
from .credentials import ORDERS as CREDENTIAL_ORDERS
from .credentials import components as credential_components
from .explain import Explain
from .explain_schemas import components as explain_components
from .filters import StrictBoolean, filter_set, order_names
from .schemas import bulk_schema, component_name, components, field_schema
from .versions import MAX_WAIT_S

ETAG = r'^(\*|(W/)?"[0-9]{1,18}")$'
_WRITES = ("create", "update", "partial_update", "destroy", "bulk", "drain", "undrain")
_SUMMARIES = {
    "list": "List {kind}",
    "create": "Create {one}",
    "retrieve": "Read {one}",
    "update": "Replace {one}: what is left out returns to its default",
    "partial_update": "Change some fields of {one}",
    "destroy": "Delete {one} and what goes with it",
    "drain": "Drain {one}: no new requests, those under way finish; then it is removed, disabled or returned",
    "undrain": "End the drain of {one} at once: it gets requests again",
    "bulk": "Delete, tag, drain or switch many {kind}: all of them or none, in one batch of changes",
}
_ERRORS = {
    400: "A field is wrong, unknown or points nowhere; the body is not JSON; it is still in use",
    401: "No token or session, or one that is not valid",
    403: "The role or the token's scope does not reach, or the session's CSRF token is missing",
    404: "There is no such entity",
    409: "The name or address is taken",
    412: "It was changed since the ETag was read",
    413: "The body is too large",
    415: "The body is not application/json",
    429: "Too many wrong tokens came from this address",
}
_ERRORS_OF = {
    "list": (400, 401),
    "retrieve": (401, 404),
    "create": (400, 401, 403, 409, 413, 415),
    "update": (400, 401, 403, 404, 409, 412, 413, 415),
    "partial_update": (400, 401, 403, 404, 409, 412, 413, 415),
    "destroy": (400, 401, 403, 404, 412),
    "drain": (400, 401, 403, 404, 412, 413, 415),
    "undrain": (400, 401, 403, 404, 412),
    "bulk": (400, 401, 403, 409, 413, 415),
}


class EnvelopeSchema(AutoSchema):
    """Views that ``describe`` their operations are believed; drf-spectacular looks into the others itself."""

    def get_operation(self, path, path_regex, path_prefix, method, registry):
        kind = getattr(self.view, "kind", None)
        if isinstance(self.view, Credentials):
            return credential_operation(self.view.action, path)
        if kind in KINDS:
            return entity_operation(kind, self.view.action, path)
        if getattr(self.view, "filters", None) is CHANGE_FILTERS:
            return changes_operation()
        if isinstance(self.view, Explain):
            return explain_operation()
        return super().get_operation(path, path_regex, path_prefix, method, registry)


def add_components(result: dict, generator, request, public) -> dict:
    """A postprocessing hook of drf-spectacular: the named schemas, and the views that are no views of DRF."""
    parts = result.setdefault("components", {})
    named = components() | credential_components() | explain_components() | config_operations.COMPONENTS
    parts.setdefault("schemas", {}).update(named)
    parts["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "gatehouse_session"},
    }
    paths = {path.rstrip("/"): operations for path, operations in result["paths"].items()} | VERSION_PATHS
    result["paths"] = dict(sorted(paths.items()))
    return result


def entity_operation(kind: str, action: str, path: str) -> dict[str, Any]:
    label = KINDS[kind].label
    article = "an" if label[0] in "aeiou" else "a"
    nested = "{upstream}" in path
    of = " of one upstream" if nested else ""
    operation = {
        "operationId": f"{kind}_{action}" + ("_of_upstream" if nested else ""),
        "summary": _SUMMARIES[action].format(kind=f"{kind}{of}", one=f"{article} {label}{of}"),
        "tags": [kind],
        "parameters": [*_path_parameters(path, label), *_query_parameters(kind, action), *_if_match(action)],
        "security": SECURITY,
        "responses": _responses(kind, action) | (_errors(404) if nested else {}),
    }
    if action == "drain":
        operation["requestBody"] = {"required": False, "content": _json(field_schema(REQUEST))}
    if action == "bulk":
        operation["requestBody"] = {"required": True, "content": _json(bulk_schema(kind))}
    if action in ("create", "update", "partial_update"):
        operation["requestBody"] = {"required": True, "content": _json(ref(f"{component_name(kind)}Input"))}
    return operation


def credential_operation(action: str, path: str) -> dict[str, Any]:
    """As those of its kinds, which are the same but for names."""
    one = ref("Credential")
    operation = entity_operation("keyauth_credentials", action, path) | {
        "operationId": f"credentials_{action}",
        "summary": _SUMMARIES[action].format(kind="API keys and password logins", one="an API key or password login"),
        "tags": ["credentials"],
    }
    operation["responses"]["201" if action == "create" else "200"]["content"] = _json(_answer_of(action, one))
    if "requestBody" in operation:
        operation["requestBody"] = {"required": True, "content": _json(ref("CredentialInput"))}
    if action == "list":
        kept = [found for found in operation["parameters"] if found["name"] != "orderBy"]
        order = query("orderBy", {"type": "string", "enum": list(CREDENTIAL_ORDERS)}, "Default: newest first.")
        types = query(TYPE, {"type": "string", "enum": list(KIND_OF_TYPE)}, "Of this type only.")
        operation["parameters"] = [*kept, order, types]
    return operation


def changes_operation() -> dict[str, Any]:
    filters = [query(name, {"type": "string"}, "Is this.") for name in CHANGE_FILTERS]
    return {
        "operationId": "changes_list",
        "summary": "The change log: who changed what, when and from where; newest first",
        "tags": ["changes"],
        "parameters": [*paging_parameters(), *filters],
        "security": SECURITY,
        "responses": {"200": reply(enveloped_page(ref("Change"))), **_errors(400, 401)},
    }


def explain_operation() -> dict[str, Any]:
    return {
        "operationId": "explain",
        "summary": "What the engine would do with a request: which route wins, where it goes, and why",
        "tags": ["explain"],
        "security": SECURITY,
        "requestBody": {"required": True, "content": _json(ref("Question"))},
        "responses": {"200": reply(enveloped(ref("Explanation"))), **_errors(400, 401, 403, 413, 415)},
    }


def _path_parameters(path: str, label: str) -> list[Schema]:
    texts = {"upstream": "Id or name of the upstream.", "key": f"Id of the {label}, or its name."}
    if label == "target":
        texts["key"] = "Id of the target, or its address." if "{upstream}" in path else "Id of the target."
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": text}
        for name, text in texts.items()
        if f"{{{name}}}" in path
    ]


def _query_parameters(kind: str, action: str) -> list[Schema]:
    if action != "list":
        return []
    order = [
        query("orderBy", {"type": "string", "enum": list(order_names(kind))}, "Default: newest first."),
        query("orderDirection", {"type": "string", "enum": ["asc", "desc"]}, "Default with orderBy: asc."),
    ]
    filters = [
        query(name, _filter_schema(chosen), str(chosen.label or ""))
        for name, chosen in filter_set(kind).base_filters.items()
    ]
    return [*paging_parameters(), *order, *filters]


def _filter_schema(chosen) -> Schema:
    return {"type": "boolean"} if isinstance(chosen, StrictBoolean) else {"type": "string"}


def _if_match(action: str) -> list[Schema]:
    if action not in ("update", "partial_update", "destroy", "drain", "undrain"):
        return []
    text = "The ETag of a read: refuse with 412 when it was changed since."
    etag = {"type": "string", "pattern": ETAG}
    return [{"name": "If-Match", "in": "header", "required": False, "schema": etag, "description": text}]


def _responses(kind: str, action: str) -> dict[str, Schema]:
    answer = reply(_answer_of(action, ref(component_name(kind))))
    if action in _WRITES:
        text = "The version of the configuration that has this change (see /api/config/versions/{version})."
        answer["headers"] = {"X-Gateway-Version": {"schema": {"type": "integer"}, "description": text}}
    return {"201" if action == "create" else "200": answer, **_errors(*_ERRORS_OF[action])}


def _answer_of(action: str, entity: Schema) -> Schema:
    others = {"destroy": enveloped(ref("Deleted")), "bulk": enveloped(ref("BulkDone")), "list": enveloped_page(entity)}
    return others.get(action, enveloped(entity))


def _errors(*statuses: int) -> dict[str, Schema]:
    """Who is asked for a token can be refused it in more ways than one."""
    return error_replies(_ERRORS, *sorted({*statuses, 401, 403, 429}))


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _version_operation(operation_id: str, summary: str, data: str, parameters: list[Schema]) -> Schema:
    return {
        "get": {
            "operationId": operation_id,
            "summary": summary,
            "tags": ["config"],
            "parameters": parameters,
            "security": SECURITY,
            "responses": {"200": reply(enveloped(ref(data))), **_errors(400, 401, *([404] if parameters else []))},
        }
    }


VERSION_PATHS = {
    "/api/config/versions": _version_operation("config_head", "The version of the newest change", "Head", []),
    "/api/config/versions/{version}": _version_operation(
        "config_version",
        "Whether every live engine runs this version",
        "VersionState",
        [
            {"name": "version", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}},
            query(
                "wait",
                {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0},
                "Seconds to wait for it; the answer comes as soon as it is live.",
            ),
        ],
    ),
}
