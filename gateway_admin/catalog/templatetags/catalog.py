"""Template tags about entities: the counts of the bar, sortable columns, states and changes in words."""

from collections import Counter

from django import template
from django.utils.html import format_html

from gateway_admin.catalog.differences import edits_of
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.views.certificates import Ending
from gateway_admin.catalog.views.effects import not_yet
from gateway_admin.catalog.views.pages import PAGES, owner_of
from gateway_admin.catalog.views.rows import entity_counts
from gateway_admin.catalog.views.states import Readiness

register = template.Library()

TROUBLES = {"upstreams": "with unhealthy targets", "targets": "unhealthy"}
TROUBLES |= dict.fromkeys(("certificates", "ca_certificates"), "ended or ending within 30 days")

CHANNELS = {
    "ui": "dashboard",
    "api": "API",
    "kong": "Kong API",
    "import": "import",
    "rollback": "rollback",
    "task": "task",
    "system": "the system",
}


@register.simple_tag(takes_context=True)
def nav_counts(context):
    """Each kind with how many there are and how many have something wrong; the overview has counted already."""
    return context.get("counts") or entity_counts()


@register.filter
def by_group(counts):
    """The counts as the bar shows them: (group, its kinds)."""
    groups = {}
    for item in counts:
        groups.setdefault(PAGES[item["kind"]].group, []).append(item)
    return groups.items()


@register.filter
def plural(kind):
    return PAGES[kind].title


@register.filter
def trouble(kind):
    """What is wrong with those of a kind that are counted as troubled."""
    return TROUBLES[kind]


register.filter(not_yet)


@register.filter
def ending(moment):
    return Ending(moment)


@register.filter
def owner(row):
    return owner_of(row)


@register.filter
def counted(rows):
    """``2 API keys, 1 plugin``."""
    counts = Counter(row.kind for row in rows)
    return ", ".join(f"{n} {KINDS[kind].label if n == 1 else PAGES[kind].many}" for kind, n in counts.items())


@register.simple_tag(takes_context=True)
def sort_head(context, name, title, css=""):
    """A column's head that sorts by it; once more turns the order round."""
    listing, query = context["listing"], context["request"].GET.copy()
    is_current = listing.sort.removeprefix("-") == name
    is_descending = is_current and listing.sort.startswith("-")
    query["sort"] = name if is_descending or not is_current else f"-{name}"
    query.pop("page", None)
    address = f"{context['request'].path}?{query.urlencode()}"
    state = {True: "descending", False: "ascending"}[is_descending] if is_current else ""
    sort = format_html(' aria-sort="{}"', state) if state else ""
    return format_html(
        '<th class="{}"{}><a href="{}" hx-get="{}" id="sort-{}">{}</a></th>', css, sort, address, address, name, title
    )


@register.filter
def readiness(upstream):
    """Of a row of the upstream list, which counted its targets."""
    return Readiness(upstream.ready_count, upstream.target_count, upstream.troubled_count)


@register.filter
def edits(change):
    return edits_of(change)


@register.filter
def verb(change):
    if change.before is None:
        return "created"
    return "deleted" if change.after is None else "changed"


@register.filter
def channel(change):
    return CHANNELS.get(change.via, change.via)


@register.filter
def singular(kind):
    return KINDS[kind].label if kind in KINDS else kind
