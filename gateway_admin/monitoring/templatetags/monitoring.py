"""The engines in the top bar of every page, and how the timeline writes shares and strips."""

from math import floor

from django import template
from django.utils.html import format_html, format_html_join

from gateway_admin.monitoring.checks.recent import MOST, Probe
from gateway_admin.monitoring.queries import engines
from gateway_admin.monitoring.uptime import CELLS, Strip

register = template.Library()


@register.inclusion_tag("monitoring/_engines.html", takes_context=True)
def engines_pill(context):
    return {"engines": context.get("engines") or engines()}


@register.filter
def share_of_time(share):
    """``99.98 %``, rounded down: 100 % is only what never failed."""
    return "–" if share is None else f"{floor(share * 10_000) / 100:g} %"


@register.filter
def by_window(shares, window):
    return shares[window]


@register.simple_tag
def day_strip(strip: Strip):
    """The last 24 hours as an SVG, for colours stand in the stylesheet and places in attributes (CSP)."""
    runs = format_html_join(
        "", '<rect class="{}" x="{}" width="{}" height="10"/>', ((state, x, width) for x, width, state in strip.runs)
    )
    return format_html(
        '<svg class="strip" viewBox="0 0 {} 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        CELLS,
        f"the last 24 hours: down {strip.downs} time{'' if strip.downs == 1 else 's'}",
        runs,
    )


@register.simple_tag
def probe_bars(probes: list[Probe]):
    """The last checks, oldest on the left: what failed is as high as can be, so that it shows without its colour."""
    heights = {"success": 6, "failure": 10, "ignored": 3}
    bars = (
        (probe.counts_as, 4 * place, 10 - heights[probe.counts_as], heights[probe.counts_as])
        for place, probe in enumerate(reversed(probes), MOST - len(probes))
    )
    failed = sum(probe.counts_as == "failure" for probe in probes)
    return format_html(
        '<svg class="probes" viewBox="0 0 {} 10" role="img" aria-label="{}">{}</svg>',
        4 * MOST,
        f"{failed} of the last {len(probes)} checks failed",
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="3" height="{}"/>', bars),
    )


@register.filter
def moment_of(probe: Probe):
    """Unix seconds, for the filters that write times."""
    return probe.at_ms / 1000
