"""These operations in the OpenAPI document, as data."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

from gateway_admin.common.openapi import SECURITY, Schema, enveloped, enveloped_page, paging_parameters, ref, reply
from gateway_admin.monitoring.checks.recent import FAILURE, MOST, NEITHER, SUCCESS
from gateway_admin.monitoring.models import LIVE_S, HealthEvent
from gateway_admin.monitoring.queries import DNS_ERROR, HEALTHCHECKS_OFF, HEALTHY, UNHEALTHY
from gateway_admin.monitoring.uptime import OF_TARGET, OF_UPSTREAM, WINDOWS


class Described(AutoSchema):
    """The view's ``operation`` is the description."""

    def get_operation(self, path, path_regex, path_prefix, method, registry):
        return self.view.operation


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string"} | ({"description": description} if description else {}) | more


def _count(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _moment(description: str, **more: Any) -> Schema:
    return _text(description, format="date-time", **more)


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _state(description: str, *words: str) -> Schema:
    return _text(description, enum=list(words))


def _parameter(name: str, place: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema, "description": description}


def _operation(name: str, summary: str, answer: Schema, *parameters: Schema, errors: dict[int, str]) -> Schema:
    failures = {str(status): reply(ref("Error"), text) for status, text in errors.items()}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["monitoring"],
        "parameters": list(parameters),
        "security": SECURITY,
        "responses": {"200": reply(answer), **failures},
    }


_REFUSED = {
    400: "A query parameter is unknown or wrong",
    401: "No token or session, or one that is not valid",
    403: "The token is limited to other kinds",
    429: "Too many wrong tokens came from this address",
}
_ID = _text(format="uuid")

_TARGET = _object(
    id=_ID,
    target=_text("Its address, host:port."),
    weight=_count("Share of the traffic relative to the others."),
    enabled={"type": "boolean", "description": "The operator's switch; a target that is off is still checked."},
    health=_state(
        "As Kong reports it; DNS_ERROR: no worker can resolve its name.",
        HEALTHY,
        UNHEALTHY,
        DNS_ERROR,
        HEALTHCHECKS_OFF,
    ),
    cause=_text("What the last change of health was due to; empty when it never changed."),
    since=_moment("When health last changed; null when it never did.", nullable=True),
)
_CHECKS = _object(
    on={"type": "boolean", "description": "They could mark a target; false also where they look on and cannot."},
    says=_text("What they do, in a sentence."),
)
_UPSTREAM = _object(
    id=_ID,
    name=_text(),
    health=_state("balancerHealth, as far as anything is checked.", HEALTHY, UNHEALTHY, HEALTHCHECKS_OFF),
    balancerHealth=_state(
        "HEALTHY while the available share of the weight exceeds the threshold; otherwise requests get 503, "
        "or all targets are used: as whenAllUnhealthy says.",
        HEALTHY,
        UNHEALTHY,
    ),
    threshold={"type": "number", "description": "In %."},
    checks=_object(active=_CHECKS, passive=_CHECKS),
    weight=_object(
        total=_count("Of all enabled targets."),
        available=_count("Of those that are not unhealthy."),
        unavailable=_count("The rest."),
    ),
    targets=_list(_TARGET),
)
_EVENT = _object(
    seq=_count("Counts up; never twice."),
    at=_moment("When the target changed."),
    upstreamId=_ID,
    targetId=_ID,
    target=_text("The address it had then."),
    healthy={"type": "boolean", "description": "What it became; false for episodes."},
    cause=_text("Why, in words."),
    source=_state(
        "What found out: a health check, traffic, a person, a change of configuration, a circuit breaker, or a name "
        "that does not resolve.",
        *HealthEvent.Source.values,
    ),
    actor=_text("The person who marked it or changed the configuration; of an episode the engine.", nullable=True),
    beforeSince=_moment("When the state before it had begun; null when nobody knows.", nullable=True),
    episode=_object(
        nodeId=_ID,
        workers=_count("Workers of the engine that saw it at the same time, at most."),
        times=_count("How often it was so, where several came so close together that they were taken for one."),
        endedAt=_moment("Null while it lasts.", nullable=True),
    )
    | {
        "nullable": True,
        "description": "Of an ejection, or of a name that does not resolve, as one engine reported it: it began at "
        "`at`, to within 2 s. Null for a change of health.",
    },
)
_EJECTION = _object(
    targetId=_ID,
    state=_state("half-open: trial requests decide.", "open", "half-open"),
    since=_moment("When it was ejected."),
    until=_moment("When it is tried again; null while it is.", nullable=True),
    cause=_text("Why, in words."),
)
_SHARES = _object(
    **{window.replace(" ", ""): {"type": "number", "minimum": 0, "maximum": 1, "nullable": True} for window in WINDOWS}
) | {"description": "By window until now; null where nothing is known."}
_UPTIME = _object(
    uptime=_SHARES | {"description": OF_UPSTREAM},
    targets=_list(_object(id=_ID, target=_text("Its address."), uptime=_SHARES | {"description": OF_TARGET})),
)
_PROBE = _object(
    at=_moment("When it began."),
    tookMs=_count("How long it took."),
    countsAs=_state("ignored: its status is in neither of the lists.", SUCCESS, FAILURE, NEITHER),
    outcome=_text("The status, or what went wrong in words."),
)
_UNRESOLVED = _object(targetId=_ID, cause=_text("What the DNS said."))
_WORKER = _object(
    pid=_count("Process id."),
    version=_count("Of the configuration it runs."),
    requests=_count("Answered since it started."),
    active=_count("Under way."),
    connections=_count("Of clients, open."),
    ejected=_list(_EJECTION),
    draining=_list(_object(targetId=_ID, inFlight=_count("Requests and tunnels under way here."))),
    ramping=_list(
        _object(
            targetId=_ID,
            percent=_count("Of its share that a target has which is new or came back."),
            until=_moment("When it has all of it."),
        )
    ),
    unresolved=_list(_UNRESOLVED),
)
_ENGINE = _object(
    nodeId=_ID,
    name=_text(),
    pid=_count("Process id of its supervisor."),
    live={"type": "boolean", "description": f"It reported within the last {LIVE_S} s."},
    version=_count("Of the configuration: the lowest that all its workers run."),
    behind=_count("Versions between that and the newest configuration."),
    workers=_list(_WORKER),
    problems=_list(_text("A part of the configuration it could not use.")),
    startedAt=_moment("When it started."),
    seenAt=_moment("When it last reported."),
)
_MS = {"type": "number", "description": "In ms."}
_LOAD = {
    **_object(
        state=_state(
            "stopped: the agenda is not looked at, so nothing is checked; late: more is due than is made in time; "
            "idle: nothing to check; unknown: Redis does not answer, and nothing else is told.",
            "in time",
            "late",
            "stopped",
            "idle",
            "unknown",
        ),
        targets=_count("That are checked."),
        checksPerSecond={"type": "number", "description": "Made in the last minute."},
        lagMs=_object(p50=_MS, p99=_MS, max=_MS)
        | {"description": "From the moment a check was due until it began; of the last minute."},
        made=_count("In the last minute, as the counts below."),
        late=_count("More than 1 s after they were due."),
        lost=_count("Never made, for want of room or of workers."),
        uncounted=_count("Without a result, through no fault of the target."),
        overdueMs=_count("How long the check that is due longest has waited to be given to a worker."),
        tickAgeSeconds={
            "type": "number",
            "nullable": True,
            "description": "Since the agenda was last looked at; null if it never was.",
        },
    ),
    "required": ["state"],
}

