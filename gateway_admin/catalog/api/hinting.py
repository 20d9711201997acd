"""What the forms say under a field, for clients of REST: settings that are allowed and yet do nothing."""

from gateway_admin.catalog.forms.hints import hints
from gateway_admin.catalog.models import Upstream
from gateway_admin.catalog.neighbours import neighbours
from gateway_admin.common.models import Entity
from proxy_engine.spec import Problem

from .names import field_of


def without_effect(entity: Entity) -> list[str]:
    """``field: why``. Of upstreams, whose many settings depend on each other. Two statements."""
    if entity.kind != Upstream.kind:
        return []
    values = entity.to_values()
    found = hints(entity.kind, values, neighbours(entity.kind, values))
    return [f"{field_of(entity.kind, Problem(tuple(path.split('.')), ''))}: {text}" for path, text in found.items()]
