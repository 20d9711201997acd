"""``/api/credentials``: API keys and password logins under one address, told apart by ``credentialType``.

    {"consumerId": "alice", "credentialType": "api_key", "credential": {"key": "…"}, "tags": ["mobile"]}
    {"consumerId": "alice", "credentialType": "basic_auth", "credential": {"username": "alice", "password": "…"}}

They are the entities of ``/api/keyauth_credentials`` and ``/api/basicauth_credentials``, and of the same rules: a view
here finds out which of the two kinds is meant, asks whether that one may be touched, and goes on as that kind's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Value
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.envelope import success
from gateway_admin.common.models import Entity
from gateway_admin.common.openapi import Schema
from gateway_admin.common.paging import Page
from gateway_admin.common.parsers import json_body
from gateway_admin.common.permissions import demand, may
from gateway_admin.common.problems import EntityInvalid, EntityNotFound
from proxy_engine.spec import ENTITY, Problem, is_uuid

from .answers import read_only_names
from .filters import filtered, ordered
from .names import field_of, names_in, names_out
from .reading import read
from .schemas import answer_schema, body_schema
from .views import NO_ACTION, EntityViewSet

KIND_OF_TYPE = {"api_key": "keyauth_credentials", "basic_auth": "basicauth_credentials"}
TYPE_OF_KIND = {kind: name for name, kind in KIND_OF_TYPE.items()}
COMMON = ("id", "consumerId", "tags", "createdAt", "updatedAt")
ORDERS = ("createdAt", "updatedAt", "id")
TYPE, INNER = "credentialType", "credential"


def inner_names(kind: str) -> list[str]:
    """What stands in ``credential``."""
    return [name for name in names_in(kind) if name not in COMMON]


class Credentials(EntityViewSet):
    """``kind`` is None until the request has told which is meant; then ``demand`` asks for that one."""

    kind = None
    asks = dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), "read")
    body: Any = None

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if self.action in NO_ACTION:
            return
        if self.action in ("create", "update", "partial_update"):
            self.body = _flat(json_body(request))
        if self.action == "create":
            self.kind = _kind_named(self.body)
        elif "key" in kwargs:
            self.kind = _kind_stored(kwargs["key"])
        if self.kind is not None:
            demand(request, "read" if request.method in ("GET", "HEAD") else "write", self.kind)

    # --- Lists

    def list(self, request, **parents):
        """Of both kinds, or of those that the client may see."""
        query = request.query_params.copy()
        kinds = [kind for kind in _kinds_asked(query) if may(request.user, request.auth, "read", kind)]
        page = Page.asked(query)
        if query.get("orderBy", ORDERS[0]) not in ORDERS:
            raise ValidationError({"orderBy": [f"expected one of: {', '.join(ORDERS)}"]})
        lists = [_rows(kind, query) for kind in kinds]
        total = sum(rows.count() for rows in lists)
        found = _entities(_slice(lists, page))
        pages = -(-total // page.limit)
        cut = {"page": page.offset // page.limit + 1, "limit": page.limit, "offset": page.offset}
        return Response(success(self.answers(found), pagination=cut | {"total": total, "totalPages": pages}))

    # --- What is different from one kind's

    def find(self, key: str) -> Entity:
        if not is_uuid(key):
            raise EntityNotFound("credentials", key)
        return super().find(key)

    def read(self, base: dict) -> dict:
        named = self.body.pop(TYPE, TYPE_OF_KIND[self.kind])
        if named != TYPE_OF_KIND[self.kind]:
            raise EntityInvalid([Problem((TYPE,), f"this one is of the type {TYPE_OF_KIND[self.kind]}", "unknown")])
        inner = self.body.pop(INNER, {})
        if not isinstance(inner, dict):
            raise EntityInvalid([Problem((INNER,), "expected an object", "unknown")])
        problems = [Problem((name,), "unknown field", "unknown") for name in self.body if name not in COMMON]
        known = inner_names(self.kind)
        problems += [Problem((INNER, name), "unknown field", "unknown") for name in inner if name not in known]
        if problems:
            raise EntityInvalid(problems)
        return read(self.kind, self.body | inner, base=base, ignored=read_only_names(self.kind))

    def answers(self, entities: list[Entity]) -> list[dict]:
        """In the order given, which may mix the kinds."""
        of_kind: dict[str, list[Entity]] = defaultdict(list)
        for entity in entities:
            of_kind[entity.kind].append(entity)
        shown: dict[str, dict] = {}
        for kind, some in of_kind.items():
            shown |= {found["id"]: _nested(kind, found) for found in self.answers_of(kind, some)}
        return [shown[str(entity.pk)] for entity in entities]

    def field_of(self, problem: Problem) -> str:
        if problem.code == "unknown" or self.kind is None:
            return ".".join(str(step) for step in problem.path)
        name = field_of(self.kind, problem)
        return f"{INNER}.{name}" if name.partition(".")[0] in inner_names(self.kind) else name


def _flat(body: Any) -> dict:
    if not isinstance(body, dict):
        raise EntityInvalid([Problem(ENTITY, "expected an object")])
    return dict(body)


def _nested(kind: str, shown: dict) -> dict:
    outer = {name: shown[name] for name in COMMON}
    return outer | {
        TYPE: TYPE_OF_KIND[kind],
        INNER: {name: shown[name] for name in names_out(kind).values() if name not in COMMON},
    }


def _kind_named(body: dict) -> str:
    named = body.get(TYPE)
    if not isinstance(named, str) or named not in KIND_OF_TYPE:
        text = f"expected one of: {', '.join(KIND_OF_TYPE)}" if named is not None else "required field missing"
        raise EntityInvalid([Problem((TYPE,), text, "unknown")])
    return KIND_OF_TYPE[named]


def _kind_stored(key: str) -> str:
    if is_uuid(key):
        for kind in TYPE_OF_KIND:
            if KINDS[kind].model.objects.filter(pk=UUID(key)).exists():
                return kind
    raise EntityNotFound("credentials", key)


def _kinds_asked(query) -> list[str]:
    """Takes the type out of the query: the kinds do not know it."""
    named = query.pop(TYPE, [])[-1:]
    if not set(named) <= KIND_OF_TYPE.keys():
        raise ValidationError({TYPE: [f"expected one of: {', '.join(KIND_OF_TYPE)}"]})
    return [KIND_OF_TYPE[name] for name in named] or list(TYPE_OF_KIND)


_COLUMNS = ("of", "id", "created_at", "updated_at")  # the last two only to order by


def _rows(kind: str, query) -> QuerySet:
    rows = filtered(kind, KINDS[kind].model.objects.all(), query)
    return ordered(kind, rows, query)


def _slice(lists: list[QuerySet], page: Page) -> list[tuple[str, UUID]]:
    """Kind and id of what the page holds, in order. One statement."""
    if not lists:
        return []
    parts = [rows.order_by().annotate(of=Value(rows.model.kind)).values_list(*_COLUMNS) for rows in lists]
    merged = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
    order = [column.replace("pk", "id") for column in lists[0].query.order_by]
    return [(kind, key) for kind, key, *_ in merged.order_by(*order)[page.offset : page.offset + page.limit]]


def _entities(keys: list[tuple[str, UUID]]) -> list[Entity]:
    of_kind: dict[str, list[UUID]] = defaultdict(list)
    for kind, key in keys:
        of_kind[kind].append(key)
    rows = {row.pk: row for kind, some in of_kind.items() for row in KINDS[kind].model.objects.filter(pk__in=some)}
    return [rows[key] for _, key in keys if key in rows]


# --- As the OpenAPI document has them --------------------------------------------------------------------


def components() -> dict[str, Schema]:
    return {"Credential": _schema(answer_schema), "CredentialInput": _schema(body_schema, additionalProperties=False)}


def _schema(of_kind: Callable[[str], Schema], **more: Any) -> Schema:
    """Either of the two types. A patch may leave the type out, and then be of both."""
    return {"anyOf": [_of_type(kind, of_kind(kind)["properties"], more) for kind in TYPE_OF_KIND]}


def _of_type(kind: str, properties: dict[str, Schema], more: dict[str, Any]) -> Schema:
    outer = {name: schema for name, schema in properties.items() if name in COMMON}
    inner = {name: schema for name, schema in properties.items() if name not in COMMON}
    outer[TYPE] = {"type": "string", "enum": [TYPE_OF_KIND[kind]]}
    outer[INNER] = {"type": "object", "properties": inner, **more}
    return {"type": "object", "properties": outer, **more}
