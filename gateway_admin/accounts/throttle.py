"""Limits on guessing: so many failed logins, or wrong tokens, from one address, then a pause.

Logins are counted per address *and* name, so that a stranger cannot lock out a user, and per address over all names,
so that nobody tries one password on everybody. An attempt is counted before the password is looked at and taken back
when it was right: of many attempts at once no more get through than one after another.

They are counted in the cache all Django processes share; with Redis away each process counts for itself, so that an
outage neither locks everybody out nor opens the door. Wrong tokens are always counted per process: each request with a
token asks, and would otherwise wait for Redis. Only different ones count, for a script that goes on with a revoked
token must not keep out its neighbours. Nor must a guesser keep out who comes from the same address, as all do behind
a reverse proxy: a token that was right before, from this address, is none that is guessed.
"""

import hashlib
import ipaddress
import logging

from django.core.cache import caches
from redis import RedisError

from gateway_admin.common import audit
from gateway_admin.common.peers import client_address
from gateway_admin.common.permissions import log_denial

from .models import User

log = logging.getLogger(__name__)

FAILURES = 5  # of one name from one address
FAILURES_OF_ADDRESS = 30
WRONG_TOKENS = 20  # different ones, from one address
PAUSE_S = 5 * 60  # after the first of the failures
KNOWN_S = 24 * 3600  # a token that was right here goes on through a pause
IPV6_PREFIX = 64  # bits; whoever has one address of such a network has them all


def attempt_login(request, username: str) -> bool:
    """Counts the attempt; False: it is too many, and the password must not be looked at."""
    address = client_address(request)
    of_name = _with_cache(lambda cache: _count(cache, _key("login", network(request), username)))
    of_address = _with_cache(lambda cache: _count(cache, _key("logins", network(request))))
    if of_name == FAILURES + 1:
        log.warning("login of %a from %a paused after %d failures", username[:200], address, FAILURES)
        _audit(request, "sign in", f"paused after {FAILURES} failures of one name")
    if of_address == FAILURES_OF_ADDRESS + 1:
        log.warning("all logins from %a paused after %d failures", address, FAILURES_OF_ADDRESS)
        _audit(request, "sign in", f"paused after {FAILURES_OF_ADDRESS} failures")
    return of_name <= FAILURES and of_address <= FAILURES_OF_ADDRESS


def note_failure(request, username: str) -> None:
    """For log and audit; it is counted already. What is no user's name may be a password in the wrong field."""
    known = User.objects.filter(username=username).exists()
    what = f"{request.method} {request.path}"
    audited_as = username if known else "an unknown user"
    log_denial(username, client_address(request), what, "the password is wrong", audited_as=audited_as)


def note_success(request, username: str) -> None:
    """The name starts anew; the address only gets this attempt back, or an own user would reset the count."""
    _with_cache(lambda cache: cache.delete(_key("login", network(request), username)))
    _with_cache(lambda cache: _take_back(cache, _key("logins", network(request))))


def tokens_pause_s(request, token: str) -> int:
    """Seconds until this address may try this token; 0: now."""
    cache, here = caches["local"], network(request)
    if cache.get(_key("tokens", here), 0) < WRONG_TOKENS or cache.get(_key("right token", here, token)):
        return 0
    _log_token_denial(request, "too many wrong tokens came from there")
    return PAUSE_S


def note_right_token(request, token: str) -> None:
    caches["local"].add(_key("right token", network(request), token), 1, KNOWN_S)


def note_wrong_token(request, token: str) -> None:
    cache, key = caches["local"], _key("tokens", network(request))
    _log_token_denial(request, "this token is not valid")
    if not cache.add(_key("token", network(request), token), 1, PAUSE_S):
        return
    if _count(cache, key) == WRONG_TOKENS:
        log.warning("all tokens from %a paused after %d wrong ones", client_address(request), WRONG_TOKENS)


def _log_token_denial(request, reason: str) -> None:
    log_denial("a stranger", client_address(request), f"{request.method} {request.path}", reason)


def _audit(request, what: str, reason: str) -> None:
    """Of somebody who has not said who they are."""
    stranger = audit.Denial("a stranger", audit.via_of(request.path), client_address(request), what, reason)
    audit.record_denial(stranger)


def network(request) -> str:
    """What counts as one address."""
    text = client_address(request)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False))


def _count(cache, key: str) -> int:
    cache.add(key, 0, PAUSE_S)
    try:
        return cache.incr(key)
    except ValueError:  # it ran out between the two calls
        return 1


def _take_back(cache, key: str) -> None:
    try:
        cache.decr(key)
    except ValueError:  # it ran out meanwhile
        pass


def _key(*parts: str) -> str:
    return f"guesses:{hashlib.sha256(repr(parts).encode('utf-8', 'surrogatepass')).hexdigest()}"


def _with_cache(use):
    try:
        return use(caches["default"])
    except (RedisError, OSError) as error:
        log.warning("login failures are counted per process, the shared cache is away: %s", error)
    return use(caches["local"])
