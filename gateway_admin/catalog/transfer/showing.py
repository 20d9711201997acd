"""A plan in words: lines for a terminal, JSON for clients. Control characters of stored text never reach a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway_admin.catalog.kinds import KINDS
from proxy_engine.spec.schema import shown_name

from .plan import Plan, Step

LONGEST = 200  # characters of one value in a line


def lines(plan: Plan) -> Iterator[str]:
    """``~ service orders``, then ``    port: 80 → 81`` for each field."""
    for step in plan.steps:
        yield f"{step.sign} {_one(step.kind)} {shown_name(step.label)}"
        for edit in step.edits if step.sign != "-" else ():
            old = _text(edit.before) if edit.was_there else None
            new = _text(edit.after) if edit.is_there else "none"
            yield f"    {shown_name(edit.field)}: {new if old is None else f'{old} → {new}'}"
    for warning in plan.warnings:
        yield f"! {shown_name(warning)}"
    yield summary(plan)


def summary(plan: Plan) -> str:
    """``2 to create, 1 to change, 0 to delete``."""
    if not plan.steps:
        return "nothing differs"
    return ", ".join(f"{count} to {verb}" for verb, count in plan.counts.items())


def _one(kind: str) -> str:
    return KINDS[kind].label if kind in KINDS else kind


def _text(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown_name(text[:LONGEST]) + ("…" if len(text) > LONGEST else "")


def answer(plan: Plan) -> dict[str, Any]:
    return {
        "version": plan.version,
        "summary": plan.counts,
        "steps": [_step(step) for step in plan.steps],
        "warnings": plan.warnings,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "action": step.verb,
        "kind": step.kind,
        "id": step.id,
        "label": step.label,
        "fields": [
            {
                "field": edit.field,
                "before": edit.before if edit.was_there else None,
                "after": edit.after if edit.is_there else None,
            }
            for edit in step.edits
        ],
    }
