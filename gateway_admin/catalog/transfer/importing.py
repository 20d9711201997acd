"""A file → the plan that makes the configuration what the file says.

As with ``deck sync``, what the file does not have goes; with ``keep`` it stays (``deck apply``). Fields that Kong does
not know return to their defaults like all others where the file does not name them; with ``keep_ours`` they stay, which
is what files want that deck or Kong have written. Select-tags bound both
ways: what lacks one of them is neither changed nor deleted, and everything in the file gets them, so that two teams can
each keep a file of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from gateway_admin.catalog.changes import Actor, Batch, batch
from gateway_admin.catalog.credentials import as_given
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.secrecy import masked
from gateway_admin.common.problems import EntityInvalid
from proxy_engine.spec import ENTITY, Problem
from proxy_engine.spec.declarative import (
    BadText,
    Declared,
    lines_of,
    natural_keys,
    parse,
    place_of,
    read,
    references,
)

from .plan import Plan, PlanOutdated, Step, carry_out, in_order, same
from .stored import Stored, Values

SHOWN = 200  # problems told one by one


class FileInvalid(EntityInvalid):
    """``lines``: for each problem the line of the file, None where it has none."""

    def __init__(self, problems: Iterable[Problem], lines: Iterable[int | None]):
        super().__init__(problems)
        self.lines = list(lines)

    def texts(self) -> Iterator[str]:
        for problem, line in zip(self.problems, self.lines, strict=True):
            place = "" if problem.path in ((), ENTITY) else f"{place_of(problem.path)}: "
            yield f"{f'line {line}: ' if line else ''}{place}{problem.message}"


def planned(text: bytes, *, select_tags: Iterable[str] = (), keep: bool = False, keep_ours: bool = False) -> Plan:
    """Raises ``FileInvalid`` with everything that is wrong with the file, alone or beside what is stored."""
    try:
        document = parse(text)
    except BadText as error:
        raise FileInvalid([Problem(ENTITY, error.message)], [error.line]) from None
    stored = Stored.now()
    declared = read(document, stored, select_tags)
    problems = declared.problems
    if not problems:
        plan = compare(declared, stored, keep=keep, keep_ours=keep_ours)
        problems = plan.problems
    if problems:
        raise FileInvalid(problems[:SHOWN], _lines(text, problems[:SHOWN]))
    return plan


def imported(actor: Actor, make_plan: Callable[[], Plan], seen: int | None = None) -> tuple[Plan, Batch]:
    """Plan and carry out. ``seen``: the version whose preview somebody agreed to; another one raises ``PlanOutdated``.

    The plan is made without holding anybody up; only when others were faster is it made again while they wait.
    """
    plan = make_plan()
    if seen is not None and plan.version != seen:
        raise PlanOutdated(seen, plan.version)
    try:
        return plan, carry_out(plan, actor)
    except PlanOutdated:
        if seen is not None:
            raise
    with batch(actor):
        plan = make_plan()
        return plan, carry_out(plan, actor)


def _lines(text: bytes, problems: list[Problem]) -> list[int | None]:
    places = lines_of(text, [problem.path for problem in problems if problem.path != ENTITY]) if text else {}
    return [places.get(problem.path) for problem in problems]


# -- comparing --------------------------------------------------------------------------------------------------------


def compare(declared: Declared, stored: Stored, *, keep: bool, keep_ours: bool = False) -> Plan:
    """Pure. The plan's problems say what only the file and the stored configuration together show."""
    comes = {
        (kind, values["id"]): _wanted(kind, stored.values_of(kind, values["id"]), values, declared, keep_ours)
        for kind, listed in declared.entities.items()
        for values in listed
    }
    touched = [Step(kind, key, stored.values_of(kind, key), after) for (kind, key), after in comes.items()]
    changed = [step for step in touched if not same(step.before, step.after)]
    gone = [] if keep else [step for step in _missing(stored, set(declared.select_tags)) if step[:2] not in comes]
    problems = [
        *_of_others(touched, declared),
        *_taken_names(comes, {step[:2] for step in gone}, stored, declared),
        *_left_behind(comes, gone, stored, declared),
    ]
    secret = frozenset(kind for (kind, _), values in comes.items() if masked(kind, values) != values)
    steps = in_order([*changed, *gone])
    return Plan(stored.version, steps, problems, without_upstreams(steps, stored), compares_secrets_of=secret)


