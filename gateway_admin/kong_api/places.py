"""From what an address says to the rows it means."""

from typing import Any

from django.db.models import QuerySet

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.models import Entity
from proxy_engine import spec

from . import errors
from .entities import Link, endpoint_key


def key_of(kind: str, text: str, link: Link | None = None) -> dict[str, str]:
    """``{"id": …}`` for a UUID, else ``{"name": …}`` or what else the kind is called by. Raises Kong's refusals.

    ``link``: below which parent; there a name may do that is unique among siblings only (an ACL's group).
    """
    if spec.is_uuid(text):
        return {"id": text.lower()}
    if kind == "certificates":
        return {"id": _certificate_of(text)}
    name = endpoint_key(kind)
    if name is None or not (is_unique(kind, name) or link and is_unique(kind, link.field, name)):
        raise errors.invalid_primary_key(spec.schema.shown_name(text))
    problems: list[spec.Problem] = []
    KINDS[kind].spec.fields[name].check(text, (name,), problems)
    if problems:
        raise errors.invalid_unique(name, problems[0].message)
    return {name: text}


def is_unique(kind: str, *names: str) -> bool:
    return set(names) in map(set, KINDS[kind].spec.unique)


def _certificate_of(server_name: str) -> str:
    """Certificates have no name of their own; any of their server names does."""
    sni = found("snis", key_of("snis", server_name))
    if sni is None:
        raise UnknownServerName(server_name)
    return str(sni.certificate_id)


class UnknownServerName(errors.KongError):
    def __init__(self, name: str):
        self.name = name
        super().__init__(404, {"message": "SNI not found"})


def find(kind: str, text: str) -> Entity | None:
    return found(kind, key_of(kind, text))


def found(kind: str, key: dict[str, Any], rows: QuerySet | None = None) -> Entity | None:
    """Among ``rows``, or all of the kind."""
    rows = KINDS[kind].model.objects.all() if rows is None else rows
    return rows.filter(**{"pk" if name == "id" else name: value for name, value in key.items()}).first()


def get(kind: str, text: str) -> Entity:
    entity = find(kind, text)
    if entity is None:
        raise errors.not_found()
    return entity
