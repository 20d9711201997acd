"""From entities to what a client reads: names, and what is observed of them at the moment.

Each kind adds its live fields with a fixed number of SQL statements for the whole page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from uuid import UUID

from gateway_admin.catalog import queries
from gateway_admin.catalog.ejections import Ejection
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Sni
from gateway_admin.catalog.ramps import Ramp
from gateway_admin.catalog.secrecy import MASK, masked, may_have_secrets
from gateway_admin.common.envelope import timestamp
from gateway_admin.common.models import Entity
from proxy_engine import spec

from .names import camel, names_out

Live = dict[UUID, dict[str, Any]]


def answers(kind: str, entities: Sequence[Entity], *, with_secrets: bool) -> list[dict[str, Any]]:
    live = LIVE[kind].read(entities) if kind in LIVE and entities else {}
    return [answer(entity, with_secrets=with_secrets) | live.get(entity.pk, {}) for entity in entities]


def answer(entity: Entity, *, with_secrets: bool) -> dict[str, Any]:
    kind, row = entity.kind, entity.__dict__
    if may_have_secrets(kind):
        values = entity.to_values() | {"created_at": None, "updated_at": None}  # below, and finer
        shown = show(kind, values if with_secrets else masked(kind, values))
    else:
        columns, conversions = _columns(kind)
        shown = {name: row[column] for name, column in columns}
        for name, to_words in conversions:
            shown[name] = to_words(shown[name])
    return shown | {"createdAt": timestamp(entity.created_at), "updatedAt": timestamp(entity.updated_at)}


@cache
def _columns(kind: str) -> tuple[list[tuple[str, str]], list[tuple[str, Callable[[Any], Any]]]]:
    """Of a kind without secrets: name and column of all fields, and what becomes of those that are not shown as they
    are stored. Most are: told once per kind instead of for each value, a page of 100 costs half."""
    fields = {field: (column, to_json) for field, column, to_json, _ in KINDS[kind].model.conversions()}
    columns = [(name, fields[field][0]) for field, name in names_out(kind).items()]
    conversions = [
        (name, partial(_from_column, fields[field][1], KINDS[kind].spec.fields.get(field)))
        for field, name in names_out(kind).items()
        if field not in ("created_at", "updated_at") and not _is_plain(KINDS[kind].spec.fields.get(field))
    ]
    return columns, conversions


def _is_plain(field: spec.Field | None) -> bool:
    return isinstance(field, (spec.String, spec.Number, spec.Boolean))


def _from_column(to_json: Callable[[Any], Any], field: spec.Field | None, stored: Any) -> Any:
    return _in_words(field, to_json(stored))


def show(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Values under this dialect's names; times to the second, as values have them."""
    fields = {**KINDS[kind].spec.fields_for(values), "created_at": _TIME, "updated_at": _TIME}
    return {name: _in_words(fields.get(field), values.get(field)) for field, name in names_out(kind).items()}


_TIME = spec.Number()  # unix seconds
_PLAIN = (str, int, float, bool)


def _in_words(field: spec.Field | None, value: Any) -> Any:
    if type(value) in _PLAIN and field is not _TIME:  # most values of a page, and told at once
        return value
    return _unset_as_empty(field, _shown(field, value))


def _shown(field: spec.Field | None, value: Any) -> Any:
    if value is None:
        return None
    if field is _TIME:
        return timestamp(datetime.fromtimestamp(value, UTC))
    if isinstance(field, spec.Reference):
        return value["id"]
    if isinstance(field, spec.Record):
        return {camel(name): _shown(inner, value.get(name)) for name, inner in field.fields.items()}
    if isinstance(field, spec.Array):
        return [_shown(field.of, item) for item in value]
    return value


def _unset_as_empty(field: spec.Field | None, value: Any) -> Any:
    """This dialect shows unset lists as empty ones; ``reading`` takes them back as unset."""
    if value is not None:
        return value
    return [] if isinstance(field, spec.Array) else {} if isinstance(field, spec.Map) else None


@dataclass(frozen=True)
class LiveFields:
    """``schema``: the fields as OpenAPI has them; nobody can set those that ``writable`` does not name."""

    read: Callable[[Sequence[Entity]], Live]
    schema: dict[str, dict]
    writable: frozenset[str] = frozenset()


def _services(services) -> Live:
    ids = queries.upstream_ids(services)
    return {service.pk: {"upstreamId": str(ids[service.host]) if service.host in ids else None} for service in services}


def _upstreams(upstreams) -> Live:
    return {
        key: {
            "health": state.health,
            "targetCount": state.targets,
            "readyCount": state.ready,
            "unhealthyCount": state.unhealthy,
        }
        for key, state in queries.upstream_states(upstreams).items()
    }


