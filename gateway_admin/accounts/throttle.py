"""A limit on failed logins: so many for one user name from one address, then a pause.

Counted in the cache all Django processes share; with Redis away each process counts for itself, so that an outage
neither locks everybody out nor opens the door. The count is per address *and* name: a stranger cannot lock out a user.
"""

import hashlib
import logging

from django.core.cache import caches
from redis import RedisError

from gateway_admin.common.peers import client_address

log = logging.getLogger(__name__)

FAILURES = 5
PAUSE_S = 5 * 60  # after the first of the failures


def login_allowed(request, username: str) -> bool:
    return _with_cache(lambda cache: cache.get(_key(request, username), 0)) < FAILURES


def note_failure(request, username: str) -> None:
    key = _key(request, username)
    failures = _with_cache(lambda cache: _count(cache, key))
    if failures == FAILURES:
        log.warning("login of %r from %s paused after %d failures", username, client_address(request), failures)


def note_success(request, username: str) -> None:
    _with_cache(lambda cache: cache.delete(_key(request, username)))


def _count(cache, key: str) -> int:
    cache.add(key, 0, PAUSE_S)
    try:
        return cache.incr(key)
    except ValueError:  # it ran out between the two calls
        return 1


def _key(request, username: str) -> str:
    who = f"{client_address(request)} {username}".encode("utf-8", "surrogatepass")
    return f"login-failures:{hashlib.sha256(who).hexdigest()}"


def _with_cache(use):
    try:
        return use(caches["default"])
    except (RedisError, OSError) as error:
        log.warning("login failures are counted per process, the shared cache is away: %s", error)
    return use(caches["local"])
