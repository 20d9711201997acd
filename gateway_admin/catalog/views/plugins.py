"""Plugins: which one a new one shall be, and the switch in the lists."""

from __future__ import annotations

from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from gateway_admin.catalog import actions
from gateway_admin.catalog.models import Plugin
from gateway_admin.common.htmx import go_to, safe_next
from gateway_admin.common.permissions import permitted
from proxy_engine import spec

from . import edits
from .pages import PAGES
from .writes import actor_of, say_done


@permitted("write", "plugins")
@edits.editable
def new(request):
    """First which one (``?name=``), then its form. What else the address says goes along."""
    name = request.GET.get("name")
    if name in spec.PLUGINS or (name is None and "copy" in request.GET):
        return edits.create(request, kind="plugins")
    pages = PAGES["plugins"]
    bound = next((scope for scope in spec.plugins.SCOPES if scope in request.GET), None)
    context = {
        "pages": pages,
        "section": "plugins",
        "crumbs": [(pages.title, reverse("entity-list", args=["plugins"]))],
        "plugins": [plugin for plugin in spec.PLUGINS.values() if bound is None or bound in plugin.scopes],
        "bound": bound,
    }
    return render(request, "catalog/plugin_choice.html", context)


@permitted("write", "plugins")
@require_POST
def switch(request, plugin_id, *, enabled):
    """Goes back to the list it was pressed in."""
    plugin = get_object_or_404(Plugin, pk=plugin_id)
    with actions.batch(actor_of(request)) as batch:
        actions.update(kind="plugins", entity_id=plugin.pk, values={"enabled": enabled}, actor=batch.actor)
    say_done(request, batch, f"{'Enabled' if enabled else 'Disabled'} {plugin.label}")
    return go_to(request, safe_next(request, reverse("entity", args=["plugins", plugin.pk])))
