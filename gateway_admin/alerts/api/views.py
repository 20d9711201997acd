"""Alerts over REST, by the same actions and rules as the pages."""

from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_admin.accounts.authentication import author_of
from gateway_admin.alerts import actions, queries
from gateway_admin.alerts.kinds import CHANNELS, RULES, SILENCES, Kind
from gateway_admin.alerts.models import Alert, AlertDelivery
from gateway_admin.alerts.sending import send_test
from gateway_admin.common.envelope import success, timestamp
from gateway_admin.common.openapi import DescribedByMethod
from gateway_admin.common.paging import Page
from gateway_admin.common.parsers import json_body
from gateway_admin.common.permissions import may
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import Problem

from . import openapi
from .openapi import NAMES_OUT

MASK = "********"
_NAMES_IN = {name: field for field, name in NAMES_OUT.items()}
_PAGING = {"page", "limit", "offset"}


class Described(APIView):
    kind = "alerts"
    schema = DescribedByMethod()

    def field_of(self, problem: Problem) -> str:
        """In the client's words, for the answer to ``EntityInvalid``."""
        first, *rest = problem.path
        if problem.code == "unknown":
            return problem.field
        return ".".join(str(step) for step in (NAMES_OUT.get(first, first), *rest))

    def page_of(self, rows: QuerySet, answer, **filters: set[str] | None) -> Response:
        """``filters``: the values that a query parameter may have; None: any id."""
        refuse_query(self.request.query_params, filters)
        found, pagination = Page.asked(self.request.query_params).cut(rows)
        return Response(success([answer(row) for row in found], pagination=pagination))


class Alerts(Described):
    http_method_names = ["get", "head"]
    operations = {"GET": openapi.ALERTS}

    def get(self, request):
        refuse_query(request.query_params, filters := {"state": set(queries.STATES), "ruleId": None})
        asked = {"state": request.query_params.get("state"), "rule_id": request.query_params.get("ruleId")}
        return self.page_of(queries.alerts(**asked), alert_answer, **filters)


class Deliveries(Described):
    http_method_names = ["get", "head"]
    operations = {"GET": openapi.DELIVERIES}

    def get(self, request):
        refuse_query(request.query_params, filters := {"state": set(AlertDelivery.State.values), "channelId": None})
        asked = {"state": request.query_params.get("state"), "channel_id": request.query_params.get("channelId")}
        return self.page_of(queries.deliveries(**asked), delivery_answer, **filters)


class ChannelTest(Described):
    http_method_names = ["post"]
    operations = {"POST": openapi.TEST}
    asks = {"POST": CHANNELS.writes}

    def post(self, request, row_id):
        refuse_query(request.query_params, {}, _paging=set())
        return Response(success(delivery_answer(send_test(CHANNELS.find(row_id)))))


class OfKind(Described):
    """Of one of ``kinds.KINDS``."""

    about: Kind = RULES

    def body(self) -> Any:
        """A name of ours in the body is unknown: clients know one spelling only."""
        body = json_body(self.request)
        if not isinstance(body, dict):
            return body
        if ours := NAMES_OUT.keys() & body.keys():
            raise EntityInvalid(Problem((name,), "unknown field", "unknown") for name in sorted(ours))
        return {_NAMES_IN.get(name, name): value for name, value in body.items()}

    def answer(self, row: Model) -> dict:
        """Secrets for those who may change them; for others whether there are any."""
        values = self.about.values_of(row)
        if not may(self.request.user, self.request.auth, self.about.writes, self.kind):
            hidden = [name for name, field in self.about.fields.items() if field.secret and values[name] is not None]
            values |= dict.fromkeys(hidden, MASK)
        extra = {"madeBy": row.made_by} if self.about is SILENCES else {"updatedAt": timestamp(row.updated_at)}
        named = {NAMES_OUT.get(name, name): value for name, value in values.items()}
        return {"id": str(row.pk)} | named | {"createdAt": timestamp(row.created_at)} | extra


class KindList(OfKind):
    http_method_names = ["get", "head", "post"]

    @property
    def operations(self):
        described = openapi.OF_KIND[self.about.name]
        return {"GET": described["list"], "POST": described["create"]}

    def get(self, request):
        return self.page_of(self.about.model.objects.all(), self.answer)

    def post(self, request):
        row = actions.create(kind=self.about, values=self.body(), author=author_of(request))
        return Response(success(self.answer(row)), status=201)


class KindOne(OfKind):
    http_method_names = ["get", "head", "patch", "delete"]

    @property
    def operations(self):
        described = openapi.OF_KIND[self.about.name]
        return {"GET": described["retrieve"], "PATCH": described["update"], "DELETE": described["destroy"]}

    def get(self, request, row_id):
        return Response(success(self.answer(self.about.find(row_id))))

    def patch(self, request, row_id):
        row, values = self.about.find(row_id), self.body()
        return Response(
            success(self.answer(actions.change(kind=self.about, row=row, values=values, author=author_of(request))))
        )

    def delete(self, request, row_id):
        actions.delete(kind=self.about, row=self.about.find(row_id), author=author_of(request))
        return Response(success({"id": row_id.lower(), "deleted": True}))


class ChannelList(KindList):
    about = CHANNELS
    asks = dict.fromkeys(("POST",), CHANNELS.writes)


class ChannelOne(KindOne):
    about = CHANNELS
    asks = dict.fromkeys(("PATCH", "DELETE"), CHANNELS.writes)


def refuse_query(query, filters: dict[str, set[str] | None], *, _paging: set[str] = _PAGING) -> None:
    problems = {name: ["unknown query parameter"] for name in sorted(set(query) - set(filters) - _paging)}
    for name, words in filters.items():
        if name not in query:
            continue
        if words is None and not spec.is_uuid(query[name]):
            problems[name] = ["expected a valid UUID"]
        elif words is not None and query[name] not in words:
            problems[name] = [f"expected one of: {', '.join(sorted(words))}"]
    if problems:
        raise ValidationError(problems)


def alert_answer(alert: Alert) -> dict:
    return {
        "id": str(alert.pk),
        "state": alert.state,
        "rule": alert.rule_name,
        "ruleId": alert.rule_id and str(alert.rule_id),
        "condition": alert.condition,
        "subject": {"kind": alert.subject_kind, "id": alert.subject_id, "name": alert.label},
        "upstream": alert.upstream,
        "cause": alert.cause,
        "since": timestamp(alert.since),
        "firedAt": alert.fired_at and timestamp(alert.fired_at),
        "toldAt": alert.told_at and timestamp(alert.told_at),
        "resolvedAt": alert.resolved_at and timestamp(alert.resolved_at),
    }


def delivery_answer(delivery: AlertDelivery) -> dict:
    return {
        "id": str(delivery.pk),
        "channel": delivery.channel_name,
        "channelId": delivery.channel_id and str(delivery.channel_id),
        "isTest": delivery.is_test,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "nextAt": delivery.next_at and timestamp(delivery.next_at),
        "answer": delivery.answer,
        "createdAt": timestamp(delivery.created_at),
        "doneAt": delivery.done_at and timestamp(delivery.done_at),
        "alerts": delivery.items,
    }