def without_upstreams(steps: list[Step], stored: Stored) -> list[str]:
    """Services that stay and name an upstream which does not: they would look it up in DNS."""
    now = {values["name"] for values in stored.entities["upstreams"].values()}
    services = dict(stored.entities["services"])
    names = {key: values["name"] for key, values in stored.entities["upstreams"].items()}
    for step in steps:
        side = {"services": services, "upstreams": names}.get(step.kind)
        if side is not None and step.after is None:
            del side[step.id]
        elif side is not None:
            side[step.id] = step.after if side is services else step.after["name"]
    lost = now - set(names.values())
    found = (service for service in services.values() if service["host"] in lost)
    return [f"the service {one['name'] or one['id']} would look {one['host']} up in DNS" for one in found]


def _wanted(kind: str, before: Values | None, values: Values, declared: Declared, keep_ours: bool) -> Values:
    """As it shall be stored. The order of tags says nothing, and when it was created is not for a file to change."""
    if kind == "keyauth_credentials" and values["key"] is None and before is not None:
        values = {**values, "key": before["key"]}  # one was made up when it came
    given = {} if (kind, values["id"]) in declared.as_stored else values
    values = as_given(kind, values, given, time.time())
    if before is None:
        return values
    kept = {name: before[name] for name in ("created_at", "updated_at") if name in before}
    if set(values["tags"] or ()) == set(before["tags"] or ()):
        kept["tags"] = before["tags"]
    if keep_ours:
        kept |= {name: before[name] for name in declared.unsaid[kind, values["id"]]}
    return {**values, **kept}


def _missing(stored: Stored, tags: set[str]) -> Iterator[Step]:
    for kind, values in stored.each():
        if tags <= set(values["tags"] or ()):
            yield Step(kind, values["id"], values, None)


def _of_others(touched: list[Step], declared: Declared) -> Iterator[Problem]:
    tags = set(declared.select_tags)
    for step in touched:
        if step.before is not None and (lacks := sorted(tags - set(step.before["tags"] or ()))):
            text = (
                f"there is such a {KINDS[step.kind].label} already, without the tag {', '.join(lacks)}: not this file's"
            )
            yield Problem(declared.places[step.kind, step.id], text, "unique")


def _taken_names(comes: dict, gone: set, stored: Stored, declared: Declared) -> Iterator[Problem]:
    """Names of entities that the file does not have and that stay."""
    for (kind, entity_id), values in comes.items():
        for key in natural_keys(kind, values):
            owner = stored.id_of(kind, key)
            if owner not in (None, entity_id) and (kind, owner) not in comes and (kind, owner) not in gone:
                named = key[-1][0]
                text = f"another {KINDS[kind].label}, which stays, has the same {named}"
                yield Problem((*declared.places[kind, entity_id], named), text, "unique")


def _left_behind(comes: dict, gone: list[Step], stored: Stored, declared: Declared) -> Iterator[Problem]:
    """References of what stays to what goes."""
    leaving = {step[:2]: step for step in gone}
    if not leaving:
        return
    stays = {(kind, values["id"]): values for kind, values in stored.each() if (kind, values["id"]) not in leaving}
    for (kind, entity_id), values in (stays | comes).items():
        for field, to in references(kind).items():
            if values[field] is not None and (step := leaving.get((to, values[field]["id"]))) is not None:
                yield _dangling(kind, entity_id, field, step, declared)


def _dangling(kind: str, entity_id: str, field: str, gone: Step, declared: Declared) -> Problem:
    place = declared.places.get((kind, entity_id))
    what = f"the {KINDS[gone.kind].label} {gone.label}, which is not in the file and would be deleted"
    if place is not None:
        return Problem((*place, field), f"points at {what}", "reference")
    return Problem(
        ENTITY, f"the {KINDS[kind].label} {entity_id}, which is not this file's, belongs to {what}", "in_use"
    )
