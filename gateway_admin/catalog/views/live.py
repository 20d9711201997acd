"""What the WebSocket of an upstream's page sends: the same fragments that the page itself is made of."""

import time

from django.template.loader import render_to_string

from gateway_admin.catalog.draining import in_flight
from gateway_admin.catalog.ejections import ejections
from gateway_admin.catalog.engine_reports import worker_reports
from gateway_admin.catalog.models import Target
from gateway_admin.catalog.ramps import ramps

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


def reported_of_upstream(upstream_id) -> dict:
    """What alone in the fragments follows from the reports of engines; to compare. Of targets on the move, with the
    second, as their time runs. At most two statements."""
    workers, second = worker_reports(), int(time.time())
    moving = {key: (fact, second) for found in (ramps(workers), in_flight(workers)) for key, fact in found.items()}
    found = ejections(workers) | moving
    own = Target.objects.filter(upstream=upstream_id, pk__in=found).values_list("pk", flat=True) if found else ()
    return {target_id: found[target_id] for target_id in own}


def count_fragments(counts: list[dict]) -> str:
    """The numbers in the bar on the left, ``count-<kind>``."""
    return "".join(render_to_string("parts/_nav_count.html", {"item": item}) for item in counts)
