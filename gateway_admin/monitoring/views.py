"""The overview, which answers "is anything wrong?", and what every page asks about engines."""

import math
from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gateway_admin.catalog.models import Change, Target
from gateway_admin.catalog.views.live import count_fragments
from gateway_admin.catalog.views.rows import TROUBLED, entity_counts, upstream_rows
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import permitted

from .actions import ChecksOff, mark_by_hand
from .queries import VersionState, check_load, engines, health_events, version_state

RECENT = 10  # changes in the feed
FLIPS = 8
LISTED = 50  # troubles of one sort; the rest is counted
LONGEST_TOLD = timedelta(minutes=10)  # beyond, the figure would say nothing about this edit
ASK_AGAIN = ((3, "300ms"), (30, "1s"), (300, "5s"))  # age of the version in s → pause before the page asks again


@permitted("read", None)
@require_safe
def overview(request):
    context = {"section": "overview", "live": "/ws/overview/", **_board()}
    return render(request, "monitoring/overview.html", context)


def overview_fragments(user) -> str:
    """What the WebSocket of the overview sends: its board and the engines of the top bar. Runs queries."""
    board = _board() | {"user": user}
    templates = ("monitoring/_state.html", "monitoring/_board.html", "monitoring/_engines.html")
    return "".join(render_to_string(template, board) for template in templates) + count_fragments(board["counts"])


def engines_fragment() -> str:
    """What every WebSocket sends when an engine changed: the pill of the top bar."""
    return render_to_string("monitoring/_engines.html", {"engines": engines()})


def _board() -> dict:
    """Eight statements, however much there is."""
    counts = entity_counts()
    unhealthy = Target.objects.filter(TROUBLED).select_related("health", "upstream").order_by("-health__since")
    down = upstream_rows().filter(ready_count=0, service_count__gt=0).order_by("name")
    known = engines()
    board = {
        "counts": counts,
        "unhealthy": list(unhealthy[:LISTED]),
        "down": list(down[:LISTED]),
        "engines": known,
        "load": check_load(),
        "flips": list(health_events()[:FLIPS]),
        "changes": list(Change.objects.order_by("-version")[:RECENT]),
        "steps": _steps({row["kind"]: row["count"] for row in counts}),
    }
    return board | {"troubles": _trouble_count(board)}


def _trouble_count(board: dict) -> int:
    known = board["engines"]
    unhealthy = next(row["troubled"] for row in board["counts"] if row["kind"] == "targets")
    engine_troubles = len(known.lost) + len(known.behind) + sum(bool(state.node.problems) for state in known.live)
    load = board["load"]
    checks_trouble = load is None or load.state in ("stopped", "late")
    return unhealthy + len(board["down"]) + engine_troubles + (not known.live) + checks_trouble


STEPS = (
    ("upstreams", "New upstream", "A named pool, for example example_upstream."),
    ("targets", "New target", "The servers behind it, each with its address and weight."),
    ("services", "New service", "What clients call; its host is the upstream's name."),
    ("routes", "New route", "Which requests lead to the service, for example the path /mock."),
)


def _steps(counts: dict[str, int]) -> list[dict]:
    """From nothing to a first request that is answered; empty once each step was done."""
    missing = [kind for kind, _, _ in STEPS if not counts[kind]]
    if not missing:
        return []
    return [
        {
            "kind": kind,
            "title": title,
            "text": text,
            "state": "next" if kind == missing[0] else "todo" if kind in missing else "done",
        }
        for kind, title, text in STEPS
    ]


@permitted("write", "targets")
@require_POST
def mark_target(request, target_id):
    """``healthy=1`` or ``0``: a person's word about health, which leaves the operator's switch alone."""
    target = get_object_or_404(Target.objects.select_related("upstream"), pk=target_id)
    healthy = request.POST.get("healthy") == "1"
    try:
        mark_by_hand(target, healthy=healthy, by=request.user.get_username())
    except ChecksOff as off:
        messages.error(request, f"{off}.")
    else:
        word = "healthy" if healthy else "unhealthy"
        messages.success(request, f"Marked {target.target} {word}, until a check or traffic finds otherwise.")
    return go_to(request, reverse("entity", args=["targets", target.pk]))


@permitted("read", None)
@require_safe
def version_live(request, version):
    """Whether all engines run this version yet; the fragment asks again until they do.

    ``?committed=``: when it was stored, in ms of unix time, so that the answer can tell how long that took.
    """
    change = Change.objects.filter(pk=version).only("at").first()
    age_s = (timezone.now() - change.at).total_seconds() if change else float("inf")
    state = version_state(version)
    context = {
        "state": state,
        "took_ms": _took_ms(state, request.GET.get("committed", "")),
        "pause": next((pause for limit_s, pause in ASK_AGAIN if age_s < limit_s), None),
    }
    return render(request, "monitoring/_version_live.html", context)


def _took_ms(state: VersionState, committed: str) -> int | None:
    try:
        delay = state.delay(datetime.fromtimestamp(float(committed) / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return None
    return None if delay is None or delay > LONGEST_TOLD else max(1, math.ceil(delay / timedelta(milliseconds=1)))
