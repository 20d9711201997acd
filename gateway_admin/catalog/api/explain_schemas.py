"""OpenAPI schemas of ``POST /api/explain``."""

from gateway_admin.common.openapi import Schema
from proxy_engine.errors import FailureKind

from .question import FIELDS
from .schemas import field_schema

_STRINGS: Schema = {"type": "array", "items": {"type": "string"}}


def components() -> dict[str, Schema]:
    return {"Question": _question(), "Explanation": EXPLANATION}


def _question() -> Schema:
    schema = field_schema(FIELDS)
    headers = schema["properties"]["headers"]
    one_or_more = {"oneOf": [{"type": "string"}, headers["additionalProperties"]]}
    schema["properties"]["headers"] = headers | {"additionalProperties": one_or_more}
    return schema


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _text(description: str = "", **more) -> Schema:
    return {"type": "string"} | ({"description": description} if description else {}) | more


def _number(kind: str, description: str) -> Schema:
    return {"type": kind, "minimum": 0, "description": description}


def _nullable(schema: Schema, description: str) -> Schema:
    return schema | {"nullable": True, "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


_ID = _text(format="uuid")
_NAME = _text(nullable=True)
_PATH = _text("As sent, with the target's own path and the query.")

_VERDICT = _object(
    id=_ID,
    name=_NAME,
    path=_text("The path of the route that was judged; null for a route without.", nullable=True),
    outcome=_text(enum=["won", "outranked", "refused"]),
    reasons=_STRINGS | {"description": "Why it did not win."},
)
_TARGET = _object(
    id=_text("Null when the service names a host instead of an upstream.", format="uuid", nullable=True),
    target=_text("host:port."),
    address=_text("Where connections lead; https:// in front where they are encrypted."),
    eligible={"type": "boolean"},
    probability=_number("number", "Percent of the upstream's requests that it gets at the moment."),
    reasons=_STRINGS | {"description": "Why it is not eligible."},
    path=_PATH,
    host=_text("The Host header sent to it."),
)
_FORWARDING = _object(
    service=_object(id=_ID, name=_NAME),
    upstream=_nullable(
        _object(id=_ID, name=_text(), algorithm=_text()), "Null when the service names a host instead of an upstream."
    ),
    path=_text("The rewritten path with the query, without a target's own path."),
    targets=_list(_TARGET, "All of the upstream's."),
    hashedTo=_text("The target that this very request goes to, where a hash decides that.", nullable=True),
    retries=_number("integer", "How many more tries a failed one may be followed by."),
    retriedAfter={
        "type": "array",
        "items": _text(enum=[kind.value for kind in FailureKind]),
        "description": "The failures that this method may be tried again after.",
    },
    retriedStatuses={
        "type": "array",
        "items": {"type": "integer"},
        "description": "The answers that this method may be tried again after.",
    },
    connectTimeout=_number("integer", "In ms, as the upstream or else the service has it."),
    writeTimeout=_number("integer", "In ms, likewise."),
    readTimeout=_number("integer", "In ms, likewise."),
    totalTimeout=_number("integer", "In ms, for all tries; 0: no limit."),
)
_ANSWER = _object(
    status=_number("integer", "Of the response."),
    message=_text("What the client reads."),
    reason=_text("Why."),
    location=_text("Of a redirect.", nullable=True),
)
EXPLANATION = _object(
    version=_number("integer", "Of the configuration that was asked."),
    request=_object(
        method=_text(), host=_text(), path=_text(), scheme=_text(), port={"type": "integer"}, clientIp=_text()
    ),
    route=_nullable(_object(id=_ID, name=_NAME), "The route that won."),
    considered=_number("integer", "How many paths of routes were judged."),
    routes=_list(_VERDICT, "The winner, what it outranked, then those that came nearest to matching."),
    answer=_nullable(_ANSWER, "What the gateway answers itself; null when a target gets the request."),
    forwarding=_nullable(_FORWARDING, "Where the request goes; null when it goes nowhere."),
)
