"""The history of everything, batch by batch, and the two ways back: undo one batch, or go back to a version.

Both show what they would change before they do it, and do nothing else than what was shown: the form carries the
version of the preview, and when somebody was faster there is a new preview instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db.models import Min
from django.http import Http404
from django.urls import reverse
from django.views.decorators.http import require_safe

from gateway_admin.catalog import rollback
from gateway_admin.catalog.models import Change
from gateway_admin.catalog.transfer.importing import imported
from gateway_admin.catalog.transfer.plan import Plan, PlanOutdated, PlanRefused
from gateway_admin.common.htmx import go_to, render_page
from gateway_admin.common.permissions import may, permitted, refusal_of_request

from .edits import editable
from .writes import actor_of, say_done

BATCHES = 20  # on a page
SHOWN_OF_BATCH = 5
SHOWN_OF_PLAN = 100
LONGEST_NUMBER = 18  # digits of a version


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
    before = _number(request.GET.get("before"))
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


@dataclass(frozen=True)
class Way:
    """``make_plan``: takes whether to go over obstacles."""

    title: str
    why: str
    button: str
    done: str
    make_plan: Callable[[bool], Plan]
    touches: Callable[[Plan], set[str]]  # what the user must be allowed to write


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
    )
    return _preview(request, version, way)


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
    )
    return _preview(request, version, way)


def _preview(request, version: int, way: Way):
    force = "force" in request.POST or request.GET.get("force") == "1"
    context = {"section": "history", "way": way, "version": version, "force": force, "status": 200}
    if request.method == "POST" and _carried_out(request, way, force, context):
        return go_to(request, reverse("history"))
    plan = _plan(way, force)
    context |= {"plan": plan, "steps": plan.steps[:SHOWN_OF_PLAN], "left": max(0, len(plan.steps) - SHOWN_OF_PLAN)}
    context["crumbs"] = [("History", reverse("history"))]
    response = render_page(request, "catalog/plan.html", "catalog/_plan.html", context)
    response.status_code = context["status"]
    return response


def _plan(way: Way, force: bool) -> Plan:
    try:
        return way.make_plan(force)
    except rollback.VersionUnknown as unknown:
        raise Http404(str(unknown)) from unknown


def _carried_out(request, way: Way, force: bool, context: dict) -> bool:
    seen = _number(request.POST.get("seen"))
    plan = _plan(way, force)
    _demand(request, way.touches(plan))
    try:
        _, edits = imported(actor_of(request, "rollback"), lambda: way.make_plan(force), -1 if seen is None else seen)
    except PlanOutdated:
        context |= {"outdated": True, "status": 409}
    except PlanRefused as refused:
        context |= {"refused": refused.problems, "status": 409}
    else:
        say_done(request, edits, way.done)
        return True
    return False


def _demand(request, kinds: set[str]) -> None:
    for kind in sorted(kinds):
        if reason := refusal_of_request(request, request.user, None, "write", kind):
            raise PermissionDenied(reason)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None
