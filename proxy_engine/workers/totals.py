"""What a worker counted over all its lives. A counter that fell with each restart would look, in a sum over several
workers, as if all of the others had been counted a second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

Totals = Counter[tuple[str, str]]
"""Numbers that only rise, by the name in the worker's report and, where that holds several, by the key in there."""

_PLAIN = ("requests", "failed_attempts", "budget_refusals", "panics", "panic_picks", "cut_responses", "latency_s")
_KEYED = {
    "retries": None,
    "own_answers": None,
    "statuses": None,
    "log": None,
    "upstream": ("opened", "reused", "connectFailures"),
}
"""Names whose values hold several numbers, and which of them rise. None: all."""


def counted(facts: Mapping[str, Any]) -> Totals:
    """Of one life, from its last report; empty before the first."""
    totals: Totals = Counter({(name, ""): facts[name] for name in _PLAIN if name in facts})
    for name, rising in _KEYED.items():
        numbers = (facts.get(name) or {}).items()
        totals.update({(name, str(key)): number for key, number in numbers if rising is None or key in rising})
    totals.update({("latency", str(step)): count for step, count in enumerate(facts.get("latency", ()))})
    return totals


def of_name(totals: Totals, name: str) -> dict[str, float]:
    return {key: count for (found, key), count in totals.items() if found == name}
