"""The kinds of entities as one table: everything that is told apart by kind looks here."""

from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

from django.db import models

from gateway_admin.common.models import Entity
from proxy_engine import spec

from .models import (
    Acl,
    BasicauthCredential,
    CaCertificate,
    Certificate,
    Consumer,
    KeyauthCredential,
    Plugin,
    Route,
    Service,
    Sni,
    Target,
    Upstream,
)


@dataclass(frozen=True)
class Dependency:
    """Rows of ``kind`` point at this kind with their field ``field``."""

    kind: str
    field: str
    cascades: bool  # they go with it; otherwise they hold it


@dataclass(frozen=True)
class Kind:
    model: type[Entity]
    spec: spec.Entity

    @property
    def name(self) -> str:
        """Kong's table name, also the plural and the segment in URLs: "services"."""
        return self.spec.kind

    @property
    def label(self) -> str:
        """One of them, in a sentence: "service"."""
        return self.spec.label

    @cached_property
    def references(self) -> dict[str, str]:
        """Field → kind it points at."""
        return {name: field.to for name, field in self.spec.fields.items() if isinstance(field, spec.Reference)}

    @cached_property
    def dependents(self) -> list[Dependency]:
        return [
            Dependency(relation.related_model.kind, relation.field.name, relation.on_delete is models.CASCADE)
            for relation in self.model._meta.related_objects
            if issubclass(relation.related_model, Entity)
        ]


_MODELS = (
    Service,
    Route,
    Upstream,
    Target,
    Consumer,
    KeyauthCredential,
    BasicauthCredential,
    Acl,
    Plugin,
    Certificate,
    Sni,
    CaCertificate,
)
KINDS: dict[str, Kind] = {model.kind: Kind(model, spec.KINDS[model.kind]) for model in _MODELS}

IN_ORDER: list[str] = list(TopologicalSorter({kind: KINDS[kind].references.values() for kind in KINDS}).static_order())
"""What is pointed at comes before what points at it: the order to create in; to delete, backwards."""
