"""The rows of the lists, each list with what its columns show: one statement per list, however long it is."""

import json

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Route, Service, Target, Upstream
from gateway_admin.catalog.queries import IN_USE, MARKED_UNHEALTHY, READY, with_health

TROUBLED = IN_USE & MARKED_UNHEALTHY


def service_rows() -> QuerySet:
    upstream = Upstream.objects.filter(name=OuterRef("host")).values("id")[:1]
    return Service.objects.annotate(
        upstream_id=Subquery(upstream), route_count=count_of(Route.objects.filter(service=OuterRef("pk")), "service")
    )


def route_rows() -> QuerySet:
    return Route.objects.select_related("service")


def upstream_rows() -> QuerySet:
    targets = Target.objects.filter(upstream=OuterRef("pk"))
    return Upstream.objects.annotate(
        target_count=count_of(targets, "upstream"),
        ready_count=count_of(targets.filter(READY), "upstream"),
        troubled_count=count_of(targets.filter(TROUBLED), "upstream"),
        service_count=count_of(Service.objects.filter(host=OuterRef("name")), "host"),
    )


def target_rows() -> QuerySet:
    return with_health(Target.objects.all())


def count_of(related: QuerySet, key: str):
    """How many rows ``related`` (with an OuterRef) has; a subquery, so that several counts do not multiply."""
    counted = related.order_by().values(key).annotate(found=Count("*")).values("found")
    return Coalesce(Subquery(counted), 0)


def containing(column: str, text: str) -> Q:
    """Rows whose ``column`` has ``text`` somewhere; for JSON columns annotate ``as_text(column)`` before."""
    found = Q(**{f"{column}__icontains": text})
    escaped = json.dumps(text)[1:-1]  # SQLite keeps JSON as written by Python, with é as \u00e9; PostgreSQL keeps é
    return found if escaped == text else found | Q(**{f"{column}__icontains": escaped})


def as_text(column: str) -> Cast:
    return Cast(column, TextField())


def entity_counts() -> list[dict]:
    """For the bar on the left: of each kind how many there are, and how many have something wrong. One statement."""
    troubled = Target.objects.filter(TROUBLED)
    parts = [
        _counted("services", Service.objects.all(), Count("*"), Value(0)),
        _counted("routes", Route.objects.all(), Count("*"), Value(0)),
        _counted("upstreams", Upstream.objects.all(), Count("*"), _one(troubled, Count("upstream", distinct=True))),
        _counted("targets", Target.objects.all(), Count("*"), _one(troubled, Count("*"))),
    ]
    found = {row["kind"]: row for row in parts[0].union(*parts[1:], all=True)}
    return [found.get(kind, {"kind": kind, "count": 0, "troubled": 0}) for kind in KINDS]


def _counted(kind: str, rows: QuerySet, count, troubled) -> QuerySet:
    return (
        rows.order_by()
        .annotate(kind=Value(kind))
        .values("kind")
        .annotate(count=count, troubled=troubled)
        .values("kind", "count", "troubled")
    )


def _one(rows: QuerySet, aggregate) -> Subquery:
    return Subquery(rows.order_by().annotate(one=Value(1)).values("one").annotate(found=aggregate).values("found"))
