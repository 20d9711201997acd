"""What the WebSocket of an upstream's page sends: the same fragments that the page itself is made of."""

from django.template.loader import render_to_string

from gateway_admin.catalog.ejections import ejections
from gateway_admin.catalog.models import Target

from .details import upstream_head
from .pages import PAGES
from .rows import entity_counts


def upstream_fragments(upstream_id, user) -> str:
    """The elements ``ready-<id>``, ``targets-<id>`` and the counts; empty when the upstream is gone. Runs queries."""
    upstream = PAGES["upstreams"].rows().filter(pk=upstream_id).first()
    if upstream is None:
        return ""
    context = upstream_head(upstream) | {"user": user}
    templates = ("catalog/_upstream_ready.html", "catalog/_target_table.html")
    return "".join(render_to_string(template, context) for template in templates) + count_fragments(entity_counts())


def upstream_ejections(upstream_id) -> dict:
    """What alone in the fragments follows from the reports of engines; to compare. At most two statements."""
    found = ejections()
    own = Target.objects.filter(upstream=upstream_id, pk__in=found).values_list("pk", flat=True) if found else ()
    return {target_id: found[target_id] for target_id in own}


def count_fragments(counts: list[dict]) -> str:
    """The numbers in the bar on the left, ``count-<kind>``."""
    return "".join(render_to_string("parts/_nav_count.html", {"item": item}) for item in counts)
