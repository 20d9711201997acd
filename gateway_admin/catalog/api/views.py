"""The four entities over REST: one view set, and what differs between kinds as data in the modules beside it."""

import re

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from gateway_admin.accounts.authentication import actor_name
from gateway_admin.catalog import actions, queries
from gateway_admin.catalog.changes import Actor, batch
from gateway_admin.catalog.deletion import without_upstream
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Upstream
from gateway_admin.common.envelope import success
from gateway_admin.common.models import Entity
from gateway_admin.common.parsers import json_body
from gateway_admin.common.peers import client_address
from gateway_admin.common.problems import EntityNotFound
from proxy_engine.spec import Problem, is_uuid

from .answers import answers, read_only_names
from .filters import filtered, ordered
from .names import field_of
from .paging import Page
from .reading import read

_ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"\Z')


class EntityViewSet(ViewSet):
    """``kind`` is set by the subclasses in ``VIEW_SETS``."""

    kind = ""
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    # --- Reading

    def list(self, request, **parents):
        rows = ordered(self.kind, filtered(self.kind, self.rows(), request.query_params), request.query_params)
        found, pagination = Page.asked(request.query_params).cut(rows)
        return Response(success(answers(self.kind, found), pagination=pagination))

    def retrieve(self, request, key, **parents):
        entity = self.find(key)
        version = Change.objects.filter(kind=self.kind, entity_id=entity.pk).order_by("-version")
        newest = version.values_list("version", flat=True).first() or 0
        return Response(success(self.answer(entity)), headers={"ETag": f'"{newest}"'})

    # --- Writing

    def create(self, request, **parents):
        values = self.read({}) | self.fixed_values()
        with batch(self.actor()) as edits:
            entity = actions.create(kind=self.kind, values=values, actor=edits.actor)
        return self.written(entity, edits.version, status=201)

    def update(self, request, key, **parents):
        stored = self.find(key).to_values()
        values = self.read({}) | self.fixed_values()
        return self.store(actions.replace, stored, values)

    def partial_update(self, request, key, **parents):
        stored = self.find(key).to_values()
        return self.store(actions.update, stored, self.read(stored))

    def store(self, action, stored: dict, values: dict) -> Response:
        with batch(self.actor()) as edits:
            entity = action(
                kind=self.kind,
                entity_id=stored["id"],
                values=values,
                actor=edits.actor,
                expected_version=self.expected_version(),
            )
        warnings = without_upstream(self.kind, stored, entity.to_values())
        return self.written(entity, edits.version, warnings=warnings)

    def destroy(self, request, key, **parents):
        entity = self.find(key)
        warnings = without_upstream(self.kind, entity.to_values(), None)
        with batch(self.actor()) as edits:
            changes = actions.delete(
                kind=self.kind,
                entity_id=entity.pk,
                actor=edits.actor,
                expected_version=self.expected_version(),
            )
        also = [{"kind": gone.kind, "id": str(gone.entity_id), "label": gone.label} for gone in changes[:-1]]
        data = {"id": str(entity.pk), "deleted": True, "alsoDeleted": also}
        headers = {"X-Gateway-Version": str(edits.version)}
        return Response(success(data, warnings=warnings), headers=headers)

    # --- What they share

    def rows(self) -> QuerySet:
        rows = KINDS[self.kind].model.objects.all()
        return queries.with_health(rows) if self.kind == "targets" else rows

    def find(self, key: str) -> Entity:
        if not self.label_is_unique and not is_uuid(key):
            raise EntityNotFound(self.kind, key)
        return queries.find(self.kind, key, self.rows())

    @property
    def label_is_unique(self) -> bool:
        entity = KINDS[self.kind].spec
        return (entity.label_field,) in entity.unique

    def fixed_values(self) -> dict:
        """What the address says, whatever the body says."""
        return {}

    def read(self, base: dict) -> dict:
        return read(self.kind, json_body(self.request), base=base, ignored=read_only_names(self.kind))

    def answer(self, entity: Entity) -> dict:
        return answers(self.kind, [entity])[0]

    def written(self, entity: Entity, version: int, status: int = 200, warnings=()) -> Response:
        headers = {"X-Gateway-Version": str(version), "ETag": f'"{version}"'}
        return Response(success(self.answer(entity), warnings=warnings), status=status, headers=headers)

    def actor(self) -> Actor:
        request = self.request
        return Actor(actor_name(request.user, request.auth), "api", client_address(request))

    def expected_version(self) -> int | None:
        """From ``If-Match``: the ETag of a read. ``*`` means any."""
        text = self.request.META.get("HTTP_IF_MATCH", "*").strip()
        if text == "*":
            return None
        match = _ETAG.match(text)
        if match is None:
            raise ValidationError({"If-Match": ['expected the ETag of a read, such as "42"']})
        return int(match[1])

    def field_of(self, problem: Problem) -> str:
        return field_of(self.kind, problem)


class TargetsOfUpstream(EntityViewSet):
    """``/upstreams/{upstream}/targets``, as Kong spells it; here a target may also be named by its address."""

    kind = "targets"
    label_is_unique = True

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.upstream = queries.find("upstreams", kwargs["upstream"], Upstream.objects.all())

    def rows(self) -> QuerySet:
        return super().rows().filter(upstream=self.upstream)

    def fixed_values(self) -> dict:
        return {"upstream": {"id": str(self.upstream.pk)}}


VIEW_SETS: dict[str, type[EntityViewSet]] = {
    kind: type(f"{kind.capitalize()}ViewSet", (EntityViewSet,), {"kind": kind}) for kind in KINDS
}
