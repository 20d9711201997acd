"""From a body to values of the spec: types, shorthands, and foreign keys by name.

All that is wrong is found at once, as Kong does: what this module finds and what the spec would find besides.
"""

from collections.abc import Mapping
from typing import Any

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.validation import control_problems
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import Problem

from . import errors, places
from .bodies import Body
from .coercion import coerced
from .entities import endpoint_key
from .representation import ours

_TIME = spec.Integer()
_SHORTHANDS = {"services": {"url": spec.String()}}


def values_of(kind: str, body: Body, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """``stored``: what the body is a patch for. Raises ``EntityInvalid`` and ``KongError``."""
    values, problems = _read(kind, body, stored)
    if problems:
        raise EntityInvalid([*problems, *_other_problems(kind, values, stored)])
    return values | _resolved(kind, values)


def judged(kind: str, body: Body) -> tuple[dict[str, Any], list[Problem]]:
    """All that is wrong with a new entity, as far as it can be told without looking anything up."""
    values, problems = _read(kind, body, None)
    return values, [*problems, *_other_problems(kind, values, None), *control_problems(values, None)]


def _read(kind: str, body: Body, stored: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[Problem]]:
    values = body.values
    if body.is_text:
        values = coerced(fields_of(kind, {**(stored or {}), **values}), values)
    values, problems = spec.expand(kind, values)
    return values, [*problems, *_unknown_here(kind, values), *_foreign_problems(kind, values)]


def _other_problems(kind: str, values: dict[str, Any], stored: Mapping[str, Any] | None) -> list[Problem]:
    """The spec's own. A reference by name is as good as one by id."""
    own = {name: value for name, value in values.items() if name not in ours(kind)}
    by_name = {(field, "id") for field in KINDS[kind].references if _name_in(kind, field, values)}
    found = spec.check(kind, spec.merge(kind, stored, own) if stored else own).problems
    return [problem for problem in found if problem.path not in by_name]


def fields_of(kind: str, values: Mapping[str, Any]) -> dict[str, spec.Field]:
    """By which texts are read. The settings of a plugin depend on its name."""
    entity = KINDS[kind].spec
    control = {"created_at": _TIME, "updated_at": _TIME}
    return {**entity.fields_for(values), **entity.also, **control, **_SHORTHANDS.get(kind, {})}


def _unknown_here(kind: str, values: Mapping[str, Any]) -> list[Problem]:
    return [Problem((name,), "unknown field", "unknown") for name in values if name in ours(kind)]


def _foreign_problems(kind: str, values: Mapping[str, Any]) -> list[Problem]:
    """A client may send the whole other entity; its fields have to be such, and are dropped."""
    problems: list[Problem] = []
    for field, to in KINDS[kind].references.items():
        if isinstance(values.get(field), Mapping):
            _check_foreign(to, values[field], field, problems)
    return problems


def _check_foreign(to: str, given: Mapping[str, Any], field: str, problems: list[Problem]) -> None:
    fields = KINDS[to].spec.fields
    for name, value in given.items():
        if name in spec.CONTROL_FIELDS or value is None:
            continue
        if name in fields:
            fields[name].check_type(value, (field, name), problems)
        else:
            problems.append(Problem((field, spec.schema.shown_name(name)), "unknown field", "unknown"))


def _resolved(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"name": "x"}`` → ``{"id": …}``; what has neither is the spec's to refuse."""
    resolved: dict[str, Any] = {}
    for field, to in KINDS[kind].references.items():
        if key := _name_in(kind, field, values):
            entity = places.found(to, key)
            if entity is None:
                raise errors.unresolved(field, to, key)
            resolved[field] = {"id": str(entity.pk)}
    return resolved


def _name_in(kind: str, field: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The unique key by which a reference names its entity, where it does so instead of by id."""
    given, to = values.get(field), KINDS[kind].references[field]
    name = endpoint_key(to)
    if not isinstance(given, Mapping) or given.get("id") is not None or given.get(name) is None:
        return {}
    return {name: given[name]} if places.is_unique(to, name) else {}
