"""The one table of Kong's dialect: where each kind of entity stands. Addresses, methods and errors follow from it.

A kind that is new in ``catalog.KINDS`` needs one line here. From its references in ``proxy_engine.spec`` come the
nested addresses, both ways: a route's ``service`` makes ``/services/{s}/routes`` and ``/routes/{r}/service``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway_admin.catalog.kinds import KINDS


@dataclass(frozen=True)
class Endpoint:
    """``segment``: at the root; None for what exists below its parents only. ``nested``: below them."""

    kind: str
    segment: str | None
    nested: str
    shows_parents: bool = True  # Kong has no /snis/{s}/certificate


def _at(segment: str, kind: str = "", nested: str = "", **kw) -> Endpoint:
    return Endpoint(kind or segment, segment, nested or segment, **kw)


TABLE: tuple[Endpoint, ...] = (
    _at("services"),
    _at("routes"),
    _at("consumers"),
    _at("plugins"),
    _at("upstreams"),
    Endpoint("targets", None, "targets", shows_parents=False),
    _at("certificates"),
    _at("snis", shows_parents=False),
    _at("ca_certificates"),
    _at("key-auths", "keyauth_credentials", "key-auth"),
    _at("basic-auths", "basicauth_credentials", "basic-auth"),
    _at("acls"),
)
ENDPOINTS: dict[str, Endpoint] = {endpoint.kind: endpoint for endpoint in TABLE if endpoint.kind in KINDS}


class Link(NamedTuple):
    """Rows of ``child`` point at ``parent`` with ``field``."""

    child: str
    field: str
    parent: str


def links() -> Iterator[Link]:
    for kind in ENDPOINTS:
        for field, parent in KINDS[kind].references.items():
            yield Link(kind, field, parent)


def endpoint_key(kind: str) -> str | None:
    """The field by which an address may name one of them, beside its id."""
    return KINDS[kind].spec.endpoint_key
