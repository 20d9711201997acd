"""Forms to create and edit an entity, and the page that deletes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.forms import EntityForm
from gateway_admin.catalog.forms.layout import searched
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Upstream
from gateway_admin.common.htmx import go_to
from gateway_admin.common.models import Entity
from gateway_admin.common.permissions import FROM_URL, permitted
from gateway_admin.common.problems import EntityChanged, EntityInvalid, EntityNotFound
from proxy_engine import spec

from .certificates import with_names
from .destinations import destination
from .details import crumbs, page_of
from .pages import PAGES
from .writes import actor_of, say_done

editable = require_http_methods(["GET", "HEAD", "POST"])


@permitted("write", FROM_URL)
@editable
def create(request, kind):
    pages, values = PAGES[kind], _prefilled(request, kind)
    form = _form(request, kind, values=spec.defaults(kind, values) | values, given=_settled(kind, values))
    context = {
        "pages": pages,
        "section": pages.section,
        "title": f"New plugin {values['name']}" if kind == "plugins" else f"New {pages.label}",
        "crumbs": [(pages.title, reverse("entity-list", args=[kind]))],
        "back": reverse("entity-list", args=[kind]),
    }

    def save(values, actor):
        return actions.create(kind=kind, values=values, actor=actor)

    return _form_page(request, form, context, save)


@permitted("write", FROM_URL)
@editable
def create_owned(request, owner_kind, owner_id, kind):
    """A target of one upstream, a key of one consumer; "Save and add another" comes back here."""
    pages = PAGES[kind]
    if pages.owner_kind != owner_kind:
        raise Http404
    owner = get_object_or_404(PAGES[owner_kind].rows(), pk=owner_id)
    given = {pages.owner: {"id": str(owner.pk)}}
    form = _form(request, kind, values=spec.defaults(kind) | _prefilled(request, kind), given=given)
    context = {
        "pages": pages,
        "section": owner_kind,
        "title": f"New {pages.label}",
        "crumbs": crumbs(pages.model(**{pages.owner: owner})),
        "another": reverse("owned-new", args=[owner_kind, owner.pk, kind]),
        "owner": owner,
    }
    context["back"] = context["crumbs"][-1][1]

    def save(values, actor):
        return actions.create(kind=kind, values=values, actor=actor)

    return _form_page(request, form, context, save)


@permitted("write", FROM_URL)
@editable
def edit(request, kind, entity_id):
    pages = PAGES[kind]
    row = get_object_or_404(pages.rows(), pk=entity_id)
    form = _form(
        request,
        kind,
        values=with_names(row),
        given=_settled(kind, row.to_values()),
        is_stored=True,
        initial={"version": head_version()},
        warnings=_warnings(row),
    )
    trail = [*crumbs(row), (row.label, reverse("entity", args=[kind, row.pk]))]
    context = {
        "pages": pages,
        "section": pages.section,
        "title": f"Edit {row.label}",
        "crumbs": trail,
        "back": page_of(row),
        "entity": row,
    }

    def save(values, actor):
        seen = form.cleaned_data["version"]
        return actions.update(kind=kind, entity_id=row.pk, values=values, actor=actor, expected_version=seen)

    return _form_page(request, form, context, save)


def _form(request, kind, *, values, given=MappingProxyType({}), **kw) -> EntityForm:
    data = request.POST if request.method == "POST" else None
    picked = {name: to for name, to in KINDS[kind].references.items() if name not in given and not searched(kind, to)}
    options = {name: _options(to) for name, to in picked.items()}
    return EntityForm(kind, values=values, data=data, options=options, given=given, **kw)


def _settled(kind: str, values: Mapping) -> dict:
    """What a form does not ask: everything in a plugin's depends on which plugin it is."""
    return {"name": values["name"]} if kind == "plugins" else {}


def _warnings(row) -> dict[str, str]:
    """Upstreams are used by name: a new one leaves the services behind."""
    if row.kind != "upstreams" or not row.service_count:
        return {}
    many = "1 service uses" if row.service_count == 1 else f"{row.service_count} services use"
    return {"name": f"{many} it by this name; after a change they would look the old name up in DNS."}


def _options(kind: str) -> list[tuple[str, str]]:
    label = KINDS[kind].model.label_column()
    rows = KINDS[kind].model.objects.order_by(label, "pk").values_list("pk", label)
    return [(str(key), name or str(key)[:8]) for key, name in rows]


