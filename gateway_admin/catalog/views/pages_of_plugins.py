"""The pages of plugins."""

from __future__ import annotations

from django.db.models import Q

from proxy_engine import spec

from . import rows
from .page_shape import CONFIGURATION, HISTORY, SETTINGS, Choices, Pages, one_of

_SCOPES = spec.plugins.SCOPES

POLICIES = Pages(
    kind="plugins",
    group="Policy",
    may_clone=True,
    says="Policies in the path of requests.",
    purpose="A plugin is a policy: a limit, a check of who asks, a change of headers; for all requests or for some.",
    search=("name", "instance_name", "service__name", "route__name", "consumer__username", "tags"),
    search_hint="Plugin, service, route, consumer or tag",
    sorts={"name": "name", "updated": "updated_at"},
    choices=(
        one_of("name", "Plugin", spec.PLUGINS),
        Choices(
            "scope",
            "Acts on",
            {"global": ("all requests", Q(**dict.fromkeys(_SCOPES)))}
            | {scope: (f"one {scope}", ~Q(**{scope: None})) for scope in _SCOPES},
        ),
        Choices("state", "State", {name: (name, Q(enabled=name == "enabled")) for name in ("enabled", "disabled")}),
    ),
    tabs=(SETTINGS, CONFIGURATION, HISTORY),
    table="catalog/_plugin_table.html",
    rows=rows.plugin_rows,
)
