"""These operations in the OpenAPI document, as data."""

from typing import Any

from gateway_admin.accounts.auditing import FILTERS
from gateway_admin.accounts.rules import LONGEST_PASSWORD, NEW_TOKEN, NEW_USER, TOKEN_KINDS, USER_CHANGES
from gateway_admin.common.audit_entry import AuditEntry
from gateway_admin.common.openapi import (
    MOMENT,
    SECURITY,
    TEXT,
    Schema,
    an_object,
    enveloped,
    enveloped_page,
    error_replies,
    paging_parameters,
    query,
    reply,
)
from gateway_admin.common.roles import ROLES, SCOPES
from proxy_engine import spec

_ERRORS = {
    400: "A field is wrong or unknown; the body is not JSON; it is the last active admin",
    401: "No token or session, or one that is not valid",
    403: "The role or the token's scope does not reach, or the session's CSRF token is missing",
    404: "There is no such user or token, or it is somebody else's",
    409: "The name is taken",
    413: "The body is too large",
    415: "The body is not application/json",
    429: "Too many wrong tokens came from this address",
}
_WRITING = (400, 401, 403, 413, 415, 429)
_READING = (400, 401, 403, 429)
_KEYED = (401, 403, 404, 429)


def _operation(name: str, summary: str, answer: Schema, errors: tuple, *parameters: Schema, **more: Any) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [name.partition("_")[0]],
        "parameters": list(parameters),
        "security": SECURITY,
        "responses": {more.pop("status", "200"): reply(answer), **error_replies(_ERRORS, *sorted(errors))},
        **more,
    }


def _body(required: tuple[str, ...], **properties: Schema) -> Schema:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    schema |= {"required": list(required)} if required else {}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _key(name: str) -> Schema:
    schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": "Its id."}


_ID: Schema = {"type": "integer", "minimum": 0}
_MAYBE: Schema = MOMENT | {"nullable": True}
_ROLE: Schema = {"type": "string", "enum": list(ROLES), "description": NEW_USER["role"].help}
_SCOPE: Schema = {"type": "string", "enum": list(SCOPES), "description": NEW_TOKEN["scope"].help}
_KINDS: Schema = {
    "type": "array",
    "items": {"type": "string", "enum": list(TOKEN_KINDS)},
    "minItems": 1,
    "nullable": True,
    "description": NEW_TOKEN["kinds"].help,
}
_PASSWORD: Schema = {"type": "string", "minLength": 10, "maxLength": LONGEST_PASSWORD}
_ACTIVE: Schema = {"type": "boolean", "description": USER_CHANGES["active"].help}

_TOKEN = an_object(
    id=_ID,
    name=TEXT,
    prefix=TEXT | {"description": "Its first characters, to tell tokens apart."},
    user=TEXT,
    scope=_SCOPE,
    kinds=_KINDS,
    createdAt=MOMENT,
    lastUsedAt=_MAYBE | {"description": "To the minute."},
    expiresAt=_MAYBE,
)
_NEW_TOKEN = an_object(
    **_TOKEN["properties"], token=TEXT | {"description": "The token itself; nobody can show it again."}
)
_USER = an_object(id=_ID, username=TEXT, role=_ROLE, active=_ACTIVE, createdAt=MOMENT, lastLoginAt=_MAYBE)
_NEW_USER = an_object(
    **_USER["properties"], password=TEXT | {"nullable": True, "description": "Made up; null where one was given."}
)
_ME = an_object(username=TEXT, role=_ROLE, token=_TOKEN | {"nullable": True})
_DELETED = an_object(id=_ID, deleted={"type": "boolean"})

_ENTRY = an_object(
    id=_ID,
    at=MOMENT,
    lastAt=MOMENT | {"description": "Of equal denials within a minute: the last."},
    count=_ID | {"minimum": 1, "description": "How many equal ones these are."},
    outcome={"type": "string", "enum": list(AuditEntry.Outcome.values)},
    actor=TEXT | {"description": "A user, with the token where one was used."},
    via={"type": "string", "description": "ui, api, kong, system; empty where several are counted together."},
    address=TEXT | {"description": "The client's; empty where there was none."},
    what=TEXT,
    onWhom=TEXT | {"description": "The user that a change was about; empty otherwise."},
    reason=TEXT | {"description": "Of a denial."},
)


def _filter(name: str, rule: spec.String) -> Schema:
    schema = (
        TEXT | {"minLength": 1} | ({"enum": list(rule.choices)} if rule.choices else {"maxLength": rule.max_length})
    )
    return query(name, MOMENT if name in ("since", "until") else schema, rule.help)


AUDIT = _operation(
    "audit_list",
    "What was refused to whom, and what was done to people, roles and tokens",
    enveloped_page(_ENTRY),
    _READING,
    *paging_parameters(),
    *(_filter(name, rule) for name, rule in FILTERS.items()),
)

ME = _operation("me", "Who one is here: user, role and token", enveloped(_ME), _READING)
TOKENS_LIST = _operation(
    "tokens_list", "One's own tokens; everybody's for admins", enveloped_page(_TOKEN), _READING, *paging_parameters()
)
TOKENS_CREATE = _operation(
    "tokens_create",
    "Make a token for oneself; it is answered this once",
    enveloped(_NEW_TOKEN),
    _WRITING,
    status="201",
    requestBody=_body(
        ("name", "scope"),
        name={"type": "string", "minLength": 1, "maxLength": 100, "description": NEW_TOKEN["name"].help},
        scope=_SCOPE,
        kinds=_KINDS,
        expiresAt=_MAYBE | {"description": NEW_TOKEN["expires_at"].help},
    ),
)
TOKENS_RETRIEVE = _operation("tokens_retrieve", "Read a token's facts", enveloped(_TOKEN), _KEYED, _key("token_id"))
TOKENS_DESTROY = _operation("tokens_destroy", "Revoke a token", enveloped(_DELETED), _KEYED, _key("token_id"))
USERS_LIST = _operation("users_list", "List users", enveloped_page(_USER), _READING, *paging_parameters())
USERS_CREATE = _operation(
    "users_create",
    "Make a user",
    enveloped(_NEW_USER),
    (*_WRITING, 409),
    status="201",
    requestBody=_body(
        ("username", "role"),
        username={"type": "string", "minLength": 1, "maxLength": 150, "description": NEW_USER["username"].help},
        role=_ROLE,
        password=_PASSWORD | {"nullable": True, "description": NEW_USER["password"].help},
    ),
)
USERS_RETRIEVE = _operation("users_retrieve", "Read a user", enveloped(_USER), _KEYED, _key("user_id"))
USERS_UPDATE = _operation(
    "users_update",
    "Change a user's role, switch them off or on, set a new password",
    enveloped(_USER),
    (*_WRITING, 404),
    _key("user_id"),
    requestBody=_body(
        (), role=_ROLE, active=_ACTIVE, password=_PASSWORD | {"description": USER_CHANGES["password"].help}
    ),
)
