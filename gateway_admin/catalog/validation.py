"""What is wrong with an entity: the rules of the spec, and the questions only the database can answer.

The questions are asked under the lock on the head row: no other writer can make the answers untrue before the commit.
They take any number of new states by id, so that one statement serves one edit or hundreds of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q

from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import Problem

from .kinds import KINDS
from .models import Route, Sni

LAST_MOMENT = 253402300799  # unix seconds of 9999-12-31, the last that a date can hold

Comes = Mapping[str, dict[str, Any]]  # id → values in normal form
Found = Iterator[tuple[str, Problem]]  # id, what is wrong


def checked(kind: str, values: Any, current: dict | None) -> dict[str, Any]:
    """The values in normal form; raises ``EntityInvalid``. ``current``: the stored values, None for a new entity."""
    result = spec.check(kind, values)
    problems = result.problems + list(control_problems(result.values, current))
    if not problems:
        problems = [problem for _, problem in database_problems(kind, result.values, current)]
    if problems:
        raise EntityInvalid(problems)
    return accepted(result.values)


def accepted(values: dict) -> dict[str, Any]:
    """Without what clients may send but not decide."""
    return {
        name: value
        for name, value in values.items()
        if name != "updated_at" and not (value is None and name in spec.CONTROL_FIELDS)
    }


def control_problems(values: dict, current: dict | None) -> Iterator[Problem]:
    """``id`` and ``created_at`` may be given by whoever creates; ``updated_at`` is always ours."""
    key, created_at = values.get("id"), values.get("created_at")
    if key is not None and not spec.is_uuid(key):
        yield Problem(("id",), "expected a valid UUID")
    elif key is not None and current is not None and key.lower() != current["id"]:
        yield Problem(("id",), "the id of an entity cannot change")
    is_number = isinstance(created_at, (int, float)) and not isinstance(created_at, bool)
    if created_at is not None and not (is_number and 0 <= created_at <= LAST_MOMENT):
        yield Problem(("created_at",), "expected a valid timestamp")


# --- Questions to the database -----------------------------------------------------------------------------


def database_problems(kind: str, values: dict, current: dict | None) -> Found:
    """For one entity, and only as far as it differs from what is stored."""
    model, key = KINDS[kind].model, str(values.get("id"))
    if current is None and values.get("id") and model._base_manager.filter(pk=values["id"]).exists():
        yield key, Problem(("id",), f"there is another {KINDS[kind].label} with this id", "unique")
    yield from dangling(kind, {key: values}, {key: current} if current else {})
    yield from taken(kind, {key: values}, {key: current} if current else {})
    if kind == "plugins":
        yield from protocol_problems({key: values})
    if kind == "certificates":
        yield from ((key, problem) for problem in sni_problems(values.get("snis") or [], current))


def dangling(kind: str, comes: Comes, stored: Comes, will_exist: Callable[[str, str], bool] | None = None) -> Found:
    """References to nothing. ``will_exist``: whether an entity is about to be stored that the database has not yet."""
    for name, to in KINDS[kind].references.items():
        asked: dict[str, list[str]] = defaultdict(list)
        for key, values in comes.items():
            reference = values[name]
            if not reference or (key in stored and stored[key][name] == reference):
                continue
            if will_exist is None or not will_exist(to, reference["id"]):
                asked[reference["id"]].append(key)
        there = KINDS[to].model.objects.filter(pk__in=asked).values_list("pk", flat=True) if asked else ()
        for missing in asked.keys() - set(map(str, there)):
            message = f"there is no {KINDS[to].label} with the id {missing}"
            yield from ((key, Problem((name, "id"), message, "reference")) for key in asked[missing])


def taken(kind: str, comes: Comes, stored: Comes) -> Found:
    """What must be unique and is another row's already."""
    for names in KINDS[kind].spec.unique:
        claims: dict[tuple, str] = {}
        for key, values in comes.items():
            claim = claim_of(names, values)
            if claim is not None and not (key in stored and claim == claim_of(names, stored[key])):
                claims[claim] = key
        for claim in _held_claims(kind, names, claims) if claims else ():
            if claim in claims:
                yield claims[claim], taken_problem(kind, names, claim)


def claim_of(names: tuple[str, ...], values: Mapping) -> tuple | None:
    """What the entity claims for itself. One null is no claim (no name); beside others, null is a value as any."""
    claim = tuple(values[name]["id"] if isinstance(values[name], dict) else values[name] for name in names)
    return None if claim == (None,) else claim


def taken_problem(kind: str, names: tuple[str, ...], claim: tuple) -> Problem:
    label, fields = KINDS[kind].label, KINDS[kind].spec.fields
    if isinstance(fields[names[-1]], spec.Reference) or fields[names[-1]].secret:
        return Problem((names[-1],), f"there is another {label} with the same {' and '.join(names)}", "unique")
    return Problem((names[-1],), f"there is another {label} called '{claim[-1]}'", "unique")


def _held_claims(kind: str, names: tuple[str, ...], claims: Iterable[tuple]) -> Iterator[tuple]:
    """Of stored rows: those of ``claims``, and for composite keys some neighbours."""
    where = reduce(and_, (_one_of(name, {claim[place] for claim in claims}) for place, name in enumerate(names)))
    fields = KINDS[kind].spec.fields
    is_id = [isinstance(fields[name], spec.Reference) for name in names]
    rows = KINDS[kind].model._base_manager  # a key that expires this very moment is still in the table
    for row in rows.filter(where).values_list(*names):
        yield tuple(str(value) if id_ and value else value for value, id_ in zip(row, is_id, strict=True))


def _one_of(name: str, wanted: set) -> Q:
    some = Q(**{f"{name}__in": wanted - {None}})
    return some | Q(**{f"{name}__isnull": True}) if None in wanted else some


def sni_problems(names: list[str], current: dict | None) -> Iterator[Problem]:
    """Of the list that may come along with a certificate."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield Problem(("snis",), f"{name} is duplicated")
        seen.add(name)
    others = Sni.objects.filter(name__in=seen).exclude(certificate=current and current["id"])
    for name, certificate in others.order_by("name").values_list("name", "certificate"):
        yield Problem(("snis",), f"{name} already associated with existing certificate '{certificate}'")


def protocol_problems(plugins: Comes) -> Found:
    """A plugin for a route or a service must speak a protocol of it. A service without routes may still get any."""
    of_route, of_service = _protocols(plugins)
    for key, values in plugins.items():
        route, service = values["route"], values["service"]
        of_routes = of_service[service["id"]] if service and not route else ()
        for problem in spec.plugins.protocol_problems(
            values["protocols"], of_route.get(route["id"]) if route else None, of_routes
        ):
            yield key, problem


def _protocols(plugins: Comes) -> tuple[dict[str, list], dict[str, list[list]]]:
    """By id of the route, and by id of the service. One statement, none where all plugins are for everything."""
    routes = {values["route"]["id"] for values in plugins.values() if values["route"]}
    services = {values["service"]["id"] for values in plugins.values() if values["service"] and not values["route"]}
    of_route, of_service = {}, defaultdict(list)
    if routes or services:
        rows = Route.objects.filter(Q(pk__in=routes) | Q(service__in=services))
        for key, service, protocols in rows.values_list("pk", "service", "protocols"):
            of_route[str(key)] = protocols
            of_service[str(service)].append(protocols)
    return of_route, of_service
