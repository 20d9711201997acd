"""Where a kind differs from the generic methods, and nothing else of it."""

import uuid
from collections import Counter
from typing import Any

from django.db.models import QuerySet

from gateway_admin.catalog.models import Sni
from gateway_admin.common.models import Entity
from proxy_engine.spec import Problem

from . import errors
from .entity_views import Collection, Single
from .errors import KongError
from .places import UnknownServerName


class Consumers(Collection):
    def filtered(self, rows: QuerySet, query) -> QuerySet:
        if "custom_id" not in query:
            return super().filtered(rows, query)
        if not query["custom_id"]:
            raise errors.plain(400, "custom_id must be an unempty string")
        return super().filtered(rows, query).filter(custom_id=query["custom_id"])


class OnePlugin(Single):
    def missing(self) -> KongError:
        return errors.not_found()


class ServerNames:
    """``snis`` of a certificate: rows of their own, which must not be another certificate's."""

    def before_writing(self, values: dict[str, Any], entity: Entity | None) -> None:
        given = values.get("snis")
        names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
        problems = [*_twice(names), *_of_others(names, entity)]
        if problems:
            raise errors.schema_violation(problems[:1])


def _twice(names: list[str]) -> list[Problem]:
    return [Problem(("snis",), f"{name} is duplicated") for name, count in Counter(names).items() if count > 1]


def _of_others(names: list[str], entity: Entity | None) -> list[Problem]:
    rows = Sni.objects.filter(name__in=names).exclude(certificate=entity).order_by("name")
    return [
        Problem(("snis",), f"{name} already associated with existing certificate '{key}'")
        for name, key in rows.values_list("name", "certificate")
    ]


class Certificates(ServerNames, Collection):
    pass


class OneCertificate(ServerNames, Single):
    """PUT by a server name that nobody has makes a certificate for it."""

    new_name: str | None = None

    def named(self, text: str) -> dict[str, Any]:
        try:
            return super().named(text)
        except UnknownServerName:
            if self.request.method != "PUT":
                raise
            self.new_name = text
            return {"id": str(uuid.uuid4())}

    def upsert(self, entity: Entity | None, key: dict[str, Any], fixed: dict[str, Any]) -> Entity:
        if self.new_name is not None:
            fixed = fixed | {"snis": [self.new_name]}
        return super().upsert(entity, key, fixed)

    def absent(self) -> KongError:
        return errors.no_such_entity(self.key)


_COLLECTIONS = {"consumers": Consumers, "certificates": Certificates}
_SINGLES = {"plugins": OnePlugin, "certificates": OneCertificate}


def collection(kind: str) -> type[Collection]:
    return _COLLECTIONS.get(kind, Collection)


def single(kind: str) -> type[Single]:
    return _SINGLES.get(kind, Single)
