"""People and tokens over REST, by the same actions and rules as the pages.

Bodies name nothing but what ``rules`` lists; whose token it is, and what one may see of others', is decided here and in
``queries`` from who asks, never from the body.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_admin.accounts.actions import issue_token, revoke_token
from gateway_admin.accounts.auditing import FILTERS, entries
from gateway_admin.accounts.authentication import author_of
from gateway_admin.accounts.models import ApiToken, User
from gateway_admin.accounts.people import change_user, create_user
from gateway_admin.accounts.queries import people, visible_tokens
from gateway_admin.common.audit_entry import AuditEntry
from gateway_admin.common.envelope import success, timestamp
from gateway_admin.common.openapi import DescribedByMethod
from gateway_admin.common.paging import Page
from gateway_admin.common.parsers import json_body
from gateway_admin.common.problems import EntityInvalid, EntityNotFound
from proxy_engine.spec import Problem

from . import openapi

_NAMES_IN = {"expiresAt": "expires_at"}
_NAMES_OUT = {field: name for name, field in _NAMES_IN.items()}
_PAGING = {"page", "limit", "offset"}


class Described(APIView):
    schema = DescribedByMethod()

    def field_of(self, problem: Problem) -> str:
        """In the client's words, for the answer to ``EntityInvalid``."""
        first, *rest = problem.path
        if problem.code == "unknown":
            return problem.field
        return ".".join(str(step) for step in (_NAMES_OUT.get(first, first), *rest))

    def body(self) -> Any:
        """A name of ours in the body is unknown: clients know one spelling only."""
        body = json_body(self.request)
        if not isinstance(body, dict):
            return body
        if ours := _NAMES_OUT.keys() & body.keys():
            raise EntityInvalid(Problem((name,), "unknown field", "unknown") for name in sorted(ours))
        return {_NAMES_IN.get(name, name): value for name, value in body.items()}

    def page_of(self, rows: QuerySet, answer: Callable[[Any], dict]) -> Response:
        refuse_unknown(self.request.query_params, _PAGING)
        found, pagination = Page.asked(self.request.query_params).cut(rows)
        return Response(success([answer(row) for row in found], pagination=pagination))


class Me(Described):
    """``GET /api/me``: who one is here, and what one may."""

    kind = None
    http_method_names = ["get", "head"]
    operations = {"GET": openapi.ME}

    def get(self, request):
        refuse_unknown(request.query_params, ())
        token = request.auth
        answer = {"username": request.user.get_username(), "role": request.user.role}
        return Response(success(answer | {"token": token_answer(token) if token else None}))


class TokenList(Described):
    kind = "tokens"
    http_method_names = ["get", "head", "post"]
    operations = {"GET": openapi.TOKENS_LIST, "POST": openapi.TOKENS_CREATE}

    def get(self, request):
        return self.page_of(visible_tokens(request.user, request.auth), token_answer)

    def post(self, request):
        """Always one's own: nobody makes a token that acts as somebody else."""
        made = {"user": request.user, "author": author_of(request), "by": request.auth}
        token, text = issue_token(values=self.body(), **made)
        return Response(success(token_answer(token) | {"token": text}), status=201)


class TokenOne(Described):
    kind = "tokens"
    http_method_names = ["get", "head", "delete"]
    operations = {"GET": openapi.TOKENS_RETRIEVE, "DELETE": openapi.TOKENS_DESTROY}

    def get(self, request, token_id):
        return Response(success(token_answer(self.find(token_id))))

    def delete(self, request, token_id):
        token = self.find(token_id)
        revoke_token(token=token, author=author_of(request))
        return Response(success({"id": int(token_id), "deleted": True}))

    def find(self, token_id: str) -> ApiToken:
        """Somebody else's is answered as one that does not exist."""
        token = visible_tokens(self.request.user, self.request.auth).filter(pk=int(token_id)).first()
        if token is None:
            raise EntityNotFound("tokens", token_id)
        return token


class Audit(Described):
    """``GET /api/audit``: newest first."""

    kind = "audit"
    http_method_names = ["get", "head"]
    operations = {"GET": openapi.AUDIT}

    def get(self, request):
        query = request.query_params
        refuse_unknown(query, (*_PAGING, *FILTERS))
        filters = {name: query[name] for name in FILTERS if name in query}
        found, pagination = Page.asked(query).cut(entries(filters))
        return Response(success([audit_answer(entry) for entry in found], pagination=pagination))


class UserList(Described):
    kind = "users"
    http_method_names = ["get", "head", "post"]
    operations = {"GET": openapi.USERS_LIST, "POST": openapi.USERS_CREATE}

    def get(self, request):
        return self.page_of(people(), user_answer)

    def post(self, request):
        user, made_up = create_user(values=self.body(), author=author_of(request))
        return Response(success(user_answer(user) | {"password": made_up}), status=201)


class UserOne(Described):
    kind = "users"
    http_method_names = ["get", "head", "patch"]
    operations = {"GET": openapi.USERS_RETRIEVE, "PATCH": openapi.USERS_UPDATE}

    def get(self, request, user_id):
        user = User.objects.filter(pk=int(user_id)).first()
        if user is None:
            raise EntityNotFound("users", user_id)
        return Response(success(user_answer(user)))

    def patch(self, request, user_id):
        values = self.body()
        if request.auth is None and int(user_id) == request.user.pk and "password" in values:
            problem = Problem(("password",), "change your own on the page for it, which asks for the present one")
            raise EntityInvalid([problem])
        try:
            user = change_user(user_id=int(user_id), values=values, author=author_of(request))
        except User.DoesNotExist:
            raise EntityNotFound("users", user_id) from None
        return Response(success(user_answer(user)))


def refuse_unknown(query, known: Iterable[str]) -> None:
    if unknown := sorted(set(query) - set(known)):
        raise ValidationError({name: ["unknown query parameter"] for name in unknown})


def token_answer(token: ApiToken) -> dict:
    """Without anything it could be used or found by."""
    return {
        "id": token.pk,
        "name": token.name,
        "prefix": token.prefix,
        "user": token.user.get_username(),
        "scope": token.scope,
        "kinds": token.kinds,
        "createdAt": timestamp(token.created_at),
        "lastUsedAt": token.last_used_at and timestamp(token.last_used_at),
        "expiresAt": token.expires_at and timestamp(token.expires_at),
    }


def audit_answer(entry: AuditEntry) -> dict:
    return {
        "id": entry.pk,
        "at": timestamp(entry.at),
        "lastAt": timestamp(entry.last_at),
        "count": entry.count,
        "outcome": entry.outcome,
        "actor": entry.actor,
        "via": entry.via,
        "address": entry.address,
        "what": entry.what,
        "onWhom": entry.on_whom,
        "reason": entry.reason,
    }


def user_answer(user: User) -> dict:
    return {
        "id": user.pk,
        "username": user.username,
        "role": user.role,
        "active": user.is_active,
        "createdAt": timestamp(user.date_joined),
        "lastLoginAt": user.last_login and timestamp(user.last_login),
    }
