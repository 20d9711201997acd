"""Going back: the configuration as of a version, the way there, and undoing one batch. All of it from ``Change`` rows.

An entity that was changed after version *v* was at *v* what the first of those changes says it was ``before``; one that
was not changed is what it is now. So the cost is that of the changes since, not of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway_admin.common.models import Entity
from gateway_admin.common.problems import EntityNotFound
from gateway_admin.common.transactions import consistent_read
from proxy_engine import spec
from proxy_engine.spec import ENTITY, Problem
from proxy_engine.spec.declarative import references

from .changes import head_version
from .kinds import KINDS
from .models import Change
from .secrecy import unsealed
from .transfer.plan import Plan, Step, Values, in_order, same, steps_between
from .transfer.stored import Stored

CHUNK = 300  # entities in one statement
NAMED = 5  # of what stands in the way

At = tuple[str, str]  # kind, id


class VersionUnknown(EntityNotFound):
    def __init__(self, version: int, newest: int):
        self.version, self.newest = version, newest
        super().__init__("versions", version)

    def __str__(self):
        return f"there is no version {self.version}; the newest is {self.newest}"


# --- The configuration as of a version -------------------------------------------------------------------------------


def as_of(version: int) -> Stored:
    """Whole. Raises ``VersionUnknown``."""
    with consistent_read():
        _refuse_unknown(version)
        entities = {kind: dict(found) for kind, found in Stored.seen().entities.items()}
        for (kind, key), values in states_at(version).items():
            entities.setdefault(kind, {}).pop(key, None)
            if values is not None:
                entities[kind][key] = values
    return Stored(version, entities)


def states_at(version: int, until: int | None = None) -> dict[At, Values | None]:
    """What was touched since (up to ``until``), as it was then; None for what was not there."""
    states: dict[At, Values | None] = {}
    for change in _since(version, until).defer("after").iterator():
        if (at := _at(change)) not in states:  # the first since then
            states[at] = _state(change.kind, change.before)
    return states


def _states_after(version: int, until: int) -> dict[At, Values | None]:
    last = {_at(change): change for change in _since(version, until).defer("before").iterator()}
    return {at: _state(change.kind, change.after) for at, change in last.items()}


def _since(version: int, until: int | None):
    changes = Change.objects.filter(version__gt=version, kind__in=KINDS).order_by("version")
    return changes if until is None else changes.filter(version__lte=until)


def _state(kind: str, values: dict | None) -> Values | None:
    """As it was stored; fields that came with a later release at their defaults."""
    opened = unsealed(kind, values)
    return None if opened is None else {**spec.defaults(kind), **opened}


def _at(change: Change) -> At:
    return change.kind, str(change.entity_id)


def _refuse_unknown(*versions: int) -> None:
    newest = head_version()
    for version in versions:
        if not 0 <= version <= newest:
            raise VersionUnknown(version, newest)


# --- Plans -----------------------------------------------------------------------------------------------------------


def between(older: int, newer: int) -> Plan:
    """What was done between two versions, or undone where ``older`` is the larger."""
    with consistent_read():
        _refuse_unknown(older, newer)
        low, high = sorted((older, newer))
        was, became = states_at(low, high), _states_after(low, high)
    return Plan(older, steps_between(was, became) if older == low else steps_between(became, was))


def back_to(version: int) -> Plan:
    """The plan that makes the configuration what it was at ``version``."""
    with consistent_read():
        _refuse_unknown(version)
        was = states_at(version)
        return Plan(head_version(), steps_between(_stored(was), was))


def undoing(version: int, *, force: bool = False) -> Plan:
    """The plan that takes back the batch that this version belongs to.

    Where later changes touched the same entities, or others came to depend on them, it has problems; with ``force``
    those are only warnings, the later changes go too, and what depends on what goes is deleted with it.
    """
    with consistent_read():
        change = Change.objects.filter(pk=version).first()
        if change is None:
            raise VersionUnknown(version, head_version())
        changes = list(Change.objects.filter(batch=change.batch, kind__in=KINDS).order_by("version"))
        was: dict[At, Values | None] = {}
        for made in changes:
            was.setdefault(_at(made), _state(made.kind, made.before))
        made_it = {_at(made): _state(made.kind, made.after) for made in changes}
        return _undone(was, made_it, force=force)


def _undone(was: dict[At, Values | None], made_it: dict[At, Values | None], *, force: bool) -> Plan:
    now = _stored(was)
    steps = steps_between(now, was)
    obstacles = [*_changed_since(now, made_it), *_depending(steps, was)]
    if force:
        steps = in_order([*steps, *_dragged_along(steps, was)])
        return Plan(head_version(), steps, warnings=[_sentence(problem) for problem in obstacles])
    return Plan(head_version(), steps, problems=obstacles)


def _stored(wanted: Iterable[At]) -> dict[At, Values | None]:
    """As they are now; None for what is not there."""
    found: dict[At, Values | None] = dict.fromkeys(wanted)
    for kind, keys in _by_kind(found).items():
        for chunk in _chunks(keys):
            for row in KINDS[kind].model.objects.filter(pk__in=chunk):
                found[kind, str(row.pk)] = row.to_values()
    return found


def _by_kind(places: Iterable[At]) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for kind, key in places:
        keys.setdefault(kind, []).append(key)
    return keys


def _chunks(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))


# --- What stands in the way of undoing -------------------------------------------------------------------------------


def _changed_since(now: dict[At, Values | None], made_it: dict[At, Values | None]) -> Iterable[Problem]:
    """By their state, not by later rows: a change that was itself taken back stands in nobody's way."""
    for at, became in made_it.items():
        if not same(now[at], became):
            later = Change.objects.filter(kind=at[0], entity_id=at[1]).order_by("-version").first()
            last = f"last by {later.actor} in version {later.version}"
            yield Problem(ENTITY, f"{KINDS[at[0]].label} {later.label} was changed since, {last}", "in_use")


