"""Looking at what a step would change, and taking it: undo, go back, import.

Each shows what it would change before it does it, and does nothing else than what was shown: the form carries the
version of the preview, and when somebody was faster there is a new preview instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied

from gateway_admin.catalog.transfer import showing
from gateway_admin.catalog.transfer.importing import imported
from gateway_admin.catalog.transfer.plan import Plan, PlanOutdated, PlanRefused
from gateway_admin.common.htmx import go_to, render_page
from gateway_admin.common.permissions import refusal_of_request

from .writes import actor_of, say_done

SHOWN_OF_PLAN = 100
LONGEST_NUMBER = 18  # digits of a version


@dataclass(frozen=True)
class Way:
    """``make_plan``: takes whether to go over obstacles."""

    title: str
    why: str
    button: str
    done: str
    make_plan: Callable[[bool], Plan]
    touches: Callable[[Plan], set[str]]  # what the user must be allowed to write
    via: str  # the door that the change log names
    crumbs: list[tuple[str, str]]  # the last of them is where one comes from, and goes on to
    section: str  # of the bar on the left

    @property
    def back(self) -> str:
        return self.crumbs[-1][1]


def preview(request, way: Way):
    force = "force" in request.POST or request.GET.get("force") == "1"
    context = {"section": way.section, "way": way, "force": force, "status": 200, "crumbs": way.crumbs}
    if request.method == "POST" and _carried_out(request, way, force, context):
        return go_to(request, way.back)
    plan = way.make_plan(force)
    context |= {"plan": plan, "steps": plan.steps[:SHOWN_OF_PLAN], "left": max(0, len(plan.steps) - SHOWN_OF_PLAN)}
    context["summary"] = showing.summary(plan)
    response = render_page(request, "catalog/plan.html", "catalog/_plan.html", context)
    response.status_code = context["status"]
    return response


def _carried_out(request, way: Way, force: bool, context: dict) -> bool:
    seen = number(request.POST.get("seen"))
    plan = way.make_plan(force)
    _demand(request, way.touches(plan))
    try:
        _, edits = imported(actor_of(request, way.via), lambda: way.make_plan(force), -1 if seen is None else seen)
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


def number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None
