"""The page of one entity: head, tabs and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from gateway_admin.catalog.forms.hints import hints
from gateway_admin.catalog.forms.layout import MOMENTS, Section, layout_of, rule_at, value_at
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Route, Service
from gateway_admin.catalog.neighbours import neighbours
from gateway_admin.catalog.secrecy import masked
from gateway_admin.common.permissions import FROM_URL, permitted
from gateway_admin.common.templatetags.gatehouse import as_json, as_text
from proxy_engine import spec

from .bound_plugins import plugins_tab
from .certificates import certificate_tab, names_tab
from .credentials import credentials_tab
from .destinations import destination, upstream_targets
from .page_shape import Tab
from .pages import PAGES, owned_by, owner_of
from .policy_words import Words, policy_words
from .states import readiness, shortage

SHOWN = 200  # rows of a table inside an entity's page
HISTORY_SIZE = 25
LOAD_SHIFTS_SHARES = ("least-connections", "latency", "power-of-two")


@permitted("read", FROM_URL)
@require_safe
def entity(request, kind, entity_id, slug=""):
    pages = PAGES[kind]
    tab = pages.tab(slug)
    if tab is None:
        raise Http404(f"A {pages.label} has no page “{slug}”.")
    row = get_object_or_404(pages.rows(), pk=entity_id)
    context = frame(row, tab) | TABS.get(slug, settings_tab)(request, row, slug)
    return render(request, "catalog/entity.html", context)


def frame(row, tab: Tab) -> dict:
    """What every tab of an entity's page stands in."""
    pages, head = PAGES[row.kind], HEADS.get(row.kind)
    context = {"pages": pages, "section": pages.section, "entity": row, "tab": tab, "crumbs": crumbs(row)}
    return context | (head(row) if head else {})


def crumbs(row) -> list[tuple[str, str]]:
    """From the list down to what contains the row: targets live in their upstream."""
    owner = owner_of(row)
    kind = owner.kind if owner else row.kind
    trail = [(PAGES[kind].title, reverse("entity-list", args=[kind]))]
    return trail if owner is None else [*trail, (owner.label, page_of(row))]


def page_of(row) -> str:
    """Where one goes on after an edit: what belongs to something is looked at on the page of that."""
    pages, owner = PAGES[row.kind], owner_of(row)
    if owner is None:
        return reverse("entity", args=[row.kind, row.pk])
    place = [owner.kind, owner.pk]
    return reverse("entity-tab", args=[*place, pages.owner_tab]) if pages.owner_tab else reverse("entity", args=place)


# --- Heads: the line of facts under the title, the same on each tab --------------------------------------------------


def _service_head(service) -> dict:
    return {"destination": destination(service.host, service.port), "use": {"routes": service.route_count}}


def upstream_head(upstream) -> dict:
    targets = upstream_targets(upstream)
    routes = Route.objects.filter(service__host=upstream.name).count()
    return {
        "upstream": upstream,
        "targets": targets,
        "ready": readiness(targets),
        "shortage": shortage(upstream, targets),
        "has_reserves": any(view.target.priority for view in targets),
        "shifts_shares": upstream.algorithm in LOAD_SHIFTS_SHARES,
        "use": {"services": upstream.service_count, "routes": routes},
        "live": f"/ws/upstreams/{upstream.pk}/",
    }


def _target_head(target) -> dict:
    return {"view": next(view for view in upstream_targets(target.upstream) if view.target.pk == target.pk)}


HEADS = {"services": _service_head, "upstreams": upstream_head, "targets": _target_head}


# --- Tabs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    label: str
    text: str
    unit: str
    hint: str
    is_set: bool = True
    is_default: bool = False
    is_code: bool = False
    address: str = ""


@dataclass(frozen=True)
class ShownFacts:
    section: Section
    facts: list[Fact]
    words: Words | None

    @property
    def is_folded(self) -> bool:
        """Only where a sentence says it all: nothing in it differs from the defaults, nothing is to be known."""
        return self.words is not None and not any(
            fact.hint or (fact.is_set and not fact.is_default) for fact in self.facts
        )


def settings_tab(request, row, slug) -> dict:
    """The fields of the sections that belong to this tab, as stored."""
    values = masked(row.kind, row.to_values())
    notes = hints(row.kind, values, neighbours(row.kind, values))
    words = policy_words(values) if row.kind == "upstreams" else {}
    return {
        "sections": [
            ShownFacts(
                section,
                [_fact(row, values, path, label, notes) for path, label in section.fields.items()],
                words.get(section.key),
            )
            for section in layout_of(row.kind, values)
            if section.slug == (slug or "settings")
        ]
    }


def _fact(row, values, path, label, notes) -> Fact:
    rule, value, hint = rule_at(row.kind, path, values), value_at(values, path), notes.get(path, "")
    if value is None:
        return Fact(label, "not set", "", hint, is_set=False)
    if path in MOMENTS:
        return Fact(label, f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC", "", hint)
    if to := KINDS[row.kind].references.get(path):
        address = reverse("entity", args=[to, value["id"]]) if to in PAGES else ""
        return Fact(label, getattr(row, path).label, "", hint, address=address)
    is_default = value == rule.fresh_default()
    is_code = not isinstance(rule, (spec.Number, spec.Boolean))
    return Fact(label, as_text(value), getattr(rule, "unit", ""), hint, is_default=is_default, is_code=is_code)


def _first_tab(request, row, slug) -> dict:
    """The targets of an upstream stand in its head already."""
    first = {"upstreams": lambda *_: {}, "consumers": credentials_tab}
    first |= dict.fromkeys(("certificates", "ca_certificates"), certificate_tab)
    return first.get(row.kind, settings_tab)(request, row, slug)


def _routes_tab(request, row, slug) -> dict:
    return _routes(Route.objects.filter(service=row))


def _used_by_tab(request, row, slug) -> dict:
    services = Service.objects.filter(host=row.name).order_by("name", "pk")
    shown = list(services[:SHOWN])
    left = row.service_count - len(shown)
    return {"services": shown, "services_left": left} | _routes(Route.objects.filter(service__host=row.name))


def _routes(routes) -> dict:
    found = list(routes.select_related("service").order_by("name", "pk")[: SHOWN + 1])
    left = routes.count() - SHOWN if len(found) > SHOWN else 0
    return {"routes": found[:SHOWN], "routes_left": left}


def _configuration_tab(request, row, slug) -> dict:
    return {"configuration": as_json(masked(row.kind, row.to_values()))}


def _history_tab(request, row, slug) -> dict:
    changes = Change.objects.filter(_belongs_to(row)).order_by("-version")
    page = Paginator(changes, HISTORY_SIZE).get_page(request.GET.get("page"))
    return {"history": page, "owned": [pages.many for pages in owned_by(row.kind)]}


def _belongs_to(row) -> Q:
    """Its own changes, and those of what belongs to it now."""
    found = Q(kind=row.kind, entity_id=row.pk)
    for pages in owned_by(row.kind):
        found |= Q(kind=pages.kind, entity_id__in=pages.model.objects.filter(**{pages.owner: row}).values("pk"))
    return found


TABS = {
    "": _first_tab,
    "routes": _routes_tab,
    "used-by": _used_by_tab,
    "configuration": _configuration_tab,
    "history": _history_tab,
    "plugins": plugins_tab,
    "names": names_tab,
}
