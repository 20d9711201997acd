"""Connections to Redis for what monitoring keeps there: due times, leases, counters. All of it may be lost."""

from functools import lru_cache

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

# Both ends are on one machine or one network: longer than this is an outage, and the next second brings another try.
LIMITS = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0, "health_check_interval": 30}


def redis_client() -> redis.Redis:
    return _client(settings.REDIS.url)


def async_redis_client() -> redis.asyncio.Redis:
    """A client of its own for the running loop; whoever asks for it closes it."""
    return redis.asyncio.Redis.from_url(settings.REDIS.url, decode_responses=True, **LIMITS)


@lru_cache(maxsize=1)
def _client(url: str) -> redis.Redis:
    """One connection pool per process; redis-py gives a forked child fresh connections."""
    once_more = Retry(ExponentialBackoff(cap=0.1, base=0.01), retries=1)  # a restarted Redis leaves dead connections
    return redis.Redis.from_url(url, decode_responses=True, retry=once_more, **LIMITS)
