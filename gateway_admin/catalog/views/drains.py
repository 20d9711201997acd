"""Draining targets from the dashboard: one from its row, several from the list; and ending a drain."""

from django import forms
from django.contrib import messages
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from gateway_admin.catalog import actions
from gateway_admin.catalog.bulk import change_many
from gateway_admin.catalog.draining import REQUEST
from gateway_admin.catalog.forms.fields import field_for
from gateway_admin.catalog.models import Target
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import permitted
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec

from .listing import SIZES
from .pages import PAGES
from .targets import show
from .writes import actor_of, say_done

LABELS = {"seconds": "For at most", "then": "Then", "keep_sticky": "Let sticky clients stay"}
THEN_WORDS = {
    "off": "off – disable it, it keeps its weight",
    "remove": "remove – delete it",
    "return": "return – give it traffic again",
}


class DrainForm(forms.Form):
    def __init__(self, data=None):
        super().__init__(data, initial=REQUEST.fresh_default())
        for name, rule in REQUEST.fields.items():
            words = THEN_WORDS if name == "then" else ()
            self.fields[name] = field_for(rule, label=LABELS[name], options=(), words=words)

    def clean(self):
        """What cannot be read, and what the rules refuse; the rest with its defaults."""
        problems: list[spec.Problem] = []
        values = REQUEST.check({name: self.cleaned_data.get(name) for name in self.fields}, (), problems)
        for problem in problems:
            self.add_error(str(problem.path[0]), problem.message)
        return values


@permitted("write", "targets")
@require_http_methods(["GET", "HEAD", "POST"])
def drain(request):
    """First how, then (``confirmed``) the deed: all of them in one batch. What is gone meanwhile needs no drain."""
    asked = request.POST if request.method == "POST" else request.GET
    keys = [key for key in asked.getlist("pick")[: max(SIZES)] if spec.is_uuid(key)]
    picked = list(Target.objects.filter(pk__in=keys).select_related("upstream").order_by("target", "pk"))
    if not picked:
        messages.info(request, "No target was selected.")
        return go_to(request, reverse("entity-list", args=["targets"]))
    form = DrainForm(request.POST if "confirmed" in request.POST else None)
    if form.is_bound and form.is_valid() and _drained(request, picked, form):
        return go_to(request, _back(picked))
    context = {"pages": PAGES["targets"], "section": "targets", "picked": picked, "form": form, "back": _back(picked)}
    context["crumbs"] = [(PAGES["targets"].title, reverse("entity-list", args=["targets"]))]
    return render(request, "catalog/drain.html", context, status=400 if form.errors else 200)


def _drained(request, picked, form) -> bool:
    try:
        with actions.batch(actor_of(request)) as edits:
            change_many(
                rows=Target.objects.all(),
                action="drain",
                ids=[str(target.pk) for target in picked],
                tags=[],
                drain=form.cleaned_data,
                actor=edits.actor,
            )
    except EntityInvalid as invalid:
        form.add_error(None, "; ".join(problem.message for problem in invalid.problems))
        return False
    what = picked[0].target if len(picked) == 1 else f"{len(picked)} targets"
    say_done(request, edits, f"Draining {what}")
    return True


def _back(picked) -> str:
    """Where the progress is to be seen."""
    upstreams = {target.upstream_id for target in picked}
    if len(upstreams) == 1:
        return reverse("entity", args=["upstreams", upstreams.pop()])
    return reverse("entity-list", args=["targets"])


@permitted("write", "targets")
@require_POST
def undrain(request, target_id):
    target = get_object_or_404(Target, pk=target_id)
    with actions.batch(actor_of(request)) as edits:
        actions.update(kind="targets", entity_id=target.pk, values={"drain": None}, actor=edits.actor)
    return show(request, target.upstream_id, edits, f"Ended the drain of {target.target}")
