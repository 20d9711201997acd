"""What channels are sent. Pure: from the items of a delivery to bytes and texts.

A webhook gets JSON, signed as Standard Webhooks (standardwebhooks.com) says:

    webhook-id: 0197…                       of the message: the same for each try, so that receivers can drop repeats
    webhook-timestamp: 1796000000           unix seconds of this try
    webhook-signature: v1,BASE64            HMAC-SHA256 of "{id}.{timestamp}.{body}" with the channel's secret:
                                            base64 behind "whsec_", or the characters of any other text

    {"type": "alerts", "status": "firing", "sentAt": "…", "alerts": [
      {"id": "…", "status": "firing", "rule": "Target down", "condition": "target_down", "subject": {"kind": "target",
       "id": "…", "name": "10.0.0.1:80"}, "upstream": "pool", "cause": "3 of 3 HTTP failures: 503, 503, 503",
       "since": "…", "resolvedAt": null, "url": "https://…"}]}

``status`` of the message: firing if any of its alerts fires, else resolved; test for a test.
"""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import TypedDict

from gateway_admin.common.envelope import timestamp

from .models import Alert, AlertChannel, AlertDelivery

JSON_HEADERS = {"content-type": "application/json"}
SECRET_MARK = "whsec_"
MOST_LINES = 20  # alerts that a text names; the rest is counted
MARKS = {"firing": "▲", "reminder": "▲", "resolved": "●", "test": "○"}
_SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Item(TypedDict):
    id: str
    status: str  # firing, reminder, resolved, test
    rule: str
    condition: str
    subject: dict[str, str]  # kind, id, name
    upstream: str
    cause: str
    since: str
    resolvedAt: str | None


def item_of(alert: Alert, status: str) -> Item:
    return {
        "id": str(alert.pk),
        "status": status,
        "rule": alert.rule_name,
        "condition": alert.condition,
        "subject": {"kind": alert.subject_kind, "id": alert.subject_id, "name": alert.label},
        "upstream": alert.upstream,
        "cause": alert.cause,
        "since": timestamp(alert.since),
        "resolvedAt": alert.resolved_at and timestamp(alert.resolved_at),
    }


def test_item(channel: AlertChannel, now: datetime) -> Item:
    return {
        "id": str(channel.pk),
        "status": "test",
        "rule": "Test",
        "condition": "test",
        "subject": {"kind": "channel", "id": str(channel.pk), "name": channel.name},
        "upstream": "",
        "cause": "somebody pressed the test button; nothing is wrong",
        "since": timestamp(now),
        "resolvedAt": None,
    }


def status_of(items: list[Item]) -> str:
    found = {item["status"] for item in items}
    if "test" in found:
        return "test"
    return "firing" if found & {"firing", "reminder"} else "resolved"


def title_of(items: list[Item]) -> str:
    firing = sum(item["status"] in ("firing", "reminder") for item in items)
    resolved = sum(item["status"] == "resolved" for item in items)
    if not firing and not resolved:
        return "Gatehouse: a test"
    parts = [f"{firing} firing" if firing else "", f"{resolved} resolved" if resolved else ""]
    first = next(item for item in items if item["status"] != "resolved") if firing else items[0]
    return f"Gatehouse: {', '.join(filter(None, parts))}: {first['rule']}, {first['subject']['name']}"


def webhook_body(delivery: AlertDelivery, now: datetime, dashboard: str) -> bytes:
    alerts = [item | {"url": address_of(item, dashboard)} for item in delivery.items]
    message = {"type": "alerts", "status": status_of(delivery.items), "sentAt": timestamp(now), "alerts": alerts}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def webhook_headers(message_id: str, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    sent_at = str(int(now.timestamp()))
    digest = hmac.new(signing_key(secret), f"{message_id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    return {
        **JSON_HEADERS,
        "webhook-id": message_id,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def signing_key(secret: str) -> bytes:
    if secret.startswith(SECRET_MARK):
        try:
            return base64.b64decode(secret.removeprefix(SECRET_MARK), validate=True)
        except ValueError:
            pass
    return secret.encode()


def slack_body(items: list[Item], dashboard: str) -> bytes:
    """Slack's incoming webhooks; Mattermost, Rocket.Chat and Discord (``/slack``) take it too."""
    lines = [f"*{title_of(items).translate(_SLACK_ESCAPES)}*"]
    for item in items[:MOST_LINES]:
        name, address = item["subject"]["name"].translate(_SLACK_ESCAPES), address_of(item, dashboard)
        place = f"<{address}|{name}>" if address else name
        rest = f"{_of(item)}: {_told(item)}".translate(_SLACK_ESCAPES)
        lines.append(f"{MARKS[item['status']]} {place}{rest}".translate(_NO_BREAKS))
    lines += _rest(items)
    return json.dumps({"text": "\n".join(lines)}).encode()


_NO_BREAKS = str.maketrans("\r\n", "  ")


def mail_text(items: list[Item], dashboard: str) -> str:
    lines = []
    for item in items[:MOST_LINES]:
        lines += [
            f"{MARKS[item['status']]} {item['rule']}: {item['subject']['name']}{_of(item)}",
            f"  {_told(item)}",
            f"  since {item['since']}" + (f", over at {item['resolvedAt']}" if item["resolvedAt"] else ""),
        ]
        lines += [f"  {address}"] if (address := address_of(item, dashboard)) else []
        lines.append("")
    return "\n".join([*lines, *_rest(items)])


def mail_subject(items: list[Item]) -> str:
    """In one line: a name with a line break would begin a header (CWE-93)."""
    return title_of(items).translate(_NO_BREAKS)[:200]


def _of(item: Item) -> str:
    upstream = item["upstream"]
    return f" in {upstream}" if upstream and upstream != item["subject"]["name"] else ""


def _told(item: Item) -> str:
    if item["status"] == "resolved":
        return f"over; it was: {item['cause']}"
    return f"still: {item['cause']}" if item["status"] == "reminder" else item["cause"]


def _rest(items: list[Item]) -> list[str]:
    left = len(items) - MOST_LINES
    return [f"and {left} more"] if left > 0 else []


def address_of(item: Item, dashboard: str) -> str:
    """Of the page about it. ``dashboard``: the address that people reach it by; empty where nobody said."""
    if not dashboard:
        return ""
    kind, id = item["subject"]["kind"], item["subject"]["id"]
    place = f"{kind}s/{id}/" if kind in ("target", "upstream") else "alerts/"
    return f"{dashboard.rstrip('/')}/admin-ui/{place}"
