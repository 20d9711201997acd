"""The whole configuration in plain values, as one moment had it; a file is read against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.transactions import consistent_read
from proxy_engine.spec.declarative import Key, names, natural_keys

Values = dict[str, Any]


@dataclass(frozen=True)
class Stored:
    """``entities``: by kind and id. What a file leaves unnamed is looked up here (``declarative.Known``)."""

    version: int
    entities: Mapping[str, Mapping[str, Values]]

    @classmethod
    def now(cls) -> Stored:
        with consistent_read():
            return cls.seen()

    @classmethod
    def seen(cls) -> Stored:
        """As the transaction around it sees it."""
        rows = {kind: KINDS[kind].model.objects.order_by("pk") for kind in KINDS}
        entities = {kind: {str(row.pk): row.to_values() for row in rows[kind].iterator()} for kind in KINDS}
        return cls(head_version(), entities)

    def each(self) -> Iterator[tuple[str, Values]]:
        for kind, entities in self.entities.items():
            for values in entities.values():
                yield kind, values

    def lists(self) -> dict[str, list[Values]]:
        return {kind: list(entities.values()) for kind, entities in self.entities.items()}

    # -- declarative.Known

    def id_of(self, kind: str, key: Key) -> str | None:
        return self._by_key.get((kind, key))

    def values_of(self, kind: str, entity_id: str) -> Values | None:
        return self.entities.get(kind, {}).get(entity_id)

    def referred(self, kind: str, name: str) -> str | None:
        return name if self.values_of(kind, name) is not None else self._by_name.get((kind, name))

    @cached_property
    def _by_key(self) -> dict[tuple[str, Key], str]:
        return {(kind, key): values["id"] for kind, values in self.each() for key in natural_keys(kind, values)}

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], str]:
        return {
            (kind, values[field]): values["id"]
            for kind, values in self.each()
            for field in names(kind)
            if isinstance(values[field], str)
        }
