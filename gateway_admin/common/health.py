"""``/healthz``: this process answers. ``/readyz``: it can also do its work.

Only the database decides readiness. Redis carries hints and live updates: without it edits still reach the engines,
a few seconds later, so its state is told but takes no instance out of service.
"""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

TIMEOUT_S = 1.0


@require_safe
@never_cache
def healthz(request):
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request):
    database, redis_state = _database(), _redis()
    is_ready = database == "ok"
    states = {"status": "ready" if is_ready else "not ready", "database": database, "redis": redis_state}
    return JsonResponse(states, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unavailable"
    return "ok"


def _redis() -> str:
    if settings.REDIS.is_in_process:
        return "ok"
    try:
        with redis.Redis.from_url(
            settings.REDIS.url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S, retry=None
        ) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return "unavailable"
    return "ok"
