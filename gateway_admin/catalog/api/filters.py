"""What lists can be narrowed by and ordered by, per kind. Filter first, then count, then cut the page."""

from collections.abc import Callable
from functools import cache, partial

import django_filters as filters
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from gateway_admin.catalog import queries
from gateway_admin.catalog.kinds import KINDS
from proxy_engine import spec

from .names import names_out

PAGING = ("page", "limit", "offset", "orderBy", "orderDirection")


class TagsFilter(filters.CharFilter):
    """``tags=a,b``: entities that have all of them."""

    def filter(self, rows: QuerySet, value: str) -> QuerySet:
        for tag in filter(None, (tag.strip() for tag in value.split(","))):
            rows = rows.filter(tags__has_item=tag)
        return rows


class EntityFilter(filters.CharFilter):
    """``find``: from the id or name of another entity to what the column holds; what does not exist has no rows."""

    def __init__(self, field_name: str, find: Callable[[str], object], **kwargs):
        super().__init__(field_name=field_name, **kwargs)
        self.find = find

    def filter(self, rows: QuerySet, value: str) -> QuerySet:
        if not value:
            return rows
        found = self.find(value)
        return rows.none() if found is None else rows.filter(**{self.field_name: found})


class StrictBoolean(filters.ChoiceFilter):
    """``true``, ``false``, ``1``, ``0``; anything else is an error, not "any"."""

    WORDS = {"true": True, "1": True, "false": False, "0": False}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, choices=[(word, word) for word in self.WORDS], **kwargs)

    def filter(self, rows: QuerySet, value: str) -> QuerySet:
        return rows.filter(**{self.field_name: self.WORDS[value]}) if value else rows


def _text(field: str) -> filters.CharFilter:
    return filters.CharFilter(field_name=field, lookup_expr="icontains", label="Has this text, in either case.")


def _exact(field: str) -> filters.CharFilter:
    return filters.CharFilter(field_name=field, label="Is this.")


def _item(field: str) -> filters.CharFilter:
    return filters.CharFilter(field_name=field, lookup_expr="has_item", label="Has this among its entries.")


FILTERS: dict[str, dict[str, filters.Filter]] = {
    "services": {
        "name": _text("name"),
        "protocol": _exact("protocol"),
        "host": _exact("host"),
        "enabled": StrictBoolean(field_name="enabled"),
        "upstreamId": EntityFilter("host", queries.upstream_name, label="Names this upstream (id or name)."),
    },
    "routes": {
        "name": _text("name"),
        "serviceId": EntityFilter("service", partial(queries.id_of, "services"), label="Of this service (id or name)."),
        "method": _item("methods"),
        "host": _item("hosts"),
        "path": _item("paths"),
    },
    "upstreams": {
        "name": _text("name"),
        "algorithm": _exact("algorithm"),
        "whenAllUnhealthy": _exact("when_all_unhealthy"),
    },
    "targets": {
        "upstreamId": EntityFilter(
            "upstream", partial(queries.id_of, "upstreams"), label="Of this upstream (id or name)."
        ),
        "target": _text("target"),
        "priority": filters.NumberFilter(field_name="priority", label="Has this priority."),
        "enabled": StrictBoolean(field_name="enabled"),
    },
}


@cache
def filter_set(kind: str) -> type[filters.FilterSet]:
    tags = TagsFilter(label="Has all of these tags, separated by commas.")
    return type(f"{kind.capitalize()}Filter", (filters.FilterSet,), {**FILTERS[kind], "tags": tags})


def filtered(kind: str, rows: QuerySet, query) -> QuerySet:
    """``query``: the QueryDict. Unknown parameters are refused: a misspelt filter would show everything."""
    chosen = filter_set(kind)(query, queryset=rows)
    unknown = set(query) - set(chosen.filters) - set(PAGING)
    problems = {name: ["unknown query parameter"] for name in sorted(unknown)}
    if not chosen.is_valid():
        problems |= chosen.errors
    if problems:
        raise ValidationError(problems)
    return chosen.qs


@cache
def order_names(kind: str) -> dict[str, str]:
    """What ``orderBy`` takes → column: every field with a plain value."""
    fields = KINDS[kind].spec.fields
    compound = (spec.Array, spec.Map, spec.Record, spec.Reference)
    return {name: field for field, name in names_out(kind).items() if not isinstance(fields.get(field), compound)}


def ordered(kind: str, rows: QuerySet, query) -> QuerySet:
    """Newest first unless asked otherwise; the id decides between equals, so that pages never overlap."""
    name, direction = query.get("orderBy", "createdAt"), query.get("orderDirection")
    columns, problems = order_names(kind), {}
    if name not in columns:
        problems["orderBy"] = [f"expected one of: {', '.join(columns)}"]
    if direction not in (None, "asc", "desc"):
        problems["orderDirection"] = ["expected one of: asc, desc"]
    if problems:
        raise ValidationError(problems)
    if direction is None:
        direction = "asc" if "orderBy" in query else "desc"
    sign = "-" if direction == "desc" else ""
    return rows.order_by(f"{sign}{columns[name]}", f"{sign}pk")
