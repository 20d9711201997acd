"""The configuration as a file: out, and in again after a look at what that would change."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_POST, require_safe

from gateway_admin.catalog.forms.files import ExportForm, ImportForm
from gateway_admin.catalog.transfer import drafts
from gateway_admin.catalog.transfer.exporting import as_yaml, exported
from gateway_admin.catalog.transfer.importing import FileInvalid, planned
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import may, permitted
from proxy_engine.spec import ENTITY
from proxy_engine.spec.declarative import Choice, place_of

from .edits import editable
from .ways import Way, preview

UNREADABLE = "cannot be read: not UTF-8"
AWAY = "The preview cannot be kept: Redis is away. “manage.py config import” does without it."


@permitted("read", "config")
@require_safe
def config_file(request):
    return _page(request)


def _page(request, status=200, **context):
    forms = {"export_form": _export_form(request, None), "import_form": ImportForm()}
    return render(request, "catalog/config_file.html", {"section": "file"} | forms | context, status=status)


def _export_form(request, data) -> ExportForm:
    return ExportForm(data, may_see_secrets=may(request.user, None, "admin", "config"))


@permitted("read", "config")
@require_safe
def export(request):
    form = _export_form(request, request.GET)
    if not form.is_valid():
        return _page(request, status=400, export_form=form)
    text = as_yaml(exported(Choice(**form.choices())))
    headers = {"Content-Disposition": 'attachment; filename="kong.yaml"'}
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)


@permitted("write", "config")
@require_POST
def upload(request):
    """Read, and kept until it is imported; what is wrong with it stands on the page."""
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, status=400, import_form=form)
    try:
        draft = _draft(form)
        _plan(draft)
        name = drafts.keep(request.user.pk, draft)
    except UnicodeDecodeError:
        form.add_error("file", UNREADABLE)
    except FileInvalid as invalid:
        return _page(request, status=400, import_form=form, wrong=_told(invalid))
    except drafts.DraftsAway:
        form.add_error(None, AWAY)
        return _page(request, status=503, import_form=form)
    else:
        return go_to(request, reverse("config-preview", args=[name]))
    return _page(request, status=400, import_form=form)


def _draft(form: ImportForm) -> drafts.Draft:
    facts = form.cleaned_data
    return drafts.Draft(form.content().decode(), facts["select_tags"], facts["way"] == "keep", facts["keep_ours"])


def _plan(draft: drafts.Draft):
    options = {"select_tags": draft.select_tags, "keep": draft.keep, "keep_ours": draft.keep_ours}
    return planned(draft.text.encode(), **options)


def _told(invalid: FileInvalid) -> list[dict]:
    return [
        {"line": line, "place": "" if problem.path == ENTITY else place_of(problem.path), "message": problem.message}
        for problem, line in zip(invalid.problems, invalid.lines, strict=True)
    ]


@permitted("write", "config")
@editable
def import_preview(request, name):
    draft = _kept(request, name)
    way = Way(
        title="Import a file",
        why=_WHYS[draft.keep],
        button="Import it",
        done="Imported the file",
        make_plan=lambda force: _plan(draft),
        touches=lambda plan: {"config"},
        via="import",
        crumbs=[("Import and export", reverse_lazy("config-file"))],
        section="file",
    )
    try:
        return preview(request, way)
    except FileInvalid as invalid:  # by what was changed since it was sent
        return _page(request, status=409, wrong=_told(invalid))


_WHYS = {
    True: "All or nothing, as one step of the history. What the file does not have stays.",
    False: "All or nothing, as one step of the history. What the file does not have is deleted.",
}


def _kept(request, name) -> drafts.Draft:
    try:
        draft = drafts.find(request.user.pk, name)
    except drafts.DraftsAway as away:
        raise Http404(AWAY) from away
    if draft is None:
        raise Http404("The file was sent too long ago: send it again.")
    return draft
