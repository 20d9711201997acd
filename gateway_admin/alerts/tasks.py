"""Celery tasks: look, send, and the broom. Each may run twice, or at once with itself, without harm."""

from datetime import timedelta

from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone

from . import evaluating, pruning, sending

EVERY_S = 2.0
EXPIRES_S = 4.0
PRUNE_EVERY_S = 3600.0
PRUNE_EXPIRES_S = 1800.0


@shared_task(name="alerts.look")
def look() -> None:
    evaluating.look()


@shared_task(name="alerts.send")
def send() -> None:
    sending.send_due()


@shared_task(name="alerts.prune")
def prune() -> None:
    pruning.prune(before=timezone.now() - timedelta(days=settings.HEALTH_EVENTS_KEPT_DAYS))


@current_app.on_after_finalize.connect
def schedule_tasks(sender, **_) -> None:
    sender.add_periodic_task(EVERY_S, look.s(), name="look for alerts", expires=EXPIRES_S)
    sender.add_periodic_task(EVERY_S, send.s(), name="send alerts", expires=EXPIRES_S)
    sender.add_periodic_task(PRUNE_EVERY_S, prune.s(), name="prune alerts", expires=PRUNE_EXPIRES_S)
