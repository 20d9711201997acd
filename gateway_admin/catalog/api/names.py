"""Field names of the REST dialect: camelCase of the spec's names, with a few of its own.

Keys of maps (header names) are the client's words and stay as they are.
"""

from collections.abc import Mapping
from functools import cache

from gateway_admin.catalog.kinds import KINDS
from proxy_engine import spec
from proxy_engine.spec import Problem

OWN_NAMES = {
    ("upstreams", "healthchecks"): "healthcheck",
}

# Accepted in bodies beside the fields: dialect name → what the shorthands in ``reading`` know it as.
ALSO_READ = {
    "services": {"url": "url", "upstreamId": "upstream"},
    "upstreams": {"healthchecks": "healthchecks", "checkUrl": "check_url"},
    "plugins": {"pluginName": "name"},
}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@cache
def names_out(kind: str) -> dict[str, str]:
    """Field → name in answers, in the order of answers. A reference is named after the id it shows: ``consumerId``."""
    fields = ["id", *KINDS[kind].spec.fields, "created_at", "updated_at"]
    ids = KINDS[kind].references
    return {field: OWN_NAMES.get((kind, field)) or camel(f"{field}_id" if field in ids else field) for field in fields}


@cache
def names_in(kind: str) -> dict[str, str]:
    """Name in bodies → field."""
    along = {camel(field): field for field in KINDS[kind].spec.also}
    return {name: field for field, name in names_out(kind).items()} | along | ALSO_READ.get(kind, {})


def field_of(kind: str, problem: Problem) -> str:
    """Where a problem is, in the client's words: ``healthcheck.active.httpPath``, ``paths.0``, ``serviceId``."""
    *known, last = problem.path if problem.code == "unknown" else (*problem.path, None)
    steps = _own_steps(kind, known) if known else []
    return ".".join(str(step) for step in (*steps, last) if step is not None)


def _own_steps(kind: str, path: list[str | int]) -> list[str | int]:
    first, *rest = path
    field = KINDS[kind].spec.fields.get(first)
    name = names_out(kind).get(first) or _read_name(kind, first)
    if isinstance(field, spec.Reference):
        return [name]
    if isinstance(field, spec.Object):
        return [name, *(camel(step) if isinstance(step, str) else step for step in rest)]
    return [name, *_inner(field, rest)]


def _read_name(kind: str, field: str) -> str:
    return next((name for name, known in ALSO_READ.get(kind, {}).items() if known == field), field)


def _inner(field: spec.Field | None, steps: list[str | int]) -> list[str | int]:
    if not steps:
        return []
    step, rest = steps[0], steps[1:]
    if isinstance(field, spec.Record):
        return [camel(step), *_inner(field.fields.get(step), rest)]
    if isinstance(field, spec.Array):
        return [step, *_inner(field.of, rest)]
    return steps


def inner_names(record: spec.Record, *, kongs_too: bool = False) -> Mapping[str, str]:
    """Name in bodies → field. ``kongs_too``: under the spec's own names as well."""
    fields = record.read_fields()
    return {camel(name): name for name in fields} | ({name: name for name in fields} if kongs_too else {})
