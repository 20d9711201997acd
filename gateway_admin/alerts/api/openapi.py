"""These operations in the OpenAPI document, as data."""

from collections.abc import Mapping
from typing import Any

from gateway_admin.alerts.conditions import CONDITIONS
from gateway_admin.alerts.kinds import KINDS, Kind
from gateway_admin.alerts.models import CHANNEL_TYPES, MAX_NAME, AlertDelivery
from gateway_admin.alerts.queries import STATES
from gateway_admin.alerts.rules import LONGEST_URL, LONGEST_WAIT_S, MOST_CHANNELS, MOST_RECIPIENTS, SHORTEST_SECRET
from gateway_admin.common.openapi import (
    COUNT,
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

_ERRORS = {
    400: "A field or a query parameter is wrong or unknown; the body is not JSON; rules name the channel",
    401: "No token or session, or one that is not valid",
    403: "The role or the token's scope does not reach, or the session's CSRF token is missing",
    404: "There is none with this id",
    409: "The name is taken",
    413: "The body is too large",
    415: "The body is not application/json",
    429: "Too many wrong tokens came from this address",
}
_READING = (400, 401, 403, 429)
_KEYED = (400, 401, 403, 404, 429)
_WRITING = (400, 401, 403, 409, 413, 415, 429)

_ID: Schema = {"type": "string", "format": "uuid"}
_YES_NO: Schema = {"type": "boolean"}
_NAMES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1000,
    "items": {"type": "string", "minLength": 1, "maxLength": 255},
}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}


def _seconds(most: float) -> Schema:
    return {"type": "number", "minimum": 0, "maximum": most}


_PROPERTIES: dict[str, dict[str, Schema]] = {
    "rules": {
        "name": _NAME,
        "condition": {"type": "string", "enum": list(CONDITIONS)},
        "threshold": _seconds(LONGEST_WAIT_S) | {"nullable": True},
        "upstreams": _NAMES | {"nullable": True},
        "forSeconds": _seconds(LONGEST_WAIT_S),
        "remindMinutes": {"type": "integer", "minimum": 0, "maximum": 10_080},
        "channels": {"type": "array", "maxItems": MOST_CHANNELS, "items": _ID},
        "enabled": _YES_NO,
    },
    "channels": {
        "name": _NAME,
        "type": {"type": "string", "enum": list(CHANNEL_TYPES)},
        "url": {"type": "string", "minLength": 1, "maxLength": LONGEST_URL, "nullable": True},
        "secret": {"type": "string", "minLength": SHORTEST_SECRET, "maxLength": 200, "nullable": True},
        "recipients": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_RECIPIENTS,
            "items": {"type": "string", "minLength": 3, "maxLength": 254},
            "nullable": True,
        },
        "groupSeconds": _seconds(3600),
        "tellResolved": _YES_NO,
        "enabled": _YES_NO,
    },
    "silences": {
        "reason": {"type": "string", "minLength": 1, "maxLength": 200},
        "rule": _ID | {"nullable": True},
        "upstreams": _NAMES | {"nullable": True},
        "until": MOMENT,
    },
}
NAMES_OUT = {
    "for_seconds": "forSeconds",
    "remind_minutes": "remindMinutes",
    "group_seconds": "groupSeconds",
    "tell_resolved": "tellResolved",
}


def _described(kind: Kind) -> dict[str, Schema]:
    helps = {NAMES_OUT.get(name, name): field.help for name, field in kind.fields.items()}
    return {name: schema | {"description": helps[name]} for name, schema in _PROPERTIES[kind.name].items()}


def _answer(kind: Kind) -> Schema:
    properties = _described(kind)
    for name in ("url", "secret"):
        if name in properties:
            properties[name] |= {"description": f"{properties[name]['description']} Masked for who may not change it."}
            properties[name].pop("minLength")
    extra = {"createdAt": MOMENT} | ({"madeBy": TEXT} if kind.name == "silences" else {"updatedAt": MOMENT})
    return an_object(id=_ID, **properties, **extra)


