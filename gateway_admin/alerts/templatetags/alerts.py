"""The number of alerts in the bar on the left of every page."""

from django import template

from gateway_admin.alerts.queries import firing_count

register = template.Library()


@register.inclusion_tag("alerts/_nav_count.html")
def alert_count():
    return {"firing": firing_count()}
