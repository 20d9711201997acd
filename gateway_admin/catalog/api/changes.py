"""The change log over REST: who changed what, when, from where, with both states."""

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change
from gateway_admin.catalog.secrecy import masked
from gateway_admin.common.envelope import success, timestamp
from gateway_admin.common.paging import Page
from proxy_engine import spec

from .answers import show

FILTERS = {"kind": "kind", "entityId": "entity_id", "actor": "actor", "via": "via", "batch": "batch"}
PAGING = {"page", "limit", "offset"}


class Changes(APIView):
    """``GET /api/changes``: newest first."""

    kind = "config"
    filters = FILTERS
    http_method_names = ["get", "head"]

    def get(self, request):
        query = request.query_params
        found, pagination = Page.asked(query).cut(_filtered(Change.objects.order_by("-version"), query))
        return Response(success([_answer(change) for change in found], pagination=pagination))


def _filtered(rows: QuerySet, query) -> QuerySet:
    problems = {name: ["unknown query parameter"] for name in sorted(set(query) - set(FILTERS) - PAGING)}
    for name in {"entityId", "batch"} & set(query):
        if not spec.is_uuid(query[name]):
            problems[name] = ["expected a valid UUID"]
    problems |= {name: ["must not contain NUL"] for name in FILTERS if "\x00" in query.get(name, "")}
    if problems:
        raise ValidationError(problems)
    return rows.filter(**{column: query[name] for name, column in FILTERS.items() if name in query})


def _answer(change: Change) -> dict:
    return {
        "version": change.version,
        "batch": str(change.batch),
        "at": timestamp(change.at),
        "actor": change.actor,
        "via": change.via,
        "address": change.address,
        "kind": change.kind,
        "entityId": str(change.entity_id),
        "label": change.label,
        "before": _state(change.kind, change.before),
        "after": _state(change.kind, change.after),
    }


def _state(kind: str, values: dict | None) -> dict | None:
    """Without secrets, for everybody: what once was one may still be one somewhere else."""
    hidden = masked(kind, values)
    return show(kind, hidden) if hidden is not None and kind in KINDS else hidden