def _targets(targets) -> Live:
    return {
        key: {
            "health": state.health,
            "healthCause": state.cause,
            "healthSince": timestamp(state.since) if state.since else None,
            "expectedShare": state.share,
            "ejection": _ejection(state.ejection),
            "slowStart": _ramp(state.ramp),
            "inFlight": state.in_flight and state.in_flight.count,
        }
        for key, state in queries.target_states(targets).items()
    }


def _certificates(certificates) -> Live:
    names: Live = {certificate.pk: {"snis": []} for certificate in certificates}
    for key, name in Sni.objects.filter(certificate__in=names).order_by("name").values_list("certificate", "name"):
        names[key]["snis"].append(name)
    return names


def _ejection(ejection: Ejection | None) -> dict | None:
    return ejection and {
        "workers": ejection.workers,
        "allWorkers": ejection.all_workers,
        "since": timestamp(ejection.since),
        "until": timestamp(ejection.until) if ejection.until else None,
        "cause": ejection.cause,
    }


def _ramp(ramp: Ramp | None) -> dict | None:
    return ramp and {"percent": ramp.percent, "until": timestamp(ramp.until)}


def _count(what: str) -> dict:
    return {"type": "integer", "description": f"How many {what}."}


LIVE: dict[str, LiveFields] = {
    "services": LiveFields(
        _services,
        {
            "upstreamId": {
                "type": "string",
                "nullable": True,
                "description": "The upstream that host names; null when host is a DNS name or an address. "
                "In a body: an upstream's id or name instead of host.",
            }
        },
        writable=frozenset({"upstreamId"}),
    ),
    "upstreams": LiveFields(
        _upstreams,
        {
            "health": {
                "type": "string",
                "enum": ["healthy", "degraded", "unhealthy", "unchecked", "empty"],
                "description": "degraded: some targets are unhealthy; unchecked: no health checks are on; "
                "empty: no target is enabled with a weight.",
            },
            "targetCount": _count("targets it has"),
            "readyCount": _count("of them get traffic"),
            "unhealthyCount": _count("of them should get traffic and are unhealthy"),
        },
    ),
    "targets": LiveFields(
        _targets,
        {
            "health": {
                "type": "string",
                "enum": ["healthy", "unhealthy", "unchecked", "draining", "disabled"],
                "description": "unchecked: the upstream has no health checks on.",
            },
            "healthCause": {"type": "string", "description": "What the last change of health was due to."},
            "healthSince": {
                "type": "string",
                "format": "date-time",
                "nullable": True,
                "description": "When health last changed; null when it never did.",
            },
            "expectedShare": {
                "type": "number",
                "description": "Percent of the upstream's requests that it gets: its weight over the weights "
                "of all ready targets of the lowest priority that has any; with too few healthy targets and "
                "whenAllUnhealthy other than refuse, over the weights of all.",
            },
            "slowStart": {
                "type": "object",
                "nullable": True,
                "description": "While it is new or came back: how much of its share it has; null when it has all.",
                "properties": {
                    "percent": {"type": "integer", "description": "On the average of the engines' workers."},
                    "until": {"type": "string", "format": "date-time", "description": "When it has all of it."},
                },
            },
            "inFlight": {
                "type": "integer",
                "nullable": True,
                "description": "While it drains: requests and tunnels under way, over the workers that report.",
            },
            "ejection": {
                "type": "object",
                "nullable": True,
                "description": "What the circuit breakers of the engines' workers say; null where none keeps it out.",
                "properties": {
                    "workers": _count("workers keep it out"),
                    "allWorkers": _count("workers report"),
                    "since": {"type": "string", "format": "date-time", "description": "When the last of them did so."},
                    "until": {
                        "type": "string",
                        "format": "date-time",
                        "nullable": True,
                        "description": "When the last of them tries it again; null while all do.",
                    },
                    "cause": {"type": "string", "description": "What the last of them saw."},
                },
            },
        },
    ),
    "certificates": LiveFields(
        _certificates,
        {
            "snis": {
                "type": "array",
                "items": {"type": "string", "maxLength": 255},
                "description": "Server names it is shown for. In a body: these, and no others.",
            }
        },
        writable=frozenset({"snis"}),
    ),
}


READ_BY_EDITORS = f"Who may not edit reads {MASK}."
COMPUTED = {"ca_certificates": {"certDigest"}}  # fields that follow from others


def read_only_names(kind: str) -> frozenset[str]:
    live = LIVE.get(kind)
    shown = set(live.schema) - live.writable if live else set()
    return frozenset({"createdAt", "updatedAt"} | COMPUTED.get(kind, set()) | shown)
