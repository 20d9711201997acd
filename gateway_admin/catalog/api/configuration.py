"""The configuration as a whole over REST: as a file and back, as of any version, there and back again.

``POST`` to ``validate``, ``diff`` and the dry runs changes nothing. All that changes something is one batch of changes,
all or nothing, and answers with ``X-Gateway-Version``.
"""

from __future__ import annotations

from functools import partial

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_admin.accounts.authentication import actor_name
from gateway_admin.catalog import rollback
from gateway_admin.catalog.changes import Actor, head_version
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change
from gateway_admin.catalog.secrecy import masked
from gateway_admin.catalog.transfer import showing
from gateway_admin.catalog.transfer.exporting import as_yaml, exported
from gateway_admin.catalog.transfer.importing import FileInvalid, imported, planned
from gateway_admin.catalog.transfer.plan import Plan, PlanOutdated
from gateway_admin.common.envelope import failure, success
from gateway_admin.common.openapi import DescribedByMethod
from gateway_admin.common.peers import client_address
from gateway_admin.common.permissions import demand
from proxy_engine.spec import ENTITY
from proxy_engine.spec.declarative import Choice, place_of

from . import config_operations as described
from .answers import show
from .config_bodies import configuration_text
from .config_query import Query


class Configuration(APIView):
    """What these views share. ``names``: the query parameters that the view knows."""

    kind = "config"
    names: tuple[str, ...] = ()
    schema = DescribedByMethod()

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.query = Query(request.query_params, self.names)

    def handle_exception(self, exc):
        if isinstance(exc, FileInvalid):
            return _answer_to_file(exc)
        if isinstance(exc, PlanOutdated):
            return Response(failure("PRECONDITION_FAILED", str(exc)), status=412)
        return super().handle_exception(exc)

    def actor(self, via: str) -> Actor:
        request = self.request
        return Actor(actor_name(request.user, request.auth), via, client_address(request))

    def done(self, plan: Plan, version: int) -> Response:
        data = showing.answer(plan) | {"applied": True, "version": version}
        return Response(success(data, warnings=plan.warnings), headers={"X-Gateway-Version": str(version)})

    def shown(self, plan: Plan) -> Response:
        return Response(success(showing.answer(plan) | {"applied": False}, warnings=plan.warnings))


def _answer_to_file(invalid: FileInvalid) -> Response:
    details = [
        {"field": "" if problem.path == ENTITY else place_of(problem.path), "message": problem.message, "line": line}
        for problem, line in zip(invalid.problems, invalid.lines, strict=True)
    ]
    first = next(invalid.texts())
    message = first if len(details) == 1 else f"{first} (and {len(details) - 1} more)"
    return Response(failure("VALIDATION_ERROR", message, details), status=400)


# --- As a file -------------------------------------------------------------------------------------------


class Export(Configuration):
    """``GET /api/config/export``: YAML, or JSON with ``format=json``. Secrets on demand, for administrators."""

    operations = {"GET": described.EXPORT}
    names = ("format", "selectTag", "withId", "kongOnly", "secrets", "version")
    http_method_names = ["get", "head"]

    def get(self, request):
        choice = Choice(
            select_tags=self.query.tags("selectTag"),
            with_ids=self.query.switch("withId"),
            for_kong=self.query.switch("kongOnly"),
            with_secrets=self.query.switch("secrets"),
        )
        as_json = self.query.one_of("format", ("yaml", "json")) == "json"
        version = self.query.number("version")
        if choice.with_secrets:
            demand(self.request, "admin", self.kind)
        document = exported(choice, None if version is None else rollback.as_of(version))
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="kong.yaml"'}
        if as_json:
            return Response(document, headers={"Cache-Control": "no-store"})
        return HttpResponse(as_yaml(document), content_type="application/yaml; charset=utf-8", headers=headers)


class FromFile(Configuration):
    names = ("selectTag", "keep", "keepOurs")
    asks = {"POST": "read"}
    http_method_names = ["post"]

    def planner(self):
        tags, keep, keep_ours = self.query.tags("selectTag"), self.query.switch("keep"), self.query.switch("keepOurs")
        return partial(planned, configuration_text(self.request), select_tags=tags, keep=keep, keep_ours=keep_ours)

    def plan(self) -> Plan:
        """Whoever compares secrets could guess them, so he must be allowed to see them."""
        plan = self.planner()()
        for kind in sorted(plan.compares_secrets_of):
            demand(self.request, "write", kind)
        return plan