def _input(kind: Kind, *, is_partial: bool = False) -> Schema:
    required = [
        NAMES_OUT.get(name, name) for name, rule in kind.fields.items() if rule.required and rule.default is None
    ]
    schema = {"type": "object", "properties": _described(kind), "additionalProperties": False}
    schema |= {} if is_partial else {"required": required}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _operation(name: str, summary: str, answer: Schema, errors: tuple, *parameters: Schema, **more: Any) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["alerts"],
        "parameters": list(parameters),
        "security": SECURITY,
        "responses": {more.pop("status", "200"): reply(answer), **error_replies(_ERRORS, *sorted(errors))},
        **more,
    }


_KEY: Schema = {"name": "row_id", "in": "path", "required": True, "schema": _ID, "description": "Its id."}
_DELETED = an_object(id=_ID, deleted=_YES_NO)
_ALERT = an_object(
    id=_ID,
    state={"type": "string", "enum": list(STATES), "description": "pending: not yet for as long as the rule asks."},
    rule=TEXT | {"description": "The name of the rule."},
    ruleId=_ID | {"nullable": True, "description": "null: the rule is gone."},
    condition={"type": "string", "enum": list(CONDITIONS)},
    subject=an_object(kind=TEXT, id=TEXT, name=TEXT),
    upstream=TEXT | {"description": "Its name; empty where none is concerned."},
    cause=TEXT,
    since=MOMENT,
    firedAt=MOMENT | {"nullable": True},
    toldAt=MOMENT | {"nullable": True, "description": "When channels were last told."},
    resolvedAt=MOMENT | {"nullable": True},
)
_DELIVERY = an_object(
    id=_ID | {"description": "Also the webhook-id."},
    channel=TEXT | {"description": "The name of the channel."},
    channelId=_ID | {"nullable": True},
    isTest=_YES_NO,
    state={"type": "string", "enum": AlertDelivery.State.values, "description": "failed: given up."},
    attempts=COUNT,
    nextAt=MOMENT | {"nullable": True, "description": "When it is tried (again)."},
    answer=TEXT | {"description": "What became of the last try."},
    createdAt=MOMENT,
    doneAt=MOMENT | {"nullable": True},
    alerts={"type": "array", "items": {"type": "object"}},
)

ALERTS = _operation(
    "alerts_list",
    "Alerts, open and over; newest first",
    enveloped_page(_ALERT),
    _READING,
    *paging_parameters(),
    query("state", {"type": "string", "enum": list(STATES)}, "Only these."),
    query("ruleId", _ID, "Only of this rule."),
)
DELIVERIES = _operation(
    "alerts_deliveries_list",
    "Messages to channels and what became of them; newest first",
    enveloped_page(_DELIVERY),
    _READING,
    *paging_parameters(),
    query("state", {"type": "string", "enum": AlertDelivery.State.values}, "Only these."),
    query("channelId", _ID, "Only to this channel."),
)
TEST = _operation(
    "alerts_channels_test",
    "Send a test message now; the answer tells what became of it",
    enveloped(_DELIVERY),
    _KEYED,
    _KEY,
)


def _of_kind(kind: Kind) -> Mapping[str, Schema]:
    name, answer = kind.name, enveloped(_answer(kind))
    return {
        "list": _operation(
            f"alerts_{name}_list", f"List {name}", enveloped_page(_answer(kind)), _READING, *paging_parameters()
        ),
        "create": _operation(
            f"alerts_{name}_create", f"Make a {kind.label}", answer, _WRITING, status="201", requestBody=_input(kind)
        ),
        "retrieve": _operation(f"alerts_{name}_retrieve", f"Read a {kind.label}", answer, _KEYED, _KEY),
        "update": _operation(
            f"alerts_{name}_update",
            f"Change a {kind.label}; what is not named stays",
            answer,
            (*_WRITING, 404),
            _KEY,
            requestBody=_input(kind, is_partial=True),
        ),
        "destroy": _operation(f"alerts_{name}_destroy", f"Delete a {kind.label}", enveloped(_DELETED), _KEYED, _KEY),
    }


OF_KIND = {name: _of_kind(kind) for name, kind in KINDS.items()}
