"""The engines in the top bar of every page."""

from django import template

from gateway_admin.monitoring.queries import engines

register = template.Library()


@register.inclusion_tag("monitoring/_engines.html", takes_context=True)
def engines_pill(context):
    return {"engines": context.get("engines") or engines()}
