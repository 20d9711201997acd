"""Celery tasks: the tick of the health checks, the checks themselves, and the broom. Each may run twice without harm.

Messages expire: when no worker took them in time the next tick picks what is owed, so nothing piles up behind a pause.
"""

from datetime import timedelta
from functools import lru_cache

from celery import current_app, shared_task
from celery.signals import worker_process_shutdown, worker_shutdown
from django.conf import settings
from django.utils import timezone

from gateway_admin.catalog.draining import finish_drains
from gateway_admin.common import audit

from . import actions
from .checks.process import WorkerProcess
from .checks.schedule import Due

TICK_S = 1.0
TICK_EXPIRES_S = 2.0
CHECKS_EXPIRE_S = 5.0
PRUNE_EVERY_S = 3600.0
PRUNE_EXPIRES_S = 1800.0
LOST_ENGINES_KEPT = timedelta(days=1)


@lru_cache(maxsize=1)
def this_process() -> WorkerProcess:
    return WorkerProcess()


@shared_task(name="monitoring.pick_checks")
def pick_checks() -> None:
    for batch in this_process().pick():
        make_checks.apply_async([batch], expires=CHECKS_EXPIRE_S)


@shared_task(name="monitoring.make_checks")
def make_checks(batch: list[tuple[str, int]]) -> None:
    this_process().make(Due(*item) for item in batch)


@shared_task(name="monitoring.end_drains")
def end_drains() -> None:
    finish_drains()


@shared_task(name="monitoring.prune")
def prune() -> None:
    now = timezone.now()
    actions.prune_health(events_before=now - timedelta(days=settings.HEALTH_EVENTS_KEPT_DAYS))
    audit.prune(before=now - timedelta(days=settings.AUDIT_KEPT_DAYS))
    actions.prune_engines(silent_since=now - LOST_ENGINES_KEPT)


@current_app.on_after_finalize.connect
def schedule_tasks(sender, **_) -> None:
    sender.add_periodic_task(TICK_S, pick_checks.s(), name="health checks", expires=TICK_EXPIRES_S)
    sender.add_periodic_task(TICK_S, end_drains.s(), name="drains", expires=TICK_EXPIRES_S)
    sender.add_periodic_task(PRUNE_EVERY_S, prune.s(), name="prune", expires=PRUNE_EXPIRES_S)


@worker_process_shutdown.connect
@worker_shutdown.connect
def stop_checks(**_) -> None:
    this_process().stop()
