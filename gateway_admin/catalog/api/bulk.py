"""``POST /api/{kind}/bulk``: one thing done to many entities, all of them or none.

{"action": "tag", "ids": ["…", "…"], "tags": ["team-a"]}
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway_admin.catalog.bulk import Done, actions_for, request_fields, request_problems
from gateway_admin.catalog.models import Change
from gateway_admin.common.openapi import TEXT, Schema, an_object
from gateway_admin.common.problems import EntityInvalid
from proxy_engine.spec import ENTITY, Problem

from .drain import read_drain

_LABELLED = an_object(kind=TEXT, id=TEXT, label=TEXT)
BULK_DONE: Schema = an_object(
    action=TEXT,
    changed={"type": "array", "items": TEXT, "description": "Ids of those that are different now, or gone."},
    unchanged={"type": "array", "items": TEXT, "description": "Ids of those that already were so."},
    alsoDeleted={"type": "array", "items": _LABELLED},
)


def read_request(kind: str, body: Any) -> dict[str, Any]:
    """``action``, ``ids``, ``tags``, ``drain``; raises ``EntityInvalid``."""
    if not isinstance(body, dict):
        raise EntityInvalid([Problem(ENTITY, "expected an object")])
    drain = None
    if "drain" in actions_for(kind) and body.get("action") == "drain":
        drain = read_drain(body.get("drain", {}), ("drain",))
        body = {name: value for name, value in body.items() if name != "drain"}
    problems: list[Problem] = []
    values = request_fields(kind).check(body, (), problems)
    problems = problems or list(request_problems(values))
    if problems:
        raise EntityInvalid(problems)
    return values | {"tags": values["tags"] or [], "drain": drain}


def answer(asked: dict[str, Any], done: Done) -> dict[str, Any]:
    changed = [str(change.entity_id) for change in done.changes]
    keys = set(changed)
    return {
        "action": asked["action"],
        "changed": changed,
        "unchanged": [key for key in map(str.lower, asked["ids"]) if key not in keys],
        "alsoDeleted": gone_along(done.along),
    }


def gone_along(changes: Iterable[Change]) -> list[dict[str, str]]:
    return [{"kind": gone.kind, "id": str(gone.entity_id), "label": gone.label} for gone in changes]
