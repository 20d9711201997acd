"""Messages on their way: to a receiver that behaves in one way each, and to mail servers."""

import asyncio
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from smtplib import SMTPException

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.utils import timezone

from gateway_admin.alerts import messages, sending
from gateway_admin.alerts.actions import send_again
from gateway_admin.alerts.evaluating import enqueue
from gateway_admin.alerts.models import AlertDelivery
from gateway_admin.alerts.sending import PAUSES_S, send_due, send_test
from gateway_admin.common.installation import MailServer
from tests.gateway_admin.monitoring.servers import nobody_listening

from .builders import ALICE, a_channel, a_mail_channel
from .test_messages import an_item

pytestmark = pytest.mark.django_db
WAIT_S = 10


@contextmanager
def a_receiver(*statuses, extra="", body=b"thanks"):
    """Answers with these, the last one for ever; yields its address and the requests it got (head, body)."""
    got, ready, loop = [], threading.Event(), asyncio.new_event_loop()
    left = list(statuses) or [200]

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        got.append((head.decode().lower(), await reader.readexactly(length)))
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)
        await writer.drain()
        writer.close()

    def serve():
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
        got_address.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?x=1")
        ready.set()
        loop.run_forever()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()

    got_address: list[str] = []
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(WAIT_S)
    try:
        yield got_address[0], got
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)


def a_message(channel, **item):
    enqueue(channel, an_item(**item), timezone.now() - timedelta(seconds=1))
    return AlertDelivery.objects.get(channel=channel)


def test_a_webhook_is_posted_once_and_signed():
    with a_receiver() as (address, got):
        channel = a_channel(url=address)
        message = a_message(channel)
        assert (send_due(), send_due()) == (1, 0)
    [(head, body)] = got
    assert head.startswith("post /hook?x=1 http/1.1\r\n")
    assert f"webhook-id: {message.pk}" in head
    signed_at = head.split("webhook-timestamp: ")[1].split("\r\n")[0]
    at = datetime.fromtimestamp(int(signed_at), UTC)
    expected = messages.webhook_headers(str(message.pk), channel.secret, body, at)["webhook-signature"]
    assert expected.lower() in head  # which is lower-case here
    assert json.loads(body)["alerts"][0]["cause"] == "refused"
    message.refresh_from_db()
    assert (message.state, message.attempts, message.answer) == ("sent", 1, "200 thanks")


def test_what_failed_is_tried_again_later_and_later_and_then_given_up():
    with a_receiver(503) as (address, got):
        message = a_message(a_channel(url=address))
        now = timezone.now()
        pauses = []
        for _ in range(len(PAUSES_S) + 1):
            assert send_due(now=now) == 1
            message.refresh_from_db()
            if message.next_at:
                pauses.append((message.next_at - timezone.now()).total_seconds())
                now = message.next_at
    assert all(0.8 < pause / expected < 1.2 for pause, expected in zip(pauses, PAUSES_S, strict=True))
    assert (message.state, message.attempts, len(got)) == ("failed", len(PAUSES_S) + 1, len(PAUSES_S) + 1)
    assert {head.split("webhook-id: ")[1].split("\r\n")[0] for head, _ in got} == {str(message.pk)}


def test_a_receiver_that_is_gone_is_not_asked_again():
    with a_receiver(410) as (address, _):
        message = a_message(a_channel(url=address))
        send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("failed", 1)


def test_a_redirect_is_not_followed():
    with a_receiver() as (elsewhere, got), a_receiver(302, extra=f"Location: {elsewhere}\r\n") as (address, _):
        message = a_message(a_channel(url=address))
        send_due()
    message.refresh_from_db()
    assert (message.state, got) == ("waiting", [])
    assert message.answer.startswith("302")


def test_nobody_there_is_said_in_words():
    with nobody_listening() as address:
        message = a_message(a_channel(url=f"http://{address}/"))
        send_due()
    message.refresh_from_db()
    assert message.state == "waiting"
    assert "connect" in message.answer.lower()


def test_an_answer_is_kept_in_one_short_line():
    with a_receiver(500, body=b"line\r\nline\x1b[31m" + b"x" * 5000) as (address, _):
        message = a_message(a_channel(url=address))
        send_due()
    message.refresh_from_db()
    assert message.answer.isprintable()
    assert len(message.answer) <= sending.MAX_ANSWER


def test_a_name_that_leads_to_the_clouds_own_address_is_refused(monkeypatch):
    async def resolve(self, host, port=0, family=0):
        return [{"hostname": host, "host": "169.254.169.254", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(sending.ThreadedResolver, "resolve", resolve)
    message = a_message(a_channel(url="http://metadata.example/"))
    send_due()
    message.refresh_from_db()
    assert "not allowed" in message.answer


def test_a_message_is_claimed_by_one_sender():
    message = a_message(a_channel())
    now = timezone.now()
    assert sending._claim(message.pk, now) is not None
    assert sending._claim(message.pk, now) is None
    assert sending._claim(message.pk, now + sending.LEASE) is not None  # whoever had it died


def test_a_message_for_a_deleted_channel_is_given_up():
    channel = a_channel()
    message = a_message(channel)
    channel.delete()
    send_due()
    message.refresh_from_db()
    assert (message.state, message.channel_name) == ("failed", channel.name)


def test_slack_gets_its_text():
    with a_receiver() as (address, got):
        a_message(a_channel(type="slack", url=address))
        send_due()
    assert json.loads(got[0][1])["text"].startswith("*Gatehouse: 1 firing: Target down, 10.0.0.1:80*")
    assert "webhook-signature" not in got[0][0]


def test_a_test_goes_out_at_once_and_only_once():
    with a_receiver(503) as (address, got):
        delivery = send_test(a_channel(url=address))
    assert (delivery.state, delivery.answer, len(got)) == ("failed", "503 thanks", 1)
    assert json.loads(got[0][1])["status"] == "test"
    assert send_due() == 0


def test_what_was_given_up_can_be_sent_again():
    channel = a_channel()
    message = a_message(channel)
    assert not send_again(delivery=message, author=ALICE)
    AlertDelivery.objects.update(state="failed", next_at=None, attempts=8)
    assert send_again(delivery=message, author=ALICE)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 0)


# --- E-mail ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mail_server(settings):
    settings.MAIL = MailServer("mail.example")
    settings.DEFAULT_FROM_EMAIL = "gateway@example.com"


def test_a_mail_goes_to_all_recipients(mail_server):
    message = a_message(a_mail_channel(recipients=["a@example.com", "b@example.com"]))
    send_due()
    [sent] = mail.outbox
    assert (sent.to, sent.from_email) == (["a@example.com", "b@example.com"], "gateway@example.com")
    assert sent.subject == "Gatehouse: 1 firing: Target down, 10.0.0.1:80"
    message.refresh_from_db()
    assert (message.state, message.answer) == ("sent", "taken for 2 recipients")


def test_without_a_mail_server_it_is_said_which_setting_is_missing():
    delivery = send_test(a_mail_channel())
    assert (delivery.state, delivery.answer) == ("failed", "no mail server is set: GATEWAY_MAIL_URL")


def test_a_mail_server_that_refuses_is_asked_again(mail_server, monkeypatch):
    def refuse(self, messages):
        raise SMTPException("mailbox\r\nfull")

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)
    message = a_message(a_mail_channel())
    send_due()
    message.refresh_from_db()
    assert (message.state, message.answer) == ("waiting", "mailbox full")
