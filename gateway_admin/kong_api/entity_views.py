"""Every kind at its addresses: lists, single entities, children below their parents, and parents of a child.

What differs between kinds is data (``entities``, ``proxy_engine.spec``); the methods are Kong's generic ones.
"""

import time
from typing import Any

from django.db.models import QuerySet

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import Batch, batch
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.models import Entity
from gateway_admin.common.permissions import demand
from proxy_engine import spec

from . import errors, places, reading, tagging
from .entities import Link, endpoint_key
from .errors import KongError
from .paging import Asked, page
from .refusals import told_as_kong
from .representation import rows_to_show, values_of_rows
from .views import KongView, answer, nothing


class EntityView(KongView):
    """``link``: below which parent the address stands; None at the root."""

    kind = ""
    link: Link | None = None

    def prepare(self, **kwargs):
        self.parent = None
        if self.link:
            demand(self.request, "read", self.link.parent)
            self.parent = places.get(self.link.parent, kwargs[self.link.parent])

    def refuse_guess(self, kind: str, text: str) -> None:
        """Who may not see keys must not find out either which there are, by naming them."""
        name = endpoint_key(kind)
        if name and KINDS[kind].spec.fields[name].secret and not spec.is_uuid(text):
            demand(self.request, "write", kind)

    # --- Reading

    def rows(self) -> QuerySet:
        rows = KINDS[self.kind].model.objects.all()
        return rows.filter(**{self.link.field: self.parent.pk}) if self.link else rows

    def one(self, entity: Entity) -> dict[str, Any]:
        return self.shown(self.kind, [entity.to_values()])[0]

    # --- Writing

    def fixed(self) -> dict[str, Any]:
        """What the address says, whatever the body says."""
        return {self.link.field: {"id": str(self.parent.pk)}} if self.link else {}

    def before_writing(self, values: dict[str, Any], entity: Entity | None) -> None:
        """What Kong refuses and the catalog does not, or in other words. Raises ``KongError``."""

    def create(self, values: dict[str, Any]) -> Entity:
        self.before_writing(values, None)
        return actions.create(kind=self.kind, values=values, actor=self.actor())

    def replace(self, entity: Entity, values: dict[str, Any]) -> Entity:
        """Kong counts a replaced entity as made anew, unless the body says when it was made."""
        self.before_writing(values, entity)
        values = {"created_at": int(time.time())} | values | {"id": str(entity.pk)}
        return actions.replace(kind=self.kind, entity_id=entity.pk, values=values, actor=self.actor(), keep_ours=True)

    def update(self, entity: Entity, fixed: dict[str, Any]) -> Entity:
        stored = entity.to_values()
        with told_as_kong(self.kind, stored):
            values = reading.values_of(self.kind, self.given, stored) | fixed
        self.before_writing(values, entity)
        with told_as_kong(self.kind, spec.merge(self.kind, stored, values)):
            return actions.update(kind=self.kind, entity_id=entity.pk, values=values, actor=self.actor())

    def upsert(self, entity: Entity | None, key: dict[str, Any], fixed: dict[str, Any]) -> Entity:
        values: dict[str, Any] = {}
        with told_as_kong(self.kind, values):
            values |= reading.values_of(self.kind, self.given) | fixed | key
            return self.create(values) if entity is None else self.replace(entity, values)

    def written(self, entity: Entity, edits: Batch, status: int = 200):
        return answer(self.one(entity), status, {"X-Gateway-Version": str(edits.version)})


