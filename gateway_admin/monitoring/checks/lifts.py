"""Which unhealthy marks have to go because the configuration changed under them.

A mark that no check could lift would keep a target out for ever. So it goes with the check that made it, with the
address it was about, and with the target itself. As long as the edited check can lift it, it stays: an edit of a
timeout must not send traffic to a target that is known to be down.
"""

from collections.abc import Iterable, Mapping

from gateway_admin.catalog.models import Target

from .marks import Mark, Marks
from .plan import Check, Plan

DELETED = "the target was deleted"
SWITCHED_OFF = "health checks were switched off"
WEIGHT_0 = "its weight was set to 0: not checked any more"
CANNOT_RECOVER = "the checks were edited and could not have lifted the mark"


def lifts(plan: Plan, marks: Marks) -> dict[str, str]:
    """Target id → cause. Asks the database only about marked targets that are not checked."""
    down = {target_id: marks.known[target_id] for target_id in marks.unhealthy}
    planned = {target_id: mark for target_id, mark in down.items() if target_id in plan.checks}
    causes = {target_id: why_planned(plan.checks[target_id], mark) for target_id, mark in planned.items()}
    if unplanned := down.keys() - planned.keys():
        stored = _stored(unplanned)
        causes |= {target_id: why_unplanned(stored.get(target_id), down[target_id]) for target_id in unplanned}
    return {target_id: cause for target_id, cause in causes.items() if cause}


def why_planned(check: Check, mark: Mark) -> str:
    if mark.address != check.address:
        return _moved(mark.address, check.address)
    was_edited = mark.judged_by not in ("", check.fingerprint)
    return CANNOT_RECOVER if was_edited and not check.may_recover else ""


def why_unplanned(target: tuple[str, int] | None, mark: Mark) -> str:
    """``target``: its address and weight, None when it is gone. What no check marked is not for checks to lift."""
    if target is None:
        return DELETED
    address, weight = target
    if mark.address != address:
        return _moved(mark.address, address)
    if not mark.judged_by:
        return ""
    return SWITCHED_OFF if weight else WEIGHT_0


def _moved(old: str, new: str) -> str:
    return f"its address changed from {old} to {new}"


def _stored(target_ids: Iterable[str]) -> Mapping[str, tuple[str, int]]:
    rows = Target.objects.only("target", "weight").in_bulk(list(target_ids))
    return {str(target_id): (row.target, row.weight) for target_id, row in rows.items()}
