"""What channels are sent."""

import base64
import hashlib
import hmac
import json

import pytest

from gateway_admin.alerts import messages
from gateway_admin.alerts.models import AlertDelivery

from .builders import NOON


def an_item(**values):
    item = {
        "id": "0b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11",
        "status": "firing",
        "rule": "Target down",
        "condition": "target_down",
        "subject": {"kind": "target", "id": "1b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11", "name": "10.0.0.1:80"},
        "upstream": "pool",
        "cause": "refused",
        "since": "2027-01-31T12:00:00.000Z",
        "resolvedAt": None,
    }
    return item | values


def test_a_webhook_carries_all_that_is_known():
    delivery = AlertDelivery(items=[an_item(), an_item(status="resolved", resolvedAt="2027-01-31T12:01:00.000Z")])
    message = json.loads(messages.webhook_body(delivery, NOON, "https://gateway.example/"))

    assert (message["type"], message["status"], message["sentAt"]) == ("alerts", "firing", "2027-01-31T12:00:00.000Z")
    assert [alert["status"] for alert in message["alerts"]] == ["firing", "resolved"]
    assert message["alerts"][0]["url"] == (
        "https://gateway.example/admin-ui/targets/1b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11/"
    )


@pytest.mark.parametrize("key", [b"\x00\x01key of any bytes" * 2, b"a plain text of some length"])
def test_its_signature_is_that_of_standard_webhooks(key):
    secret = "whsec_" + base64.b64encode(key).decode() if b"\x00" in key else key.decode()
    headers = messages.webhook_headers("msg_1", secret, b'{"a":1}', NOON)

    signed = b"msg_1." + headers["webhook-timestamp"].encode() + b'.{"a":1}'
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert int(headers["webhook-timestamp"]) == int(NOON.timestamp())


def test_slack_gets_one_text_in_which_nothing_is_markup():
    text = json.loads(messages.slack_body([an_item(cause="<!channel> & more\nlines")], "https://g.example"))["text"]

    assert "&lt;!channel&gt; &amp; more lines" in text
    assert "<https://g.example/admin-ui/targets/1b5f8a4e-8d5c-4e0f-9a53-2d7b8f3f6c11/|10.0.0.1:80> in pool" in text


def test_a_mail_names_each_alert_in_words():
    items = [an_item(), an_item(status="resolved", resolvedAt="2027-01-31T12:01:00.000Z")]
    text = messages.mail_text(items, "")

    assert "▲ Target down: 10.0.0.1:80 in pool\n  refused\n  since 2027-01-31T12:00:00.000Z" in text
    assert "over; it was: refused" in text
    assert messages.mail_subject(items) == "Gatehouse: 1 firing, 1 resolved: Target down, 10.0.0.1:80"


def test_a_subject_is_one_line():
    subject = messages.mail_subject([an_item(rule="a\r\nBcc: everybody@example.com")])
    assert not {"\r", "\n"} & set(subject)


def test_long_messages_end_with_a_count():
    items = [an_item() for _ in range(25)]
    assert messages.mail_text(items, "").endswith("and 5 more")
    assert json.loads(messages.slack_body(items, ""))["text"].endswith("and 5 more")


@pytest.mark.parametrize(
    ("statuses", "status"),
    [(["resolved"], "resolved"), (["resolved", "reminder"], "firing"), (["firing"], "firing"), (["test"], "test")],
)
def test_a_message_fires_while_any_of_its_alerts_does(statuses, status):
    assert messages.status_of([an_item(status=found) for found in statuses]) == status
