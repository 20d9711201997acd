"""New targets of upstreams that want them checked before they get traffic (``probe.start_unhealthy``).

They are marked unhealthy in the transaction that creates them, so no engine ever sees them without the mark; the first
check that succeeds lifts it (``checks.tally``). Kong's way, healthy until a check says otherwise, is the default.
"""

from collections.abc import Iterable

from gateway_admin.catalog.models import Change, Target, Upstream
from proxy_engine.spec.build import healthchecks

from .actions import Flip, mark_newcomers


def hold_back(changes: Iterable[Change]) -> None:
    """One statement where a target is new, and a mark for each that has to wait."""
    new = {str(change.entity_id): change for change in changes if change.kind == Target.kind and _is_new(change)}
    if not new:
        return
    careful = _careful_upstreams({_upstream_of(change) for change in new.values()})
    if waiting := [change for change in new.values() if _upstream_of(change) in careful]:
        mark_newcomers(map(_flip, waiting))


def _flip(change: Change) -> Flip:
    return Flip(
        str(change.entity_id),
        _upstream_of(change),
        change.after["target"],
        healthy=False,
        cause="waits for its first successful check",
        actor=change.actor,
    )


def _upstream_of(change: Change) -> str:
    return change.after["upstream"]["id"]


def _is_new(change: Change) -> bool:
    """To the traffic: created, at another address, or without weight, and so without checks, until now."""
    before, after = change.before, change.after
    if not after or not after["weight"]:
        return False
    return not before or before["target"] != after["target"] or not before["weight"]


def _careful_upstreams(ids: set[str]) -> set[str]:
    """Of these, those that ask for it and whose checks could lift the mark."""
    rows = Upstream.objects.only("probe", "healthchecks").in_bulk(list(ids))
    return {
        str(key)
        for key, upstream in rows.items()
        if upstream.probe["start_unhealthy"] and healthchecks(upstream.healthchecks).active.can_recover
    }
