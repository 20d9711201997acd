"""The hint for open pages that alerts changed."""

from gateway_admin.common.notices import tell

ALERTS = "alerts"


def announce_alerts() -> None:
    tell([ALERTS], {"type": "alerts.changed"}, otherwise="open pages could not be told of alerts")
