"""What every writing view does around its action: say who acts, and tell the reader what came of it."""

from django.contrib import messages
from django.urls import reverse

from gateway_admin.catalog.changes import Actor, Batch
from gateway_admin.catalog.deletion import without_upstream
from gateway_admin.common.peers import client_address


def actor_of(request, via: str = "ui") -> Actor:
    return Actor(request.user.get_username(), via, client_address(request))


def say_done(request, edits: Batch, what: str) -> None:
    """``Saved … as version 42``; the page then follows version 42 until every engine runs it."""
    if not edits.changes:
        messages.info(request, "Nothing was changed: everything stood so already.")
        return
    messages.success(request, f"{what} as version {edits.version}.", extra_tags=_where_to_ask(edits))
    for change in edits.changes:
        for warning in without_upstream(change.kind, change.before, change.after):
            messages.warning(request, f"{warning}.")


def _where_to_ask(edits: Batch) -> str:
    address, committed_at = reverse("version-live", args=[edits.version]), edits.committed_at()
    return f"{address}?committed={committed_at.timestamp() * 1000:.3f}" if committed_at else address
