"""Messages on their way: claimed by a conditional UPDATE, tried, and tried again with growing pauses.

A claim holds for ``LEASE``; when its process dies, the next one tries again, so a message may come twice and never gets
lost. Its id is the same each time. What the other side answered stands in the row.
"""

import asyncio
import logging
import smtplib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform

import aiohttp
from aiohttp.resolver import ThreadedResolver
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import F
from django.utils import timezone

from . import messages
from .models import AlertChannel, AlertDelivery
from .notices import announce_alerts
from .rules import is_forbidden_address

log = logging.getLogger(__name__)

MOST_AT_ONCE = 50  # messages that one task takes
TIMEOUT_S = 10.0
LEASE = timedelta(seconds=60)
PAUSES_S = (10, 30, 120, 600, 1800, 3600, 7200)  # before the second try, the third …; then it is given up
GONE = 410  # standardwebhooks.com: the receiver wants no more of these
MAX_ANSWER = 300  # characters that are kept of an answer
WAITING, SENT, FAILED = AlertDelivery.State.WAITING, AlertDelivery.State.SENT, AlertDelivery.State.FAILED


@dataclass(frozen=True)
class Outcome:
    """``is_final``: trying again would not help."""

    is_sent: bool
    answer: str
    is_final: bool = False


def send_due(*, now: datetime | None = None) -> int:
    """How many messages were tried."""
    now = now or timezone.now()
    due = AlertDelivery.objects.filter(state=WAITING, next_at__lte=now).order_by("next_at")
    claimed = [delivery for pk in due.values_list("pk", flat=True)[:MOST_AT_ONCE] if (delivery := _claim(pk, now))]
    _send(claimed)
    return len(claimed)


def send_test(channel: AlertChannel) -> AlertDelivery:
    """At once, and once: whoever pressed the button waits for the answer."""
    now = timezone.now()
    delivery = AlertDelivery.objects.create(
        channel=channel,
        channel_name=channel.name,
        is_test=True,
        items=[messages.test_item(channel, now)],
        attempts=1,
        next_at=now + LEASE,
    )
    _send([delivery])
    return delivery


def _claim(pk, now: datetime) -> AlertDelivery | None:
    waiting = AlertDelivery.objects.filter(pk=pk, state=WAITING, next_at__lte=now)
    if not waiting.update(next_at=now + LEASE, attempts=F("attempts") + 1):
        return None
    return AlertDelivery.objects.select_related("channel").get(pk=pk)


def _send(deliveries: list[AlertDelivery]) -> None:
    by_mail = [delivery for delivery in deliveries if delivery.channel and delivery.channel.type == "email"]
    for delivery in by_mail:
        _settle(delivery, _mailed(delivery))
    posted = [delivery for delivery in deliveries if delivery not in by_mail]
    if posted:
        for delivery, outcome in zip(posted, asyncio.run(_post_all(posted)), strict=True):
            _settle(delivery, outcome)
    if deliveries:
        announce_alerts()


def _settle(delivery: AlertDelivery, outcome: Outcome) -> None:
    now = timezone.now()
    delivery.answer = outcome.answer[:MAX_ANSWER]
    may_repeat = not outcome.is_final and not delivery.is_test and delivery.attempts <= len(PAUSES_S)
    if not outcome.is_sent and may_repeat:
        pause_s = PAUSES_S[delivery.attempts - 1] * uniform(0.9, 1.1)
        delivery.next_at = now + timedelta(seconds=pause_s)
    else:
        delivery.state, delivery.next_at, delivery.done_at = (SENT if outcome.is_sent else FAILED), None, now
    if delivery.state == FAILED:
        log.error("alerts for %a could not be delivered: %a", delivery.channel_name, delivery.answer)
    delivery.save(update_fields=["answer", "next_at", "state", "done_at"])


# --- Webhooks --------------------------------------------------------------------------------------------------------


class Resolver(ThreadedResolver):
    """Without the addresses that only this machine's cloud answers, whatever the name that leads there."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        found = [
            entry for entry in await super().resolve(host, port, family) if not is_forbidden_address(entry["host"])
        ]
        if not found:
            raise OSError(None, "it leads to an address that is not allowed")
        return found


async def _post_all(deliveries: Iterable[AlertDelivery]) -> list[Outcome]:
    connector = aiohttp.TCPConnector(resolver=Resolver())
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as client:
        return await asyncio.gather(*(_post(client, delivery) for delivery in deliveries))


async def _post(client: aiohttp.ClientSession, delivery: AlertDelivery) -> Outcome:
    channel = delivery.channel
    if channel is None or not channel.enabled:
        return Outcome(False, "the channel was switched off or deleted", is_final=True)
    now = timezone.now()
    if channel.type == "slack":
        body, headers = messages.slack_body(delivery.items, settings.DASHBOARD_URL), messages.JSON_HEADERS
    else:
        body = messages.webhook_body(delivery, now, settings.DASHBOARD_URL)
        headers = messages.webhook_headers(str(delivery.pk), channel.secret, body, now)
    try:
        # Redirects are not followed: they would lead past the check of the address, and the body with them.
        async with client.post(channel.url, data=body, headers=headers, allow_redirects=False) as response:
            text = (await response.content.read(MAX_ANSWER)).decode(errors="replace")
            answer = f"{response.status} {text}".strip()
            return Outcome(200 <= response.status < 300, _in_one_line(answer), is_final=response.status == GONE)
    except TimeoutError:
        return Outcome(False, f"no answer within {TIMEOUT_S:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(False, _in_one_line(str(error) or type(error).__name__))


# --- E-mail ----------------------------------------------------------------------------------------------------------


def _mailed(delivery: AlertDelivery) -> Outcome:
    channel = delivery.channel
    if not channel.enabled:
        return Outcome(False, "the channel was switched off", is_final=True)
    if not settings.MAIL:
        return Outcome(False, "no mail server is set: GATEWAY_MAIL_URL", is_final=True)
    message = EmailMessage(
        messages.mail_subject(delivery.items),
        messages.mail_text(delivery.items, settings.DASHBOARD_URL),
        to=channel.recipients,
        headers={"Message-ID": f"<{delivery.pk}@gatehouse>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=TIMEOUT_S),
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as refused:
        return Outcome(False, _in_one_line(f"refused: {refused.recipients}"))
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(False, _in_one_line(str(error) or type(error).__name__))
    return Outcome(True, f"taken for {len(channel.recipients)} recipient{'s' * (len(channel.recipients) != 1)}")


def _in_one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