def _depending(steps: list[Step], was: dict[At, Values | None]) -> Iterable[Problem]:
    """What came to belong to entities that would go."""
    gone = {(step.kind, step.id): step for step in steps if step.after is None}
    for at, rows in _dependents(gone, was).items():
        named = ", ".join(f"{row.kind} {row.label}" for row in rows[:NAMED])
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        text = f"{KINDS[at[0]].label} {gone[at].label} would go, but {named}{more} came to depend on it"
        yield Problem(ENTITY, text, "in_use")


def _dependents(gone: Iterable[At], was: dict[At, Values | None]) -> dict[At, list[Entity]]:
    """Rows that point at these and are none of the batch's own. Some statements for each kind, not for each entity."""
    found: dict[At, list[Entity]] = {}
    for to, keys in _by_kind(gone).items():
        for kind, field in _pointing_at(to):
            for chunk in _chunks(keys):
                for row in KINDS[kind].model.objects.filter(**{f"{field}__in": chunk}).order_by("pk"):
                    if (kind, str(row.pk)) not in was:
                        found.setdefault((to, str(getattr(row, f"{field}_id"))), []).append(row)
    return found


def _pointing_at(kind: str) -> list[tuple[str, str]]:
    return [(other, field) for other in KINDS for field, to in references(other).items() if to == kind]


def _dragged_along(steps: list[Step], was: dict[At, Values | None]) -> list[Step]:
    """With all that depends on it in turn."""
    found: dict[At, Step] = {}
    ahead = [(step.kind, step.id) for step in steps if step.after is None]
    while ahead:
        rows = [row for rows in _dependents(ahead, was).values() for row in rows]
        new = {(row.kind, str(row.pk)): Step(row.kind, str(row.pk), row.to_values(), None) for row in rows}
        ahead = [at for at in new if at not in found]
        found |= new
    return list(found.values())


def _sentence(problem: Problem) -> str:
    return f"{problem.message[0].upper()}{problem.message[1:]}."
