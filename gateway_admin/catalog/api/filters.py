"""What lists can be narrowed by and ordered by, per kind. Filter first, then count, then cut the page."""

from collections.abc import Callable
from functools import cache, partial, reduce
from operator import or_

import django_filters as filters
from django.core.exceptions import ValidationError as FormError
from django.db.models import JSONField, QuerySet
from rest_framework.exceptions import ValidationError

from gateway_admin.catalog import queries
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.lookups import as_text, containing
from proxy_engine import spec

from .names import names_out

PAGING = frozenset({"page", "limit", "offset", "orderBy", "orderDirection"})
LONGEST_TEXT = 255  # characters to look for; SQLite refuses LIKE patterns that are much longer
MOST_TAGS = 50  # in one question; each is a condition of its own


class TagsFilter(filters.CharFilter):
    """``tags=a,b``: entities that have all of them."""

    def filter(self, rows: QuerySet, value: str) -> QuerySet:
        for tag in _tags(value):
            rows = rows.filter(tags__has_item=tag)
        return rows


def _tags(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, (tag.strip() for tag in text.split(",")))))


def _refuse_many_tags(text: str) -> None:
    if len(_tags(text)) > MOST_TAGS:
        raise FormError(f"at most {MOST_TAGS} tags")


class SearchFilter(filters.CharFilter):
    """``search=ord``: entities with the text, in either case, in any of ``columns``; lists are searched as text."""

    def __init__(self, columns: tuple[str, ...], **kwargs):
        super().__init__(max_length=LONGEST_TEXT, **kwargs)
        self.columns = columns

    def filter(self, rows: QuerySet, value: str) -> QuerySet:
        if not value:
            return rows
        lists = [column for column in self.columns if isinstance(rows.model._meta.get_field(column), JSONField)]
        texts = {column: f"{column}_as_text" if column in lists else column for column in self.columns}
        found = reduce(or_, (containing(text, value) for text in texts.values()))
        return rows.alias(**{texts[column]: as_text(column) for column in lists}).filter(found)


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
    label = "Has this text, in either case."
    return filters.CharFilter(field_name=field, lookup_expr="icontains", label=label, max_length=LONGEST_TEXT)


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
        "target": _text("target"),
        "priority": filters.NumberFilter(field_name="priority", label="Has this priority."),
        "enabled": StrictBoolean(field_name="enabled"),
    },
    "consumers": {"username": _exact("username"), "customId": _exact("custom_id")},
    "basicauth_credentials": {"username": _exact("username")},
    "acls": {"group": _exact("group")},
    "plugins": {
        "name": _exact("name"),
        "instanceName": _exact("instance_name"),
        "enabled": StrictBoolean(field_name="enabled"),
    },
    "snis": {"name": _text("name")},
    "ca_certificates": {"certDigest": _exact("cert_digest")},
}

SEARCHED: dict[str, tuple[str, ...]] = {
    "services": ("name", "host", "path"),
    "routes": ("name", "hosts", "paths"),
    "upstreams": ("name",),
    "targets": ("target",),
    "consumers": ("username", "custom_id"),
    "basicauth_credentials": ("username",),
    "acls": ("group",),
    "plugins": ("name", "instance_name"),
    "snis": ("name",),
    "ca_certificates": ("cert_digest",),
}
"""Columns that ``search`` looks into, beside the tags that every kind has. Never a secret: that would be a way to
guess it piece by piece."""


@cache
def filter_set(kind: str) -> type[filters.FilterSet]:
    common = {
        "tags": TagsFilter(label="Has all of these tags, separated by commas.", validators=[_refuse_many_tags]),
        "search": SearchFilter((*SEARCHED.get(kind, ()), "tags"), label="Has this text somewhere, in either case."),
    }
    chosen = FILTERS.get(kind, {}) | _reference_filters(kind) | common
    return type(f"{kind.capitalize()}Filter", (filters.FilterSet,), chosen)


def _reference_filters(kind: str) -> dict[str, filters.Filter]:
    """``serviceId``, ``consumerId`` … for whatever a kind refers to."""
    return {
        names_out(kind)[field]: EntityFilter(
            field, partial(queries.id_of, to), label=f"Of this {KINDS[to].label} (id or name)."
        )
        for field, to in KINDS[kind].references.items()
    }


def filtered(kind: str, rows: QuerySet, query) -> QuerySet:
    """``query``: the QueryDict. Unknown parameters are refused: a misspelt filter would show everything."""
    if query.keys() <= PAGING:
        return rows  # most lists: making and checking a form of no values costs more than reading 20 rows
    chosen = filter_set(kind)(query, queryset=rows)
    problems = {name: ["unknown query parameter"] for name in sorted(query.keys() - chosen.filters.keys() - PAGING)}
    if not chosen.is_valid():
        problems |= chosen.errors
    if problems:
        raise ValidationError(problems)
    return chosen.qs


@cache
def order_names(kind: str) -> dict[str, str]:
    """What ``orderBy`` takes → column: every field with a plain value that is no secret."""
    compound = (spec.Array, spec.Map, spec.Record, spec.Reference, spec.schema.Object)
    refused = {name for name, field in KINDS[kind].spec.fields.items() if field.secret or isinstance(field, compound)}
    return {name: field for field, name in names_out(kind).items() if field not in refused}


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
