"""Targets below their upstream, which Kong lists newest first and names by id or by ``host:port``.

Kong's offsets count rows here. Ours name a place, so that the last page of 100,000 targets costs what the first does;
they name the upstream too, because deck asks the next upstream with the last offset of the one before.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from gateway_admin.catalog.changes import batch
from gateway_admin.catalog.models import Target
from proxy_engine import spec
from proxy_engine.spec.scalars import normalise_target

from . import errors, places
from .entities import Link
from .entity_views import Collection, Single
from .representation import rows_to_show, values_of_rows

OF_UPSTREAM = Link("targets", "upstream", "upstreams")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_US = 253402300799 * 10**6  # 9999-12-31, the last that a date can hold
_MICROSECOND = timedelta(microseconds=1)


class Targets(Collection):
    def after(self, rows: QuerySet):
        def cut(after: Any, size: int) -> tuple[list, Any]:
            found, place = newest_first(rows_to_show(self.kind, rows), str(self.parent.pk), after, size)
            return self.shown(self.kind, values_of_rows(self.kind, found)), place

        return cut


class AllTargets(Collection):
    """``/upstreams/{u}/targets/all``: the same rows by id."""

    http_method_names = ["get", "head", "options"]


class OneTarget(Single):
    """PUT is PATCH here, as in Kong: a target that is not there is not made."""

    def named(self, text: str) -> dict[str, Any]:
        return target_key(text)

    def patch(self, request, **kwargs):
        self.find()  # deck tries PUT first and goes on to POST: that costs no writer's lock
        with batch(self.actor()) as edits:
            entity = self.update(self.find(), self.fixed())
        return self.written(entity, edits)

    put = patch


def target_key(text: str) -> dict[str, str]:
    """What no target could be called is no target's name, and answered as such."""
    if spec.is_uuid(text):
        return {"id": text.lower()}
    address = normalise_target(text)
    if address is None:
        raise errors.not_found()
    return {"target": address}


def find_target(upstream, text: str) -> Target:
    target = places.found("targets", target_key(text), upstream.targets.all())
    if target is None:
        raise errors.not_found()
    return target


def newest_first(rows: QuerySet, upstream_id: str, after: Any, size: int) -> tuple[list[dict], list | None]:
    """A page of ``rows.values()``, and the place after it. A place of another upstream means: from the start."""
    rows, found = rows.order_by("-created_at", "-id"), []
    place = _place(after, upstream_id)
    if place is not None:
        moment, key = place
        # Two walks of the index, each from the right place: an import gives thousands of rows one and the same moment.
        found = list(rows.filter(created_at=moment, pk__lt=key)[: size + 1])
        rows = rows.filter(created_at__lt=moment)
    found += rows[: size + 1 - len(found)]
    if len(found) <= size:
        return found, None
    last = found[size - 1]
    return found[:size], [upstream_id, (last["created_at"] - _EPOCH) // _MICROSECOND, str(last["id"])]


def _place(after: Any, upstream_id: str) -> tuple[datetime, str] | None:
    match after:
        case [str() as upstream, int() as microseconds, str() as key]:
            is_ours = upstream == upstream_id and 0 <= microseconds <= _LAST_US and spec.is_uuid(key)
            return (_EPOCH + microseconds * _MICROSECOND, key) if is_ours else None
    return None
