"""Which unhealthy marks have to go because the configuration changed under them.

A mark that no check could lift would keep a target out for ever. So it goes with the check that made it, with the
address it was about, and with the target itself. As long as the edited check can lift it, it stays: an edit of a
timeout must not send traffic to a target that is known to be down.

A mark that traffic made goes when passive checks are switched off and no active check could lift it. As long as they
are on it stays, as in Kong, where a person or an active check brings such a target back.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gateway_admin.catalog.models import Target
from gateway_admin.monitoring.models import TargetHealth
from proxy_engine.spec.build import healthchecks

from .marks import Mark, Marks
from .plan import Check, Plan

DELETED = "the target was deleted"
SWITCHED_OFF = "health checks were switched off"
PASSIVE_SWITCHED_OFF = "passive health checks were switched off"
WEIGHT_0 = "its weight was set to 0: not checked any more"
CANNOT_RECOVER = "the checks were edited and could not have lifted the mark"


class Stored(NamedTuple):
    """What the catalog says of a target that was marked."""

    address: str
    weight: int
    has_passive_checks: bool


def lifts(plan: Plan, marks: Marks) -> dict[str, str]:
    """Target id → cause. Asks the database only about marked targets that no active check could bring back."""
    down = {target_id: marks.known[target_id] for target_id in marks.unhealthy}
    planned = {target_id: mark for target_id, mark in down.items() if _is_for_checks(plan.checks.get(target_id), mark)}
    causes = {target_id: why_planned(plan.checks[target_id], mark) for target_id, mark in planned.items()}
    if unplanned := down.keys() - planned.keys():
        stored = _stored(unplanned)
        causes |= {target_id: why_unplanned(stored.get(target_id), down[target_id]) for target_id in unplanned}
    return {target_id: cause for target_id, cause in causes.items() if cause}


def _is_for_checks(check: Check | None, mark: Mark) -> bool:
    return check is not None and (check.may_recover or mark.source != TargetHealth.Source.PASSIVE)


def why_planned(check: Check, mark: Mark) -> str:
    if mark.address != check.address:
        return _moved(mark.address, check.address)
    was_edited = mark.judged_by not in ("", check.fingerprint)
    return CANNOT_RECOVER if was_edited and not check.may_recover else ""


def why_unplanned(target: Stored | None, mark: Mark) -> str:
    """``target`` is None when it is gone. What a person said is not for checks to take back."""
    if target is None:
        return DELETED
    if mark.address != target.address:
        return _moved(mark.address, target.address)
    if mark.source == TargetHealth.Source.PASSIVE:
        return "" if target.has_passive_checks else PASSIVE_SWITCHED_OFF
    if not mark.judged_by:
        return ""
    return SWITCHED_OFF if target.weight else WEIGHT_0


def _moved(old: str, new: str) -> str:
    return f"its address changed from {old} to {new}"


def _stored(target_ids: Iterable[str]) -> Mapping[str, Stored]:
    rows = Target.objects.select_related("upstream").only("target", "weight", "upstream__healthchecks")
    found = rows.in_bulk(list(target_ids))
    return {
        str(target_id): Stored(row.target, row.weight, _has_passive_checks(row.upstream.healthchecks))
        for target_id, row in found.items()
    }


def _has_passive_checks(stored: dict) -> bool:
    try:
        return healthchecks(stored).passive.is_on
    except (KeyError, TypeError, ValueError):
        return True  # nobody can tell: the mark stays
