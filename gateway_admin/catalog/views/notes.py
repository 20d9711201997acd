"""Small notes that a form fetches while one types."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from gateway_admin.catalog.forms.fields import name_of
from gateway_admin.common.permissions import FROM_URL, permitted

from .destinations import destination
from .listing import LONGEST_TEXT, search
from .page_shape import order
from .pages import PAGES

LONGEST_HOST = 255
OFFERED = 20  # names


@permitted("read", "upstreams")
@require_safe
def host_note(request):
    """Where a service with this host would send its requests."""
    host = request.GET.get("host", "").replace("\x00", "").strip()[:LONGEST_HOST]
    port = request.GET.get("port", "").strip()[:5]
    return render(request, "catalog/_host_note.html", {"destination": destination(host, port) if host else None})


@permitted("read", FROM_URL)
@require_safe
def names(request, kind):
    """Names of entities to pick from, for what is typed into a field, whatever it is called."""
    pages = PAGES[kind]
    text = next(request.GET.values(), "").replace("\x00", "").strip()[:LONGEST_TEXT]
    rows = search(pages.rows(), pages, text) if text else pages.rows()
    found = rows.order_by(*order(pages, next(iter(pages.sorts))))[:OFFERED]
    return render(request, "catalog/_names.html", {"names": [(name_of(row), row) for row in found], "pages": pages})
