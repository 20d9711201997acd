"""The page of alerts: what fires, and what did."""

from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from gateway_admin.alerts.models import AlertRule
from gateway_admin.alerts.queries import alerts, firing_count, silence_of, silences_in_force
from gateway_admin.common.permissions import permitted

LISTED = 100

TABS = (
    ("", "Alerts", "alerts"),
    ("rules", "Rules", "alert-rules"),
    ("channels", "Channels", "alert-channels"),
    ("silences", "Silences", "alert-silences"),
    ("deliveries", "Deliveries", "alert-deliveries"),
)


def frame(tab: str) -> dict:
    """What every page of alerts needs."""
    return {"section": "alerts", "alert_tabs": TABS, "alert_tab": tab}


@permitted("read", "alerts")
@require_safe
def alert_board(request):
    return render(request, "alerts/alerts.html", frame("") | {"live": "/ws/alerts/"} | _board())


def board_fragments(user) -> str:
    """What the WebSocket of the page sends. Runs queries."""
    return render_to_string("alerts/_board.html", _board() | {"user": user}) + count_fragment()


def count_fragment() -> str:
    return render_to_string("alerts/_nav_count.html", {"firing": firing_count()})


def _board() -> dict:
    """Five statements."""
    silences = silences_in_force()
    firing, pending = (list(alerts(state=state)[:LISTED]) for state in ("firing", "pending"))
    for alert in firing:
        alert.silence = silence_of(alert, silences)
    return {
        "firing": firing,
        "pending": pending,
        "resolved": list(alerts(state="resolved").order_by("-resolved_at")[:LISTED]),
        "rule_count": AlertRule.objects.filter(enabled=True).count(),
        "silences": silences,
    }
