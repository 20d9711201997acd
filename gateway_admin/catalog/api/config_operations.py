"""The configuration's addresses as the OpenAPI document describes them."""

from typing import Any

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.multipart import MEDIA_TYPE
from gateway_admin.common.openapi import (
    COUNT,
    SECURITY,
    TEXT,
    Schema,
    an_object,
    enveloped,
    error_replies,
    query,
    ref,
    reply,
)

from .config_bodies import JSON, YAML

_ERRORS = {
    400: "The file is wrong (details name field and line), or a parameter makes no sense",
    401: "No token or session, or one that is not valid",
    403: "The role or the token's scope does not reach, or the session's CSRF token is missing",
    404: "There is no such version",
    409: "A name is taken, or later changes stand in the way of undoing",
    412: "Somebody changed the configuration since the version that was seen",
    413: "The body is too large",
    415: "The body is neither JSON nor YAML nor a form",
    429: "Too many wrong tokens came from this address",
}
_LOOKS = (400, 401, 403, 429)
_READS_FILE = (*_LOOKS, 409, 413, 415)

_SWITCH: Schema = {"type": "string", "enum": ["true", "false"]}
_NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_ANYTHING: Schema = {"nullable": True}
_TAGS = query(
    "selectTag", {"type": "array", "items": {"type": "string", "minLength": 1}}, "Only what has all of these."
)
_KEEP = query("keep", _SWITCH, "Delete nothing that the file does not have.")
_KEEP_OURS = query("keepOurs", _SWITCH, "Leave fields that Kong does not have as they are where the file lacks them.")
_DRY_RUN = query("dryRun", _SWITCH, "Only tell what would change.")
_SEEN = query("seenVersion", _NUMBER, "The version of the preview; refuse with 412 when there is a newer one.")
_VERSION = {
    "name": "version",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
    "description": "A number of the change log; 0 is the empty beginning.",
}
_FILE: Schema = {
    "type": "object",
    "description": "A declarative configuration (Kong's format).",
    "properties": {"_format_version": {"type": "string", "enum": ["1.1", "2.1", "3.0"]}},
    "required": ["_format_version"],
    "additionalProperties": True,
}

COMPONENTS: dict[str, Schema] = {
    "Plan": an_object(
        version={**COUNT, "description": "It starts from; after the deed, it ended in."},
        summary=an_object(create=COUNT, change=COUNT, delete=COUNT),
        steps={"type": "array", "items": ref("PlanStep")},
        warnings={"type": "array", "items": TEXT},
    ),
    "PlanStep": an_object(
        action={"type": "string", "enum": ["create", "change", "delete"]},
        kind={"type": "string", "enum": list(KINDS)},
        id=TEXT,
        label=TEXT,
        fields={"type": "array", "items": an_object(field=TEXT, before=_ANYTHING, after=_ANYTHING)},
    ),
}


def _operation(name: str, summary: str, parameters: list[Schema], data: Schema, errors: tuple[int, ...], **more: Any):
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["config"],
        "parameters": parameters,
        "security": SECURITY,
        "responses": {"200": reply(enveloped(data)), **error_replies(_ERRORS, *sorted(errors))},
    } | more


def _body() -> Schema:
    text = {"schema": {"type": "string"}}
    form = an_object(config={"type": "string", "format": "binary"})
    content = {JSON: {"schema": _FILE}, MEDIA_TYPE: {"schema": form}} | dict.fromkeys(YAML[:1], text)
    return {"required": True, "content": content}


def _done(operation: Schema) -> Schema:
    text = "The version of the configuration that has this change (see /api/config/versions/{version})."
    operation["responses"]["200"]["headers"] = {
        "X-Gateway-Version": {"schema": {"type": "integer"}, "description": text}
    }
    return operation


_PLAN = ref("Plan")
EXPORT = _operation(
    "config_export",
    "The configuration as a file, as deck would write it",
    [
        query("format", {"type": "string", "enum": ["yaml", "json"], "default": "yaml"}, "Of the file."),
        _TAGS,
        query("withId", _SWITCH, "Also ids that names already tell."),
        query("kongOnly", _SWITCH, "Without the fields that Kong does not have."),
        query("secrets", _SWITCH, "With keys and passwords; for administrators."),
        query("version", _NUMBER, "As it was at this version."),
    ],
    {},
    (*_LOOKS, 404),
)
EXPORT["responses"]["200"] = {
    "description": "The file",
    "content": {"application/yaml": {"schema": _FILE}, JSON: {"schema": _FILE}},
}
VALIDATE = _operation(
    "config_validate",
    "Whether a file could be imported as things stand",
    [_TAGS, _KEEP, _KEEP_OURS],
    an_object(valid={"type": "boolean"}, version=COUNT, summary=an_object(create=COUNT, change=COUNT, delete=COUNT)),
    _READS_FILE,
    requestBody=_body(),
)
DIFF = _operation(
    "config_diff", "What an import would change", [_TAGS, _KEEP, _KEEP_OURS], _PLAN, _READS_FILE, requestBody=_body()
)
IMPORT = _done(
    _operation(
        "config_import",
        "Make the configuration what a file says: all or nothing",
        [_TAGS, _KEEP, _KEEP_OURS, _DRY_RUN, _SEEN],
        _PLAN,
        (*_READS_FILE, 412),
        requestBody=_body(),
    )
)
ENTITIES_AT = _operation(
    "config_entities_at",
    "Everything as it was at a version",
    [_VERSION, query("kind", {"type": "string", "enum": list(KINDS)}, "Only this kind.")],
    an_object(version=COUNT, entities={"type": "object", "additionalProperties": {"type": "array", "items": {}}}),
    (*_LOOKS, 404),
)
DIFF_AT = _operation(
    "config_diff_at",
    "What was changed from one version to another",
    [_VERSION, query("to", _NUMBER, "The other version; by default the newest.")],
    _PLAN,
    (*_LOOKS, 404),
)
ROLLBACK = _done(
    _operation(
        "config_rollback",
        "Make everything as it was at a version, as a new batch of changes",
        [_VERSION, _DRY_RUN, _SEEN],
        _PLAN,
        (*_LOOKS, 404, 409, 412),
    )
)
UNDO = _done(
    _operation(
        "changes_undo",
        "Take back the batch of changes that made this version",
        [_VERSION, query("force", _SWITCH, "Even where later changes touched the same."), _DRY_RUN, _SEEN],
        _PLAN,
        (*_LOOKS, 404, 409, 412),
    )
)
