"""Making, changing and deleting rules, channels and silences: three views, each with the right that its kind asks."""

from collections.abc import Callable

from django.contrib import messages
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from gateway_admin.accounts.authentication import author_of
from gateway_admin.alerts import actions
from gateway_admin.alerts.forms import form_of
from gateway_admin.alerts.kinds import CHANNELS, Kind
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import permitted
from gateway_admin.common.problems import EntityInvalid

from .board import frame


def _page(request, kind: Kind, template: str, *, status: int = 200, **more):
    crumbs = [("Alerts", reverse("alerts")), (f"{kind.name.title()}", reverse(f"alert-{kind.name}"))]
    context = frame(kind.name) | {"kind": kind, "crumbs": crumbs} | more
    return render(request, template, context, status=status)


def _create(request, kind: Kind):
    asked = {name: request.GET[name] for name in kind.fields.keys() & request.GET.keys()}
    form = form_of(kind, request.POST if request.method == "POST" else None, initial=asked)
    row = form.saved(lambda values: actions.create(kind=kind, values=values, author=author_of(request)))
    if row is None:
        return _page(request, kind, "alerts/form.html", form=form, status=400 if form.is_bound else 200)
    if kind is CHANNELS and row.type == "webhook" and "secret" not in form.values():
        return _page(request, kind, "alerts/secret.html", channel=row)
    messages.success(request, f"Made the {kind.label} {row}.")
    return go_to(request, reverse(f"alert-{kind.name}"))


def _edit(request, kind: Kind, row_id):
    row = get_object_or_404(kind.model, pk=row_id)
    form = form_of(kind, request.POST if request.method == "POST" else None, row)
    if form.saved(lambda values: actions.change(kind=kind, row=row, values=values, author=author_of(request))):
        messages.success(request, f"Saved {row}.")
        return go_to(request, reverse(f"alert-{kind.name}"))
    return _page(request, kind, "alerts/form.html", form=form, row=row, status=400 if form.is_bound else 200)


def _delete(request, kind: Kind, row_id):
    row = get_object_or_404(kind.model, pk=row_id)
    if request.method != "POST":
        return _page(request, kind, "alerts/delete.html", row=row)
    try:
        actions.delete(kind=kind, row=row, author=author_of(request))
    except EntityInvalid as refused:
        messages.error(request, f"Not deleted: {refused.problems[0].message}.")
    else:
        messages.success(request, f"Deleted the {kind.label} {row}.")
    return go_to(request, reverse(f"alert-{kind.name}"))


def views_of(kind: Kind) -> dict[str, Callable]:
    """``new``, ``edit`` and ``delete``; to be called with ``kind``."""
    guard, editable = permitted(kind.writes, "alerts"), require_http_methods(["GET", "HEAD", "POST"])
    return {"new": guard(editable(_create)), "edit": guard(editable(_edit)), "delete": guard(editable(_delete))}
