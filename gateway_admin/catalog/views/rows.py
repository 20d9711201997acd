"""The rows of the lists, each list with what its columns show: one statement per list, however long it is."""

from collections.abc import Callable

from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from gateway_admin.catalog.models import (
    Acl,
    BasicauthCredential,
    CaCertificate,
    Certificate,
    Consumer,
    KeyauthCredential,
    Plugin,
    Route,
    Service,
    Target,
    Upstream,
)
from gateway_admin.catalog.queries import IN_USE, MARKED_UNHEALTHY, READY, with_health

from .certificates import ENDS_SOON

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


def consumer_rows() -> QuerySet:
    mine = {"consumer": OuterRef("pk")}
    return Consumer.objects.annotate(
        key_count=count_of(KeyauthCredential.objects.filter(**mine), "consumer"),
        login_count=count_of(BasicauthCredential.objects.filter(**mine), "consumer"),
        group_count=count_of(Acl.objects.filter(**mine), "consumer"),
    )


def plugin_rows() -> QuerySet:
    return Plugin.objects.select_related("service", "route", "consumer")


def owned_rows(model, owner: str) -> Callable[[], QuerySet]:
    """Those that belong to an entity of another kind, each with it."""
    return lambda: model.objects.select_related(owner)


def count_of(related: QuerySet, key: str):
    """How many rows ``related`` (with an OuterRef) has; a subquery, so that several counts do not multiply."""
    counted = related.order_by().values(key).annotate(found=Count("*")).values("found")
    return Coalesce(Subquery(counted), 0)


def entity_counts() -> list[dict]:
    """For the bar on the left: of each kind how many there are, and how many have something wrong. One statement."""
    troubled = Target.objects.filter(TROUBLED)
    parts = {
        "services": _counted("services", Service.objects.all(), Value(0)),
        "routes": _counted("routes", Route.objects.all(), Value(0)),
        "upstreams": _counted("upstreams", Upstream.objects.all(), _one(troubled, Count("upstream", distinct=True))),
        "targets": _counted("targets", Target.objects.all(), _one(troubled, Count("*"))),
        "certificates": _counted("certificates", Certificate.objects.all(), _ending(Certificate)),
        "ca_certificates": _counted("ca_certificates", CaCertificate.objects.all(), _ending(CaCertificate)),
        "consumers": _counted("consumers", Consumer.objects.all(), Value(0)),
        "plugins": _counted("plugins", Plugin.objects.all(), Value(0)),
    }
    first, *others = parts.values()
    found = {row["kind"]: row for row in first.union(*others, all=True)}
    return [found.get(kind, {"kind": kind, "count": 0, "troubled": 0}) for kind in parts]


def _counted(kind: str, rows: QuerySet, troubled) -> QuerySet:
    return (
        rows.order_by()
        .annotate(kind=Value(kind))
        .values("kind")
        .annotate(count=Count("*"), troubled=troubled)
        .values("kind", "count", "troubled")
    )


def _ending(model) -> Subquery:
    return _one(model.objects.filter(ENDS_SOON), Count("*"))


def _one(rows: QuerySet, aggregate) -> Subquery:
    return Subquery(rows.order_by().annotate(one=Value(1)).values("one").annotate(found=aggregate).values("found"))
