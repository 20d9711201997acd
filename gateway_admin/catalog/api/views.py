"""The entities over REST: one view set, and what differs between kinds as data in the modules beside it."""

from __future__ import annotations

import re

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from gateway_admin.accounts.authentication import actor_name
from gateway_admin.catalog import actions, queries
from gateway_admin.catalog.bulk import change_many
from gateway_admin.catalog.changes import Actor, batch
from gateway_admin.catalog.deletion import without_upstream
from gateway_admin.catalog.draining import begun
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Upstream
from gateway_admin.common.envelope import success
from gateway_admin.common.models import Entity
from gateway_admin.common.paging import Page
from gateway_admin.common.parsers import json_body
from gateway_admin.common.peers import client_address
from gateway_admin.common.permissions import may_see_secrets
from gateway_admin.common.problems import EntityNotFound
from proxy_engine.spec import Problem, is_uuid

from .answers import answers, read_only_names
from .bulk import answer as answer_to_bulk
from .bulk import gone_along, read_request
from .drain import read_drain
from .filters import filtered, ordered
from .hinting import without_effect
from .names import field_of
from .reading import read

NO_ACTION = (None, "metadata")  # of methods that will be answered with 405
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"\Z')


class EntityViewSet(ViewSet):
    """``kind`` is set by the subclasses in ``VIEW_SETS``."""

    kind = ""
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    # --- Reading

    def list(self, request, **parents):
        rows = ordered(self.kind, filtered(self.kind, self.rows(), request.query_params), request.query_params)
        found, pagination = Page.asked(request.query_params).cut(rows)
        return Response(success(self.answers(found), pagination=pagination))

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
        return self.written(entity, edits.version, status=201, warnings=without_effect(entity))

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
        return self.written(entity, edits.version, warnings=[*warnings, *without_effect(entity)])

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
        data = {"id": str(entity.pk), "deleted": True, "alsoDeleted": gone_along(changes[:-1])}
        headers = {"X-Gateway-Version": str(edits.version)}
        return Response(success(data, warnings=warnings), headers=headers)

    def bulk(self, request, **parents):
        asked = read_request(self.kind, json_body(request))
        done = change_many(rows=self.rows(), actor=self.actor(), **asked)
        headers = {"X-Gateway-Version": str(done.version)}
        return Response(success(answer_to_bulk(asked, done), warnings=done.warnings), headers=headers)

    # --- What they share

    def rows(self) -> QuerySet:
        rows = KINDS[self.kind].model.objects.all()
        return queries.with_health(rows) if self.kind == "targets" else rows

    def find(self, key: str) -> Entity:
        if not self.may_be_named and not is_uuid(key):
            raise EntityNotFound(self.kind, key)
        return queries.find(self.kind, key, self.rows())

    @property
    def may_be_named(self) -> bool:
        return (queries.name_field(self.kind),) in KINDS[self.kind].spec.unique

    def fixed_values(self) -> dict:
        """What the address says, whatever the body says."""
        return {}

    def read(self, base: dict) -> dict:
        return read(self.kind, json_body(self.request), base=base, ignored=read_only_names(self.kind))

    def answers(self, entities: list[Entity]) -> list[dict]:
        return self.answers_of(self.kind, entities)

    def answers_of(self, kind: str, entities: list[Entity]) -> list[dict]:
        """As whoever asks may see them."""
        with_secrets = may_see_secrets(self.request.user, self.request.auth, kind)
        return answers(kind, entities, with_secrets=with_secrets)

    def answer(self, entity: Entity) -> dict:
        return self.answers([entity])[0]

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


class Targets(EntityViewSet):
    """With ``…/drain``: POST begins it, or changes how it goes on; DELETE ends it at once, with traffic again."""

    kind = "targets"

    def drain(self, request, key, **parents):
        asked = read_drain(json_body(request) if request.body else {})
        stored = self.find(key).to_values()
        return self.store(actions.update, stored, {"drain": begun(asked, stored["drain"], timezone.now())})

    def undrain(self, request, key, **parents):
        return self.store(actions.update, self.find(key).to_values(), {"drain": None})


class TargetsOfUpstream(Targets):
    """``/upstreams/{upstream}/targets``, as Kong spells it; here a target may also be named by its address."""

    may_be_named = True

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if self.action in NO_ACTION:
            return
        self.upstream = queries.find("upstreams", kwargs["upstream"], Upstream.objects.all())

    def rows(self) -> QuerySet:
        return super().rows().filter(upstream=self.upstream)

    def fixed_values(self) -> dict:
        return {"upstream": {"id": str(self.upstream.pk)}}


VIEW_SETS: dict[str, type[EntityViewSet]] = {
    kind: type(f"{kind.capitalize()}ViewSet", (EntityViewSet,), {"kind": kind}) for kind in KINDS
} | {"targets": Targets}
