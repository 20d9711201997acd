"""Small notes that a form fetches while one types."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from gateway_admin.common.permissions import permitted

from .destinations import destination

LONGEST_HOST = 255


@permitted("read", "upstreams")
@require_safe
def host_note(request):
    """Where a service with this host would send its requests."""
    host = request.GET.get("host", "").replace("\x00", "").strip()[:LONGEST_HOST]
    port = request.GET.get("port", "").strip()[:5]
    return render(request, "catalog/_host_note.html", {"destination": destination(host, port) if host else None})