UPSTREAM_HEALTH = _operation(
    "upstreams_health",
    "The health of an upstream and its targets",
    enveloped(_UPSTREAM),
    _parameter("upstream", "path", _text(), "Id or name of the upstream."),
    errors=_REFUSED | {404: "There is no such entity"},
)
TARGET_HEALTH = _operation(
    "targets_set_health",
    "Mark a target healthy or unhealthy by hand, until checks or traffic find otherwise",
    enveloped(_TARGET),
    _parameter("target", "path", _ID, "Id of the target."),
    errors=_REFUSED
    | {400: "The body is wrong, or health checks are off for the upstream", 404: "There is no such entity"},
) | {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _object(healthy={"type": "boolean"})}},
    }
}
UPTIME = _operation(
    "upstreams_uptime",
    "For how much of the last hour, day and week an upstream and its targets were up",
    enveloped(_UPTIME),
    _parameter("upstream", "path", _text(), "Id or name of the upstream."),
    errors=_REFUSED | {404: "There is no such entity"},
)
PROBES = _operation(
    "targets_probes",
    f"The last active checks of a target, newest first; at most {MOST}, kept for a day",
    enveloped(_list(_PROBE)),
    _parameter("target", "path", _text(), "Id of the target."),
    errors=_REFUSED | {404: "There is no such entity"},
)
HEALTH_EVENTS = _operation(
    "health_events_list",
    "The timeline: every change of a target's health, every ejection, and their causes; newest first",
    enveloped_page(_EVENT),
    *paging_parameters(),
    _parameter("upstreamId", "query", _ID, "Of the targets of this upstream."),
    _parameter("targetId", "query", _ID, "Of this target."),
    _parameter("source", "query", _state("", *HealthEvent.Source.values), "What found out."),
    _parameter("healthy", "query", {"type": "boolean"}, "What it became."),
    _parameter("since", "query", _moment(""), "At or after this moment."),
    _parameter("until", "query", _moment(""), "Before this moment."),
    errors=_REFUSED,
)
HEALTH_CHECKS = _operation(
    "health_checks_load",
    "How the active health checks keep up, over all workers",
    enveloped(_LOAD),
    errors=_REFUSED,
)
ENGINES = _operation(
    "engines_list",
    "The engines that report, and how far each is behind the newest configuration",
    enveloped(_list(_ENGINE)),
    errors=_REFUSED,
)
