"""The audit, for admins: who was refused what, and who changed people, roles and tokens."""

from django.core.paginator import Paginator
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gateway_admin.accounts.auditing import DOORS, FILTERS, entries
from gateway_admin.common.audit_entry import AuditEntry
from gateway_admin.common.permissions import permitted
from gateway_admin.common.problems import EntityInvalid

SIZE = 50  # entries on a page


@permitted("read", "audit")
@require_safe
def audit(request):
    """What a URL says wrong narrows nothing, and is said."""
    filters = {name: text for name in FILTERS if (text := request.GET.get(name, "").strip())}
    try:
        rows, problems = entries(filters), []
    except EntityInvalid as invalid:
        rows, problems = AuditEntry.objects.all(), invalid.problems
    context = {
        "section": "audit",
        "page": Paginator(rows, SIZE).get_page(request.GET.get("page")),
        "filters": filters,
        "choices": (("outcome", "Outcome", AuditEntry.Outcome.values), ("via", "Door", DOORS)),
        "problems": problems,
    }
    return render(request, "accounts/audit.html", context, status=400 if problems else 200)