def _prefilled(request, kind) -> dict:
    """From the link that led here: ``?copy=<id>`` of another one, ``?host=``, ``?service=<id>``, ``?upstream=<id>``."""
    values = {}
    if request.GET.get("copy"):
        values = _copied(kind, request.GET["copy"])
    for name, value in request.GET.items():
        if name in KINDS[kind].references:
            values[name] = {"id": value}
        elif isinstance(KINDS[kind].spec.fields.get(name), spec.String):
            values[name] = value
    return values


def _copied(kind, key) -> dict:
    if not spec.is_uuid(key):
        raise Http404
    values = get_object_or_404(KINDS[kind].model, pk=key).to_values()
    unique = {name for names in KINDS[kind].spec.unique for name in names if len(names) == 1}
    return {name: value for name, value in values.items() if name not in {*unique, *spec.CONTROL_FIELDS}}


def _form_page(request, form: EntityForm, context: dict, save: Callable[[dict, actions.Actor], Entity]):
    """Show the form; or fill in a preset; or save, and on problems show it again with nothing lost."""
    status = 200
    if request.method == "POST" and request.POST.get("preset"):
        form.fill_in(request.POST["preset"])
    elif request.method == "POST":
        saved = _saved(request, form, context, save)
        if "made" in context:
            return render(request, "catalog/key_made.html", context)  # in the answer itself: nothing else may keep it
        if saved is not None:
            return go_to(request, context["another"] if "another" in request.POST and "another" in context else saved)
        status = 409 if context.get("newer") else 400
    if form.kind == "services":
        context |= _host_help(form)
    return render(request, "catalog/entity_form.html", context | {"form": form}, status=status)


def _saved(request, form: EntityForm, context: dict, save) -> str | None:
    """The address to go on to, or None: then the form says what is wrong."""
    if not form.is_valid():
        return None
    try:
        with actions.batch(actor_of(request)) as edits:
            row = save(values := form.values(), edits.actor)
    except EntityInvalid as invalid:
        form.add_problems(invalid.problems)
    except EntityChanged as newer:
        context["newer"] = changes_since(newer.kind, newer.key, form.cleaned_data["version"])
        form.go_on_from(newer.version)
    except EntityNotFound as gone:
        raise Http404(str(gone)) from gone
    else:
        say_done(request, edits, f"Saved {KINDS[row.kind].label} {row.label}")
        if "entity" not in context and row.kind == "keyauth_credentials" and values["key"] is None:
            context |= {"made": row, "back": page_of(row)}
        return page_of(row)
    return None


def changes_since(kind, key, version) -> list[Change]:
    return list(Change.objects.filter(kind=kind, entity_id=key, version__gt=version).order_by("version"))


def _host_help(form: EntityForm) -> dict:
    """Names to pick from, and where the host that stands in the form leads."""
    host, port = form["host"].value(), form["port"].value()
    return {
        "upstream_names": Upstream.objects.order_by("name").values_list("name", flat=True),
        "destination": destination(host, port) if host and not form["host"].errors else None,
    }


@permitted("write", FROM_URL)
@editable
def delete(request, kind, entity_id):
    pages = PAGES[kind]
    row = get_object_or_404(pages.rows(), pk=entity_id)
    trail = [*crumbs(row), (row.label, reverse("entity", args=[kind, row.pk]))]
    context = {
        "pages": pages,
        "section": pages.section,
        "entity": row,
        "crumbs": trail,
        "back": page_of(row),
        "version": head_version(),
    }
    if request.method == "POST" and _deleted(request, row, context):
        return go_to(request, crumbs(row)[-1][1])
    context["deletion"] = actions.deletion_preview(kind, row.pk)
    status = 409 if request.method == "POST" else 200
    return render(request, "catalog/entity_delete.html", context, status=status)


def _deleted(request, row, context) -> bool:
    seen = request.POST.get("version", "")
    expected = int(seen) if seen.isdecimal() and len(seen) < 19 else None
    try:
        with actions.batch(actor_of(request)) as edits:
            actions.delete(kind=row.kind, entity_id=row.pk, actor=edits.actor, expected_version=expected)
    except EntityChanged as newer:
        context["newer"] = changes_since(newer.kind, newer.key, expected)
        return False
    except EntityInvalid:
        return False  # the preview says why
    except EntityNotFound:
        return True
    say_done(request, edits, f"Deleted {KINDS[row.kind].label} {row.label}")
    return True
