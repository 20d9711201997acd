"""How the dashboard writes times, shares, states and stored values. Presentation only; everything is escaped."""

import json
from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html

from gateway_admin.common import roles

register = template.Library()

AGES = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))  # static/page.js keeps `ago` current with the same steps
JUST_NOW_S = 5
OLDEST_RELATIVE_S = 30 * 86_400


@register.filter
def ago(moment):
    """``3 min ago``, with the exact time on hover; a date when it is long ago."""
    if moment is None:
        return ""
    moment = as_moment(moment)
    seconds = (timezone.now() - moment).total_seconds()
    if seconds >= OLDEST_RELATIVE_S:
        return _time(moment, f"{moment:%Y-%m-%d}", ages=False)
    return _time(moment, "just now" if seconds < JUST_NOW_S else f"{_largest_unit(seconds)} ago", ages=True)


@register.filter
def lasting(moment):
    """``3 d 4 h``: how long something has been so; the moment it began on hover."""
    if moment is None:
        return ""
    moment = as_moment(moment)
    return _time(moment, duration((timezone.now() - moment).total_seconds()), ages=False)


@register.filter
def clock(moment):
    """``14:02:11`` today, ``2025-11-03 14:02`` before."""
    if moment is None:
        return ""
    moment = as_moment(moment)
    form = "%H:%M:%S" if moment.date() == timezone.now().date() else "%Y-%m-%d %H:%M"
    return _time(moment, moment.strftime(form), ages=False)


@register.filter
def duration(seconds):
    """The two largest units: ``3 d 4 h``, ``12 min``, ``40 s``."""
    rest = max(0, int(seconds))
    parts = []
    for unit, size in AGES:
        count, rest = divmod(rest, size)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}" if count or not parts else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def as_moment(moment):
    """A datetime, or unix seconds, in UTC."""
    return moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)


def _largest_unit(seconds):
    unit, size = next((unit, size) for unit, size in AGES if seconds >= size)
    return f"{int(seconds // size)} {unit}"


def _time(moment, text, *, ages):
    exact = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    pattern = (
        '<time datetime="{}" title="{}" data-ago>{}</time>' if ages else '<time datetime="{}" title="{}">{}</time>'
    )
    return format_html(pattern, moment.isoformat(), exact, text)


@register.filter
def percent(fraction):
    """``66.7 %`` of a fraction between 0 and 1; whole numbers without decimals."""
    if fraction is None:
        return "–"
    return f"{round(fraction * 100, 1):g} %"


@register.simple_tag
def share_bar(fraction):
    """A bar of 64 px. An SVG, because its width may stand in an attribute where styles may not (CSP)."""
    width = round(max(0.0, min(1.0, fraction or 0)) * 100, 1)
    return format_html(
        '<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width="{}" height="6"/></svg>',
        width,
    )


@register.simple_tag(takes_context=True)
def may(context, action, kind=None):
    """Whether the reader of the page may do this; where nobody knows who reads, nobody may."""
    return roles.may(context.get("user"), None, action, kind)


@register.simple_tag
def pill(state, word):
    """Status as colour, shape and word. ``state``: ok, warn, bad or off."""
    return format_html('<span class="pill {}">{}</span>', state, word)


@register.filter
def as_json(value):
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def as_text(value):
    """One stored value in one line, as a diff or a fact shows it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and all(isinstance(item, (str, int)) for item in value):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