class Collection(EntityView):
    def get(self, request, **kwargs):
        query = request.query_params
        rows, repeated = self.rows(), {}
        if not self.link:
            rows = self.filtered(rows, query)
            repeated = {name: query[name] for name in ("tags", "size") if name in query}
        return answer(page(request.path, Asked.of(query), self.after(rows), repeated=repeated))

    def filtered(self, rows: QuerySet, query) -> QuerySet:
        return rows.filter(tagging.condition(query["tags"])) if "tags" in query else rows

    def after(self, rows: QuerySet):
        """By primary key: random, but the same order for ever, and each page is one step into an index."""

        def cut(after: Any, size: int) -> tuple[list, Any]:
            rest = rows.filter(pk__gt=after) if spec.is_uuid(after) else rows
            chosen = rows_to_show(self.kind, rest).order_by("pk")[: size + 1]
            found = values_of_rows(self.kind, chosen)
            is_last = len(found) <= size
            return self.shown(self.kind, found[:size]), None if is_last else found[size - 1]["id"]

        return cut

    def post(self, request, **kwargs):
        values: dict[str, Any] = {}
        with told_as_kong(self.kind, values), batch(self.actor()) as edits:
            values |= reading.values_of(self.kind, self.given) | self.fixed()
            entity = self.create(values)
        return self.written(entity, edits, 201)


class Single(EntityView):
    def prepare(self, **kwargs):
        super().prepare(**kwargs)
        self.refuse_guess(self.kind, kwargs[self.kind])
        self.key = self.named(kwargs[self.kind])

    def named(self, text: str) -> dict[str, Any]:
        return places.key_of(self.kind, text, self.link)

    def find(self) -> Entity:
        entity = places.found(self.kind, self.key, self.rows())
        if entity is None:
            raise self.absent()
        return entity

    def absent(self) -> KongError:
        """To a client that reads."""
        return errors.not_found()

    def missing(self) -> KongError:
        """To a client that patches."""
        return errors.not_found() if self.link else errors.no_such_entity(self.key)

    def get(self, request, **kwargs):
        return answer(self.one(self.find()))

    def put(self, request, **kwargs):
        """A child of another parent moves here, unless its name is one among siblings only."""
        with batch(self.actor()) as edits:
            is_global = all(places.is_unique(self.kind, name) for name in self.key if name != "id")
            entity = places.found(self.kind, self.key, None if is_global else self.rows())
            entity = self.upsert(entity, self.key, self.fixed())
        return self.written(entity, edits)

    def patch(self, request, **kwargs):
        with batch(self.actor()) as edits:
            entity = places.found(self.kind, self.key, self.rows())
            if entity is None:
                raise self.missing()
            entity = self.update(entity, self.fixed())
        return self.written(entity, edits)

    def delete(self, request, **kwargs):
        with batch(self.actor()) as edits:
            entity = places.found(self.kind, self.key, self.rows())
            if entity is not None:
                with told_as_kong(self.kind, {}, entity.pk):
                    actions.delete(kind=self.kind, entity_id=entity.pk, actor=edits.actor)
            elif self.link:
                raise errors.not_found()
        return nothing(headers={"X-Gateway-Version": str(edits.version)})


class Referenced(EntityView):
    """``/routes/{r}/service``: what an entity's reference leads to. ``child``: who has the reference, by ``field``."""

    child = ""
    field = ""

    def prepare(self, **kwargs):
        demand(self.request, "read", self.child)
        self.refuse_guess(self.child, kwargs[self.child])
        self.referrer = places.get(self.child, kwargs[self.child])
        self.parent = getattr(self.referrer, self.field)

    def existing(self) -> Entity:
        if self.parent is None:
            raise errors.not_found()
        return self.parent

    def get(self, request, **kwargs):
        return answer(self.one(self.existing()))

    def patch(self, request, **kwargs):
        with batch(self.actor()) as edits:
            entity = self.update(self.existing(), {})
        return self.written(entity, edits)

    def put(self, request, **kwargs):
        with batch(self.actor()) as edits:
            entity = self.upsert(self.parent, {}, {})
            if self.parent is None:
                self._link(entity)
        return self.written(entity, edits)

    def _link(self, entity: Entity) -> None:
        demand(self.request, "write", self.child)
        values = {self.field: {"id": str(entity.pk)}}
        with told_as_kong(self.child, values):
            actions.update(kind=self.child, entity_id=self.referrer.pk, values=values, actor=self.actor())

    def delete(self, request, **kwargs):
        self.existing()
        raise errors.plain(405, "Method not allowed")
