"""The lists and forms of rules, channels and silences, and the log of deliveries."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gateway_admin.accounts.authentication import author_of
from gateway_admin.alerts import actions, queries
from gateway_admin.alerts.conditions import CONDITIONS
from gateway_admin.alerts.kinds import CHANNELS
from gateway_admin.alerts.models import AlertChannel, AlertDelivery, AlertRule, AlertSilence
from gateway_admin.alerts.sending import send_test
from gateway_admin.common.htmx import go_to
from gateway_admin.common.permissions import permitted

from .board import frame

ROWS = 50
editable = require_http_methods(["GET", "HEAD", "POST"])


@permitted("read", "alerts")
@require_safe
def rule_list(request):
    names = queries.channel_names()
    rules = list(AlertRule.objects.all())
    for rule in rules:
        rule.words = CONDITIONS[rule.condition]
        rule.told = [names[id] for id in rule.channels if id in names]
    return render(request, "alerts/rules.html", frame("rules") | {"rules": rules, "has_channels": bool(names)})


@permitted("read", "alerts")
@require_safe
def channel_list(request):
    channels = list(AlertChannel.objects.all())
    for channel in channels:
        channel.last = channel.deliveries.exclude(state=AlertDelivery.State.WAITING).first()
    return render(request, "alerts/channels.html", frame("channels") | {"channels": channels})


@permitted("read", "alerts")
@require_safe
def silence_list(request):
    silences = AlertSilence.objects.select_related("rule")[:ROWS]
    return render(request, "alerts/silences.html", frame("silences") | {"silences": silences, "now": timezone.now()})


@permitted("read", "alerts")
@require_safe
def delivery_list(request):
    state = request.GET.get("state", "")
    if state and state not in AlertDelivery.State:
        raise Http404
    page = Paginator(queries.deliveries(state=state), ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "state": state, "states": AlertDelivery.State.values}
    return render(request, "alerts/deliveries.html", frame("deliveries") | context)


@permitted("write", "alerts")
@require_POST
def make_usual(request):
    made = actions.create_usual_rules(author=author_of(request))
    messages.success(request, f"Made {len(made)} rules.")
    return go_to(request, reverse("alert-rules"))


@permitted(CHANNELS.writes, "alerts")
@require_POST
def test(request, row_id):
    channel = get_object_or_404(AlertChannel, pk=row_id)
    delivery = send_test(channel)
    if delivery.state == AlertDelivery.State.SENT:
        messages.success(request, f"{channel.name} took the test: {delivery.answer}")
    else:
        messages.error(request, f"{channel.name} did not take the test: {delivery.answer}")
    return go_to(request, reverse("alert-channels"))


@permitted(CHANNELS.writes, "alerts")
@require_POST
def send_again(request, row_id):
    """What was given up is tried once more, and then as often as a new message."""
    delivery = get_object_or_404(AlertDelivery, pk=row_id)
    if actions.send_again(delivery=delivery, author=author_of(request)):
        messages.success(request, "It is on its way again.")
    return go_to(request, reverse("alert-deliveries"))
