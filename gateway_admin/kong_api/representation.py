"""Entities as Kong shows them: every field of Kong's, unset ones as null, nothing of ours.

What Kong does not know is left out here and kept by PUT, so that a client which writes back what it read loses nothing.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from django.db.models import QuerySet

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Sni
from gateway_admin.catalog.secrecy import masked
from proxy_engine import spec

Values = dict[str, Any]


@cache
def names(kind: str) -> tuple[str, ...]:
    entity = KINDS[kind].spec
    own = [name for name, field in entity.fields.items() if not field.ours]
    times = ["created_at", "updated_at"] if entity.has_updated_at else ["created_at"]
    return ("id", *own, *times)


@cache
def ours(kind: str) -> frozenset[str]:
    return frozenset(name for name, field in KINDS[kind].spec.fields.items() if field.ours)


@cache
def _columns(kind: str) -> list[tuple[str, str, Callable[[Any], Any]]]:
    """Field, column and conversion of what is shown. What is ours stays in the database: it is JSON to parse."""
    read = {*names(kind), *_READ_BESIDES.get(kind, ())}
    return [(name, column, to_json) for name, column, to_json, _ in KINDS[kind].model.conversions() if name in read]


_READ_BESIDES = {"keyauth_credentials": ("expires_at",)}


def rows_to_show(kind: str, rows: QuerySet) -> QuerySet:
    return rows.values(*[column for _, column, _ in _columns(kind)])


def values_of_rows(kind: str, rows: Iterable[dict[str, Any]]) -> list[Values]:
    """From ``rows_to_show``, without making a model instance of each row."""
    columns = _columns(kind)
    return [{name: to_json(row[column]) for name, column, to_json in columns} for row in rows]


def shown(kind: str, entities: Iterable[Values], *, with_secrets: bool) -> list[Values]:
    """Secrets are masked before anything is derived from them: deprecated names repeat what stands elsewhere."""
    stored = list(entities) if with_secrets else [masked(kind, values) for values in entities]
    answers = [{name: values[name] for name in names(kind)} for values in stored]
    if kind in _ALONG:
        for answer, along in zip(answers, _ALONG[kind](stored), strict=True):
            answer |= along
    return answers


# --- What stands in an answer beside the fields ------------------------------------------------------------


def _server_names(certificates: list[Values]) -> Iterator[Values]:
    """One statement."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = Sni.objects.filter(certificate__in=[values["id"] for values in certificates]).order_by("name")
    for key, name in rows.values_list("certificate", "name"):
        found[str(key)].append(name)
    return ({"snis": found[values["id"]]} for values in certificates)


def _remaining_time(credentials: list[Values]) -> Iterator[Values]:
    """Only those have ``ttl`` that run out at all."""
    now = int(time.time())
    for values in credentials:
        yield {} if values["expires_at"] is None else {"ttl": max(0, values["expires_at"] - now)}


def _deprecated_settings(plugins: list[Values]) -> Iterator[Values]:
    for values in plugins:
        config = spec.KINDS["plugins"].fields_for(values)["config"]
        yield {"config": config.with_shorthands(values["config"])} if isinstance(config, spec.Record) else {}


_ALONG: dict[str, Callable[[list[Values]], Iterator[Values]]] = {
    "certificates": _server_names,
    "keyauth_credentials": _remaining_time,
    "plugins": _deprecated_settings,
}
