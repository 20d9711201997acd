"""What is wrong with an entity: the rules of the spec, and the questions only the database can answer.

The questions are asked under the lock on the head row: no other writer can make the answers untrue before the commit.
"""

from collections.abc import Iterator
from typing import Any

from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import Problem

from .kinds import KINDS

LAST_MOMENT = 253402300799  # unix seconds of 9999-12-31, the last that a date can hold


def checked(kind: str, values: Any, current: dict | None) -> dict[str, Any]:
    """The values in normal form; raises ``EntityInvalid``. ``current``: the stored values, None for a new entity."""
    result = spec.check(kind, values)
    problems = result.problems + list(control_problems(result.values, current))
    if not problems:
        problems += reference_problems(kind, result.values, current)
        problems += unique_problems(kind, result.values, current)
    if problems:
        raise EntityInvalid(problems)
    return {
        name: value
        for name, value in result.values.items()
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


def reference_problems(kind: str, values: dict, current: dict | None) -> Iterator[Problem]:
    for name, target_kind in KINDS[kind].references.items():
        reference = values[name]
        if reference is None or (current and current[name] == reference):
            continue
        if not KINDS[target_kind].model.objects.filter(pk=reference["id"]).exists():
            label = KINDS[target_kind].label
            yield Problem((name, "id"), f"there is no {label} with the id {reference['id']}", "reference")


def unique_problems(kind: str, values: dict, current: dict | None) -> Iterator[Problem]:
    model, label = KINDS[kind].model, KINDS[kind].label
    if current is None and values.get("id") and model.objects.filter(pk=values["id"]).exists():
        yield Problem(("id",), f"there is another {label} with this id", "unique")
    for names in KINDS[kind].spec.unique:
        key = _key(names, values)
        if None in key.values() or (current and key == _key(names, current)):
            continue
        if model.objects.filter(**key).exists():  # never the entity itself: its own key differs
            yield Problem((names[-1],), f"there is another {label} called '{key[names[-1]]}'", "unique")


def _key(names: tuple[str, ...], values: dict) -> dict[str, Any]:
    return {name: values[name]["id"] if isinstance(values[name], dict) else values[name] for name in names}
