"""What is done to targets on their upstream's page: switch them on and off, set their weights."""

from dataclasses import replace

from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gateway_admin.catalog import actions
from gateway_admin.catalog.forms.fields import number
from gateway_admin.catalog.models import Target
from gateway_admin.common.htmx import go_to, wants_fragment
from gateway_admin.common.permissions import permitted
from gateway_admin.common.problems import EntityInvalid

from .details import crumbs, upstream_head
from .pages import PAGES
from .writes import actor_of, say_done


@permitted("write", "targets")
@require_POST
def switch(request, target_id, *, enabled):
    target = get_object_or_404(Target, pk=target_id)
    with actions.batch(actor_of(request)) as edits:
        actions.update(kind="targets", entity_id=target.pk, values={"enabled": enabled}, actor=edits.actor)
    return show(request, target.upstream_id, edits, f"{'Enabled' if enabled else 'Disabled'} {target.target}")


@permitted("write", "targets")
@require_POST
def set_weights(request, upstream_id):
    """All weights of the table in one batch; one that is wrong keeps all of them from being stored."""
    upstream = get_object_or_404(PAGES["upstreams"].rows(), pk=upstream_id)
    typed = _typed_weights(request, upstream_id)
    refused: dict[Target, str] = {}
    try:
        with actions.batch(actor_of(request)) as edits:
            for target, text in typed.items():
                _set_weight(target, text, edits.actor, refused)
            if refused:
                raise EntityInvalid([])
    except EntityInvalid:
        return _show_refused(request, upstream, typed, refused)
    return show(request, upstream_id, edits, "Saved the weights")


def _typed_weights(request, upstream_id) -> dict[Target, str]:
    typed = {target: request.POST.get(f"weight-{target.pk}") for target in Target.objects.filter(upstream=upstream_id)}
    return {target: text.strip() for target, text in typed.items() if text is not None}


def _set_weight(target, text, actor, refused) -> None:
    weight = number(text)
    if weight == target.weight:
        return
    try:
        actions.update(kind="targets", entity_id=target.pk, values={"weight": weight}, actor=actor)
    except EntityInvalid as invalid:
        refused[target] = invalid.problems[0].message


def show(request, upstream_id, edits, what):
    if not wants_fragment(request):
        say_done(request, edits, what)
        return go_to(request, reverse("entity", args=["upstreams", upstream_id]))
    upstream = get_object_or_404(PAGES["upstreams"].rows(), pk=upstream_id)
    return render(request, "catalog/_target_table.html", upstream_head(upstream))


def _show_refused(request, upstream, typed, refused):
    """The table again, with what was typed and what is wrong with it."""
    context = upstream_head(upstream)
    context["targets"] = [
        replace(
            view,
            weight_text=typed.get(view.target, view.weight_text),
            problem=refused.get(view.target, ""),
        )
        for view in context["targets"]
    ]
    if wants_fragment(request):
        return render(request, "catalog/_target_table.html", context)  # 200: htmx swaps only what went well
    pages = PAGES["upstreams"]
    context |= {"pages": pages, "section": "upstreams", "tab": pages.tab("")}
    context |= {"entity": upstream, "crumbs": crumbs(upstream)}
    return render(request, "catalog/entity.html", context, status=400)
