"""What differs between the pages of services, routes, upstreams and targets, as one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import F, Q, QuerySet

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.queries import READY
from proxy_engine import spec

from . import rows
from .states import attach_views


@dataclass(frozen=True)
class Tab:
    slug: str  # "" = the entity's page itself
    title: str
    template: str


@dataclass(frozen=True)
class Choices:
    """A select above a list. ``conditions``: value → (label, condition)."""

    name: str
    label: str
    conditions: dict[str, tuple[str, Q]]


@dataclass(frozen=True)
class Pages:
    """The pages of one kind. ``sorts``: name in the URL → what to order by; the first is the default."""

    kind: str
    says: str  # what they are, beside the title of the list
    purpose: str  # why one wants the first one, on the empty list
    search: tuple[str, ...]  # columns; JSON columns are searched as text
    search_hint: str
    sorts: dict[str, str]
    choices: tuple[Choices, ...]
    tabs: tuple[Tab, ...]
    table: str
    rows: Callable[[], QuerySet]
    dress: Callable[[list], None] = lambda rows: None  # what a page of rows needs beyond its columns

    @property
    def title(self) -> str:
        return self.kind.capitalize()

    @property
    def label(self) -> str:
        return KINDS[self.kind].label

    @property
    def model(self):
        return KINDS[self.kind].model

    @property
    def facts(self) -> str:
        return f"catalog/_{self.label}_facts.html"

    def tab(self, slug: str) -> Tab | None:
        return next((tab for tab in self.tabs if tab.slug == slug), None)


def _one_of(name: str, label: str, values) -> Choices:
    return Choices(name, label, {value: (value, Q(**{name: value})) for value in values})


SETTINGS = Tab("", "Settings", "catalog/tabs/_settings.html")
CONFIGURATION = Tab("configuration", "Configuration", "catalog/tabs/_configuration.html")
HISTORY = Tab("history", "History", "catalog/tabs/_history.html")

PAGES: dict[str, Pages] = {
    pages.kind: pages
    for pages in (
        Pages(
            kind="services",
            says="What clients can call, and where it is sent.",
            purpose="A service names the upstream or host that answers; routes lead requests to it.",
            search=("name", "host", "path", "tags"),
            search_hint="Name, host, path or tag",
            sorts={"name": "name", "host": "host", "routes": "route_count", "updated": "updated_at"},
            choices=(
                _one_of("protocol", "Protocol", spec.PROTOCOLS),
                Choices(
                    "state",
                    "State",
                    {
                        "enabled": ("enabled", Q(enabled=True)),
                        "disabled": ("disabled", Q(enabled=False)),
                        "unrouted": ("without routes", Q(route_count=0)),
                    },
                ),
            ),
            tabs=(SETTINGS, Tab("routes", "Routes", "catalog/tabs/_routes.html"), CONFIGURATION, HISTORY),
            table="catalog/_service_table.html",
            rows=rows.service_rows,
        ),
        Pages(
            kind="routes",
            says="Which requests lead to which service.",
            purpose="A route says which requests (by host, path, method or header) go to which service.",
            search=("name", "paths", "hosts", "service__name", "tags"),
            search_hint="Name, path, host, service or tag",
            sorts={"name": "name", "service": "service__name", "updated": "updated_at"},
            choices=(
                Choices(
                    "state",
                    "State",
                    {
                        "unserved": ("without service", Q(service=None)),
                        "disabled": ("service disabled", Q(service__enabled=False)),
                    },
                ),
            ),
            tabs=(SETTINGS, CONFIGURATION, HISTORY),
            table="catalog/_route_table.html",
            rows=rows.route_rows,
        ),
        Pages(
            kind="upstreams",
            says="Pools of targets that share the load.",
            purpose="An upstream is a named pool of targets. A service uses it by naming it as its host.",
            search=("name", "tags"),
            search_hint="Name or tag",
            sorts={
                "name": "name", "ready": "ready_count", "algorithm": "algorithm", "services": "service_count",
                "updated": "updated_at",
            },
            choices=(
                _one_of("algorithm", "Algorithm", spec.ALGORITHMS),
                Choices(
                    "state",
                    "State",
                    {
                        "troubled": ("with unhealthy targets", Q(troubled_count__gt=0)),
                        "down": ("no target ready", Q(ready_count=0)),
                        "unused": ("not used", Q(service_count=0)),
                    },
                ),
            ),
            tabs=(
                Tab("", "Targets", "catalog/tabs/_targets.html"),
                Tab("health-checks", "Health", "catalog/tabs/_settings.html"),
                Tab("connections", "Retries and connections", "catalog/tabs/_settings.html"),
                Tab("balancing", "Balancing", "catalog/tabs/_settings.html"),
                CONFIGURATION,
                Tab("used-by", "Used by", "catalog/tabs/_used_by.html"),
                HISTORY,
            ),
            table="catalog/_upstream_table.html",
            rows=rows.upstream_rows,
        ),
        Pages(
            kind="targets",
            says="The servers behind all upstreams.",
            purpose="A target is one server (address and weight) of an upstream.",
            search=("target", "upstream__name", "tags"),
            search_hint="Address, upstream or tag",
            sorts={"target": "target", "upstream": "upstream__name", "weight": "weight", "updated": "updated_at"},
            choices=(
                Choices(
                    "state",
                    "State",
                    {
                        "unhealthy": ("unhealthy", rows.TROUBLED),
                        "ready": ("ready", READY),
                        "disabled": ("disabled", Q(enabled=False)),
                    },
                ),
            ),
            tabs=(SETTINGS, CONFIGURATION, HISTORY),
            table="catalog/_target_list_table.html",
            rows=rows.target_rows,
            dress=attach_views,
        ),
    )
}  # fmt: skip


def order(pages: Pages, name: str) -> list:
    """``-routes`` → descending by the expression of "routes". Unnamed rows come last; the id makes pages stable."""
    expression = F(pages.sorts[name.removeprefix("-")])
    ordered = expression.desc(nulls_last=True) if name.startswith("-") else expression.asc(nulls_last=True)
    return [ordered, F("pk").asc()]
