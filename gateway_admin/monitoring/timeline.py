"""The tab "Timeline" of an upstream and of a target: how much of the time it was up, its last checks, every flip."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from gateway_admin.catalog.models import Target, Upstream
from gateway_admin.catalog.views.details import frame, upstream_head
from gateway_admin.catalog.views.pages import PAGES
from gateway_admin.common.permissions import permitted
from proxy_engine import spec

from .checks.recent import Probe
from .histories import uptimes
from .models import HealthEvent
from .queries import health_events, last_probes
from .uptime import CELLS, OF_TARGET, OF_UPSTREAM, WINDOWS, Uptime

PAGE_SIZE = 25
SHOWN = 50  # targets with a strip of their own
RESULTS = (("down", "down", False), ("up", "up again", True))


@dataclass(frozen=True)
class Row:
    target: Target
    uptime: Uptime
    probes: list[Probe]


@dataclass(frozen=True)
class Narrowed:
    """What the list is narrowed to; what makes no sense is as good as not asked for."""

    target: str = ""
    source: str = ""
    result: str = ""

    @classmethod
    def by(cls, query: QueryDict) -> "Narrowed":
        target, source, result = (query.get(name, "") for name in ("target", "source", "result"))
        return cls(
            target if spec.is_uuid(target) else "",
            source if source in HealthEvent.Source.values else "",
            result if result in {name for name, _, _ in RESULTS} else "",
        )

    @property
    def conditions(self) -> dict:
        found = {"target_id": self.target, "source": self.source}
        found["healthy"] = next((healthy for name, _, healthy in RESULTS if name == self.result), "")
        return {name: value for name, value in found.items() if value != ""}


@permitted("read", "upstreams")
@require_safe
def of_upstream(request, upstream_id):
    row = get_object_or_404(PAGES["upstreams"].rows(), pk=upstream_id)
    return _page(request, row, row, request.GET)


@permitted("read", "targets")
@require_safe
def of_target(request, target_id):
    row = get_object_or_404(PAGES["targets"].rows(), pk=target_id)
    return _page(request, row, row.upstream, _of_one(request.GET, str(row.pk)))


def _page(request, row, upstream: Upstream, query: QueryDict):
    context = frame(row, PAGES[row.kind].tab("timeline")) | _context(upstream, query)
    context["live"] = f"/ws/upstreams/{upstream.pk}/timeline/?{query.urlencode()}"
    return render(request, "catalog/entity.html", context)


def _of_one(query: QueryDict, target_id: str) -> QueryDict:
    query = query.copy()
    query["of"] = query["target"] = target_id
    return query


def timeline_fragments(upstream_id, query: QueryDict, user) -> str:
    """What the WebSocket of the tab sends: empty when the upstream is gone. Runs queries."""
    upstream = PAGES["upstreams"].rows().filter(pk=upstream_id).first()
    if upstream is None:
        return ""
    context = _context(upstream, query) | {"user": user}
    templates = ["monitoring/_uptime.html", "monitoring/_flips.html"]
    if not context["of"]:
        context |= upstream_head(upstream)
        templates.append("catalog/_upstream_ready.html")
    return "".join(render_to_string(template, context) for template in templates)


def _context(upstream: Upstream, query: QueryDict) -> dict:
    """``of`` in the query: the target whose page it is. Six statements and a call to Redis."""
    narrowed, found = Narrowed.by(query), uptimes(upstream)
    of = query.get("of", "")
    targets = [target for target in found.rows if not of or str(target.pk) == of]
    shown = sorted(targets, key=lambda target: (_day(found.targets[target.pk]), target.target))[:SHOWN]
    probes = last_probes(shown)
    return {
        "upstream": upstream,
        "of": of,
        "uptime": found.upstream,
        "rows": [Row(target, found.targets[target.pk], probes.get(str(target.pk), [])) for target in shown],
        "rows_left": len(targets) - len(shown),
        "windows": list(WINDOWS),
        "cells": CELLS,
        "definitions": [OF_TARGET] if of else [OF_TARGET, OF_UPSTREAM],
        "targets_of_filter": [] if of else sorted(found.rows, key=lambda target: target.target),
        "narrowed": narrowed,
        "sources": HealthEvent.Source.choices,
        "results": RESULTS,
        "events": _events(upstream, narrowed, query),
        "link": _link(query),
    }


def _day(uptime: Uptime) -> float:
    """To sort by: the worst first, those nothing is known of last."""
    share = uptime.shares["24 h"]
    return 2.0 if share is None else share


def _events(upstream: Upstream, narrowed: Narrowed, query: QueryDict) -> Page:
    events = health_events(upstream_id=upstream.pk, **narrowed.conditions)
    return Paginator(events, PAGE_SIZE).get_page(query.get("page"))


def _link(query: QueryDict) -> str:
    """The query of a link to another page of the list, up to the page's number."""
    kept = query.copy()
    for name in ("page", "of"):
        kept.pop(name, None)
    return f"?{kept.urlencode()}&page=" if kept else "?page="
