"""One check of one target: connect, ask, read the head of the answer, hang up.

What comes back is what happened, not what it means: that stands in the upstream's settings and is worked out by
``proxy_engine.health``. As in Kong redirects are not followed, bodies are not read, each check opens its own connection
(a pooled one would say that the pool is fine), and TLS asks for the name ``https_sni``, else the Host header's. Unlike
Kong's, ``timeout`` bounds the whole check, not each read: a head that drips is a timeout.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from proxy_engine.health import Outcome

from .plan import Check

USER_AGENT = "gatehouse-health-check"
LONGEST_CHECK_S = 60.0  # where timeout is 0: OpenResty's default for sockets, which is what Kong then gets
HELD_UP_S = 0.2  # a timeout that fires this much too late: the answer may have been waiting for us
HEAD_LINE_BYTES = 8190
READ_AHEAD_BYTES = 4096  # the most of a body that is taken from the socket before the connection is closed
DNS_CACHE_S = 10
UNREADABLE = Outcome.answered(0)


def probe_session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=DNS_CACHE_S)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # ``probe`` has the only deadline
        auto_decompress=False,
        read_bufsize=READ_AHEAD_BYTES,
        max_line_size=HEAD_LINE_BYTES,
        max_field_size=HEAD_LINE_BYTES,
        skip_auto_headers=("Accept-Encoding",),
    )


class NotMade(Exception):
    """This machine ran out of something, time included: that says nothing about the target."""


async def probe(session: aiohttp.ClientSession, check: Check) -> Outcome:
    """Raises ``NotMade``."""
    ask = _connect if check.active.type == "tcp" else _request
    limit_s, clock = longest_s(check), asyncio.get_running_loop().time
    start = clock()
    try:
        async with asyncio.timeout(limit_s):
            return await ask(session, check)
    except TimeoutError:
        if clock() - start > limit_s + HELD_UP_S:
            raise NotMade(f"{check.address}: this process was held up") from None
        return Outcome.timed_out(limit_s)
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        return _outcome(error, check)


def longest_s(check: Check) -> float:
    return check.active.timeout or LONGEST_CHECK_S


async def _connect(session: aiohttp.ClientSession, check: Check) -> Outcome:
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, check.host, check.port)
    transport.abort()  # nothing was sent, so nothing is lost, and no socket stays behind in TIME_WAIT
    return Outcome.connected()


async def _request(session: aiohttp.ClientSession, check: Check) -> Outcome:
    secure = check.active.type == "https"
    async with session.get(
        probe_url(check),
        headers=probe_headers(check),
        allow_redirects=False,
        ssl=check.active.https_verify_certificate if secure else True,
        server_hostname=server_name(check) if secure else None,
    ) as response:
        return Outcome.answered(response.status)


def probe_url(check: Check) -> URL:
    return URL(f"{check.active.type}://{bracketed(check.host)}:{check.port}{check.active.http_path}", encoded=True)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def probe_headers(check: Check) -> CIMultiDict:
    """Kong's Host is the bare name of the target, without its port; settings may replace any header."""
    headers = CIMultiDict({"Host": check.host_header or bracketed(check.host), "User-Agent": USER_AGENT})
    for name, _ in check.active.headers:
        headers.popall(name, None)
    for name, values in check.active.headers:
        for value in values:
            headers.add(name, value)
    return headers


def server_name(check: Check) -> str:
    """For SNI and for the name the certificate must bear."""
    return check.active.https_sni or _without_port(check.host_header) or check.host


def _without_port(authority: str | None) -> str | None:
    return URL(f"//{authority}").host if authority else None


# --- Errors in words -------------------------------------------------------------------------------------------------

OUT_OF = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN}

OS_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
}


def _outcome(error: Exception, check: Check) -> Outcome:
    if isinstance(error, OSError) and error.errno in OUT_OF:
        raise NotMade(f"{check.address}: {os.strerror(error.errno)}") from error
    if isinstance(error, aiohttp.ClientResponseError):
        return UNREADABLE
    return Outcome.failed(next(words(error) for kind, words in _WORDS if isinstance(error, kind)))


def _tls_words(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    reason = getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or str(cause)
    return f"TLS failed: {reason.replace('_', ' ').lower()}"


def _os_words(error: OSError) -> str:
    return OS_WORDS.get(error.errno) or (error.strerror or "connection failed").lower()


# The first row that fits.
_WORDS: list[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Exception], str]]] = [
    ((aiohttp.ClientConnectorDNSError, socket.gaierror, UnicodeError), lambda _: "name not found"),
    ((aiohttp.ClientSSLError, ssl.SSLError), _tls_words),
    (aiohttp.ServerDisconnectedError, lambda _: "closed without an answer"),
    (OSError, _os_words),
    (aiohttp.ClientError, lambda error: f"connection failed: {error}"),
]
