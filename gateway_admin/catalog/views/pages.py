"""What differs between the pages of the kinds, as one table. Here: what carries the traffic."""

from __future__ import annotations

from django.db.models import Q

from gateway_admin.catalog.queries import READY
from proxy_engine import spec

from . import rows
from .page_shape import CONFIGURATION, HISTORY, PLUGINS, SETTINGS, TIMELINE, Choices, Pages, Tab, one_of
from .pages_of_certificates import CERTIFICATES
from .pages_of_people import PEOPLE
from .pages_of_plugins import POLICIES
from .states import attach_views

_TRAFFIC = (
    Pages(
        kind="services",
        group="Traffic",
        may_clone=True,
        says="What clients can call, and where it is sent.",
        purpose="A service names the upstream or host that answers; routes lead requests to it.",
        search=("name", "host", "path", "tags"),
        search_hint="Name, host, path or tag",
        sorts={"name": "name", "host": "host", "routes": "route_count", "updated": "updated_at"},
        choices=(
            one_of("protocol", "Protocol", spec.PROTOCOLS),
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
        tabs=(SETTINGS, Tab("routes", "Routes", "catalog/tabs/_routes.html"), PLUGINS, CONFIGURATION, HISTORY),
        table="catalog/_service_table.html",
        rows=rows.service_rows,
    ),
    Pages(
        kind="routes",
        group="Traffic",
        may_clone=True,
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
        tabs=(SETTINGS, PLUGINS, CONFIGURATION, HISTORY),
        table="catalog/_route_table.html",
        rows=rows.route_rows,
    ),
    Pages(
        kind="upstreams",
        group="Traffic",
        may_clone=True,
        says="Pools of targets that share the load.",
        purpose="An upstream is a named pool of targets. A service uses it by naming it as its host.",
        search=("name", "tags"),
        search_hint="Name or tag",
        sorts={
            "name": "name", "ready": "ready_count", "algorithm": "algorithm", "services": "service_count",
            "updated": "updated_at",
        },
        choices=(
            one_of("algorithm", "Algorithm", spec.ALGORITHMS),
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
            TIMELINE,
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
        group="Traffic",
        owner="upstream",
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
                    "draining": ("draining", Q(drain__isnull=False)),
                    "disabled": ("disabled", Q(enabled=False)),
                },
            ),
        ),
        tabs=(SETTINGS, TIMELINE, CONFIGURATION, HISTORY),
        table="catalog/_target_list_table.html",
        rows=rows.target_rows,
        dress=attach_views,
    ),
)  # fmt: skip

PAGES: dict[str, Pages] = {pages.kind: pages for pages in (*_TRAFFIC, *CERTIFICATES, *PEOPLE, POLICIES)}
"""In the order of the bar on the left, and of what a search finds."""


def owned_by(kind: str) -> list[Pages]:
    """Those whose entities belong to one of this kind: the targets of an upstream."""
    return [pages for pages in PAGES.values() if pages.owner and pages.owner_kind == kind]


def owner_of(row):
    """The entity that a row belongs to; None where it stands for itself."""
    pages = PAGES[row.kind]
    return getattr(row, pages.owner) if pages.owner else None
