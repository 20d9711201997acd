"""What the catalog finds wrong with an edit → Kong's answer to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Service
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import Problem

from . import errors
from .errors import KongError


@contextmanager
def told_as_kong(kind: str, values: Mapping[str, Any], entity_id: Any = None) -> Iterator[None]:
    """``values``: what was to be stored, for messages that name it; ``entity_id``: what was to be deleted."""
    try:
        yield
    except EntityInvalid as invalid:
        raise refusal(kind, invalid.problems, values, entity_id) from None


def refusal(kind: str, problems: list[Problem], values: Mapping[str, Any], entity_id: Any = None) -> KongError:
    """One answer tells one sort of problem: first what is wrong in itself, then what others stand against."""
    by_code = {problem.code: problem for problem in reversed(problems)}
    if by_code.keys() - {"reference", "unique", "in_use"}:
        return errors.schema_violation(_as_kong_places(kind, problem, values) for problem in problems)
    if "in_use" in by_code:
        return _still_in_use(kind, entity_id)
    if "reference" in by_code:
        field = by_code["reference"].path[0]
        return errors.dangling(str(field), KINDS[kind].references[field], dict(values[field]))
    return _taken(kind, by_code["unique"], values)


def _taken(kind: str, problem: Problem, values: Mapping[str, Any]) -> KongError:
    stored = spec.check(kind, values).values
    if problem.path == ("id",):
        return errors.taken_primary_key(str(stored.get("id")))
    names = next(names for names in KINDS[kind].spec.unique if names[-1] == problem.path[0])
    return errors.taken({name: stored.get(name) for name in names})


def _still_in_use(kind: str, entity_id: Any) -> KongError:
    for dependency in KINDS[kind].dependents:
        rows = KINDS[dependency.kind].model.objects.filter(**{dependency.field: entity_id})
        if not dependency.cascades and rows.exists():
            return errors.still_referenced(kind, dependency.kind)
    holder = Service.objects.filter(ca_certificates__has_item=str(entity_id)).order_by("pk").first()
    return errors.still_listed(f"ca certificate {entity_id} is still referenced by services (id = {holder.pk})")


def _as_kong_places(kind: str, problem: Problem, values: Mapping[str, Any]) -> Problem:
    """Kong tells of a map's entries at the map itself."""
    fields: Mapping[str, spec.Field] | None = KINDS[kind].spec.fields_for(values)
    for depth, step in enumerate(problem.path, 1):
        field = fields.get(step) if fields else None
        if isinstance(field, spec.Map):
            return problem._replace(path=problem.path[:depth])
        fields = field.fields if isinstance(field, spec.Record) else None
    return problem
