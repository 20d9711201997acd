"""Lists of entities, deleting several at once, and the search over everything."""

from django.contrib import messages
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from gateway_admin.catalog.actions import batch, delete, deletion_preview
from gateway_admin.common.htmx import go_to, render_page
from gateway_admin.common.permissions import FROM_URL, permitted
from gateway_admin.common.problems import EntityInvalid, EntityNotFound

from .listing import LONGEST_TEXT, SIZES, Listing, search
from .page_shape import order
from .pages import PAGES
from .writes import actor_of, say_done

FOUND_OF_A_KIND = 10  # results shown of each kind


@permitted("read", FROM_URL)
@require_safe
def entity_list(request, kind):
    pages = PAGES[kind]
    context = {"pages": pages, "section": pages.section, "listing": Listing(pages, request.GET)}
    return render_page(request, "catalog/entity_list.html", pages.table, context)


@permitted("write", FROM_URL)
@require_POST
def bulk_delete(request, kind):
    """First what would go, then (``confirmed``) the deed: all of it or nothing."""
    pages = PAGES[kind]
    picked = list(_picked(kind, request.POST.getlist("pick")[: max(SIZES)]))
    back = reverse("entity-list", args=[kind])
    if not picked:
        messages.info(request, f"No {pages.label} was selected.")
        return go_to(request, back)
    refused = []
    if "confirmed" in request.POST:
        try:
            with batch(actor_of(request)) as edits:
                for deletion in picked:
                    _delete_if_there(kind, deletion.entity.pk, edits.actor)
        except EntityInvalid as invalid:
            refused = invalid.problems
        else:
            say_done(request, edits, f"Deleted {len(picked)} {pages.label if len(picked) == 1 else pages.many}")
            return go_to(request, back)
    context = {"pages": pages, "section": pages.section, "picked": picked, "refused": refused}
    context["crumbs"] = [(pages.title, back)]
    context["deletable"] = sum(not deletion.forbidden for deletion in picked)
    return render(request, "catalog/bulk_delete.html", context, status=409 if refused else 200)


def _picked(kind, ids):
    for key in ids:
        try:
            yield deletion_preview(kind, key)
        except EntityNotFound:
            continue  # gone meanwhile, which is what was wanted


def _delete_if_there(kind, key, actor):
    try:
        delete(kind=kind, entity_id=key, actor=actor)
    except EntityNotFound:
        pass


@permitted("read", "config")
@require_safe
def search_all(request):
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_TEXT]
    found = [_found(pages, text) for pages in PAGES.values()] if text else []
    context = {"search_text": text, "found": [result for result in found if result["rows"]]}
    return render(request, "catalog/search.html", context)


def _found(pages, text):
    """One more than is shown tells whether there are more."""
    ordered = search(pages.rows(), pages, text).order_by(*order(pages, next(iter(pages.sorts))))
    rows = list(ordered[: FOUND_OF_A_KIND + 1])
    return {"pages": pages, "rows": rows[:FOUND_OF_A_KIND], "has_more": len(rows) > FOUND_OF_A_KIND}