class Validate(FromFile):
    """Whether a file could be imported as things stand."""

    operations = {"POST": described.VALIDATE}

    def post(self, request):
        plan = self.plan()
        return Response(success({"valid": True, "version": plan.version, "summary": plan.counts}))


class Diff(FromFile):
    """What an import would change."""

    operations = {"POST": described.DIFF}

    def post(self, request):
        return self.shown(self.plan())


class Import(FromFile):
    """All or nothing, one batch. ``keep=true`` deletes nothing; ``dryRun=true`` only tells."""

    operations = {"POST": described.IMPORT}
    names = ("selectTag", "keep", "keepOurs", "dryRun", "seenVersion")
    asks = {}

    def post(self, request):
        make_plan = self.planner()
        seen = self.query.number("seenVersion")
        if self.query.switch("dryRun"):
            return self.shown(make_plan())
        plan, edits = imported(self.actor("import"), make_plan, seen)
        return self.done(plan, edits.version)


# --- As of a version -------------------------------------------------------------------------------------


class EntitiesAt(Configuration):
    """``GET /api/config/versions/{version}/entities``: everything as it was, secrets hidden; ``kind`` for one kind."""

    operations = {"GET": described.ENTITIES_AT}
    names = ("kind",)
    http_method_names = ["get", "head"]

    def get(self, request, version):
        version = int(version)
        kinds = [chosen] if (chosen := self.query.one_of("kind", tuple(KINDS))) else list(KINDS)
        stored = rollback.as_of(version)
        entities = {
            kind: [show(kind, masked(kind, values)) for values in stored.entities.get(kind, {}).values()]
            for kind in kinds
        }
        return Response(success({"version": version, "entities": entities}))


class DiffAt(Configuration):
    """``GET /api/config/versions/{version}/diff?to=…``: from one version to another, by default the newest."""

    operations = {"GET": described.DIFF_AT}
    names = ("to",)
    http_method_names = ["get", "head"]

    def get(self, request, version):
        version = int(version)
        to = self.query.number("to")
        plan = rollback.between(version, head_version() if to is None else to)
        return Response(success(showing.answer(plan)))


class Rollback(Configuration):
    """``POST /api/config/versions/{version}/rollback``: everything as it was then, as a new batch."""

    operations = {"POST": described.ROLLBACK}
    names = ("dryRun", "seenVersion")
    http_method_names = ["post"]

    def post(self, request, version):
        version = int(version)
        make_plan = partial(rollback.back_to, version)
        seen = self.query.number("seenVersion")
        if self.query.switch("dryRun"):
            return self.shown(make_plan())
        plan, edits = imported(self.actor("rollback"), make_plan, seen)
        return self.done(plan, edits.version)


class Undo(Configuration):
    """``POST /api/changes/{version}/undo``: take back the batch that made this version. Who may edit, may undo."""

    operations = {"POST": described.UNDO}
    names = ("dryRun", "seenVersion", "force")
    asks = {"POST": "read"}
    http_method_names = ["post"]

    def post(self, request, version):
        version = int(version)
        make_plan = partial(rollback.undoing, version, force=self.query.switch("force"))
        plan = make_plan()
        for kind in sorted({step.kind for step in plan.steps} | set(kinds_of(version))):
            demand(self.request, "write", kind)
        seen = self.query.number("seenVersion")
        if self.query.switch("dryRun"):
            problems = [problem.message for problem in plan.problems]
            return Response(success(showing.answer(plan) | {"applied": False, "obstacles": problems}))
        if plan.problems:
            return Response(_refusal(plan), status=409)
        plan, edits = imported(self.actor("rollback"), make_plan, seen)
        return self.done(plan, edits.version)


def kinds_of(version: int) -> QuerySet:
    batches = Change.objects.filter(pk=version).values("batch")
    return Change.objects.filter(batch__in=batches).values_list("kind", flat=True).distinct()


def _refusal(plan: Plan) -> dict:
    details = [{"field": problem.field, "message": problem.message} for problem in plan.problems]
    message = f"{details[0]['message']}; with force=true it is undone all the same"
    return failure("CONFLICT", message, details)
