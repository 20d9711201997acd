"""The history of everything, batch by batch, and the two ways back: undo one batch, or go back to a version."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Min
from django.http import Http404
from django.urls import reverse_lazy
from django.views.decorators.http import require_safe

from gateway_admin.catalog import rollback
from gateway_admin.catalog.models import Change
from gateway_admin.common.htmx import render_page
from gateway_admin.common.permissions import may, permitted

from .edits import editable
from .ways import Way, number, preview

BATCHES = 20  # on a page
SHOWN_OF_BATCH = 5


@dataclass(frozen=True)
class ShownBatch:
    """``changes``: the first of them, in the order they were made."""

    first: int
    last: int
    changes: list[Change]
    may_undo: bool

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    @property
    def left(self) -> int:
        return self.count - len(self.changes)


@permitted("read", "config")
@require_safe
def history(request):
    """Newest first; ``before`` is the version where the page before ended."""
    before = number(request.GET.get("before"))
    batches = list(_batches(request.user, before))
    older = batches[-1].first if len(batches) == BATCHES and batches[-1].first > 1 else None
    context = {"section": "history", "batches": batches, "older": older, "before": before}
    return render_page(request, "catalog/history.html", "catalog/_batches.html", context)


def _batches(user, before: int | None):
    """The versions of a batch follow one another: two small statements lead from one batch to the next."""
    ends = []
    while len(ends) < BATCHES:
        older = Change.objects.filter(version__lt=before) if before is not None else Change.objects.all()
        newest = older.order_by("-version").only("version", "batch").first()
        if newest is None:
            break
        before = Change.objects.filter(batch=newest.batch).aggregate(first=Min("version"))["first"]
        ends.append((before, newest.version))
    shown = _first_changes(ends)
    for first, last in ends:
        changes = shown[first]
        yield ShownBatch(first, last, changes, all(may(user, None, "write", change.kind) for change in changes))


def _first_changes(ends: list[tuple[int, int]]) -> dict[int, list[Change]]:
    """By first version. One statement."""
    heads = {first: range(first, min(last + 1, first + SHOWN_OF_BATCH)) for first, last in ends}
    found = Change.objects.in_bulk([version for head in heads.values() for version in head])
    return {first: [found[version] for version in head if version in found] for first, head in heads.items()}


# --- The ways back ---------------------------------------------------------------------------------------------------


_FROM_HISTORY = {
    "via": "rollback",
    "crumbs": [("History", reverse_lazy("history"))],
    "section": "history",
}


@permitted("read", "config")
@editable
def undo(request, version):
    way = Way(
        title=f"Undo version {version}",
        why="Takes back all that was changed in that step, and nothing else.",
        button="Undo it",
        done=f"Undid version {version}",
        make_plan=lambda force: rollback.undoing(version, force=force),
        touches=lambda plan: {step.kind for step in plan.steps},
        **_FROM_HISTORY,
    )
    return _shown(request, way)


@permitted("write", "config")
@editable
def go_back(request, version):
    way = Way(
        title=f"Go back to version {version}",
        why="Makes everything as it was then. What came since stays in the history: you can go forward again.",
        button=f"Go back to version {version}",
        done=f"Went back to version {version}",
        make_plan=lambda force: rollback.back_to(version),
        touches=lambda plan: {"config"},
        **_FROM_HISTORY,
    )
    return _shown(request, way)


def _shown(request, way: Way):
    try:
        return preview(request, way)
    except rollback.VersionUnknown as unknown:
        raise Http404(str(unknown)) from unknown
