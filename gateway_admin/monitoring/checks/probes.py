"""One check of one target: connect, ask, read the answer as far as it is looked at, hang up.

What comes back is what happened, not what it means: that stands in the upstream's settings and is worked out by
``proxy_engine.health``. As in Kong redirects are not followed, bodies are not read (unless something is expected of
them), each check opens its own connection (a pooled one would say that the pool is fine), and TLS asks for the name
``https_sni``, else the Host header's. Unlike Kong's, ``timeout`` bounds the whole check, not each read: a head that
drips is a timeout.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from proxy_engine.health import Outcome
from proxy_engine.spec.probe_fields import MAX_BODY_BYTES
from proxy_engine.spec.scalars import is_ip

from . import plain_http
from .bodies import judged
from .grpc_health import HealthCall
from .plan import Check
from .tls import Pair, TlsContexts, Wanted

USER_AGENT = "gatehouse-health-check"
LONGEST_CHECK_S = 60.0  # where timeout is 0: OpenResty's default for sockets, which is what Kong then gets
HELD_UP_S = 0.2  # a timeout that fires this much too late: the answer may have been waiting for us
HEAD_LINE_BYTES = 8190
READ_AHEAD_BYTES = 4096  # the most of a body that is taken from the socket before the connection is closed
DNS_CACHE_S = 10
UNREADABLE = Outcome.answered(0)
SECURE = ("https", "grpcs")


@dataclass(frozen=True)
class Kit:
    """What all checks of a process share."""

    session: aiohttp.ClientSession
    contexts: TlsContexts


@asynccontextmanager
async def probe_kit(read_pair: Callable[[str], Awaitable[Pair | None]]) -> AsyncIterator[Kit]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True, ttl_dns_cache=DNS_CACHE_S)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # ``probe`` has the only deadline
        auto_decompress=False,
        read_bufsize=READ_AHEAD_BYTES,
        max_line_size=HEAD_LINE_BYTES,
        max_field_size=HEAD_LINE_BYTES,
        skip_auto_headers=("Accept-Encoding", "Content-Type"),
    ) as session:
        yield Kit(session, TlsContexts(read_pair))


class NotMade(Exception):
    """This machine ran out of something, time included: that says nothing about the target."""


async def probe(kit: Kit, check: Check) -> Outcome:
    """Raises ``NotMade``."""
    ask = ASK[check.active.type]
    limit_s, clock = longest_s(check), asyncio.get_running_loop().time
    start = clock()
    try:
        async with asyncio.timeout(limit_s):
            return await ask(kit, check)
    except TimeoutError:
        if clock() - start > limit_s + HELD_UP_S:
            raise NotMade(f"{check.address}: this process was held up") from None
        return Outcome.timed_out(limit_s)
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        return _outcome(error, check)


def longest_s(check: Check) -> float:
    return check.active.timeout or LONGEST_CHECK_S


async def _connect(kit: Kit, check: Check) -> Outcome:
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, check.host, check.port)
    transport.abort()  # nothing was sent, so nothing is lost, and no socket stays behind in TIME_WAIT
    return Outcome.connected()


async def _request_in_clear(kit: Kit, check: Check) -> Outcome:
    if check.probe.reads_body or not is_ip(check.host):
        return await _request(kit, check)
    return Outcome.answered(await plain_http.ask(check.host, check.port, request_bytes(check)))


async def _request(kit: Kit, check: Check) -> Outcome:
    context, name = await _tls(kit, check)
    async with kit.session.request(
        check.probe.method,
        probe_url(check),
        headers=probe_headers(check),
        data=check.probe.body and check.probe.body.encode(),
        allow_redirects=False,
        ssl=context or True,
        server_hostname=name,
    ) as response:
        if response.status not in check.active.healthy.http_statuses or not check.probe.reads_body:
            return Outcome.answered(response.status)
        body, is_whole = await _read_body(response.content)
        return judged(response.status, body, is_whole=is_whole, probe=check.probe)


async def _read_body(content: aiohttp.StreamReader) -> tuple[bytes, bool]:
    """As much of it as is looked at, and whether that is all."""
    body = b""
    async for part in content.iter_any():
        body += part
        if len(body) > MAX_BODY_BYTES:
            return body[:MAX_BODY_BYTES], False
    return body, True


async def _call(kit: Kit, check: Check) -> Outcome:
    """gRPC. The connection is ours alone: it is dropped as soon as the answer is complete."""
    context, name = await _tls(kit, check, protocol="h2")
    call = HealthCall(
        scheme="https" if context else "http",
        authority=check.host_header or bracketed(check.host),
        service=check.probe.grpc_service or "",
        headers=[
            ("user-agent", USER_AGENT),
            *((name, value) for name, values in check.active.headers for value in values),
        ],
    )
    reader, writer = await asyncio.open_connection(check.host, check.port, ssl=context, server_hostname=name)
    try:
        writer.write(call.begin())
        while call.outcome is None:
            data = await reader.read(READ_AHEAD_BYTES)
            if not data:
                return Outcome.failed(CLOSED_EARLY)
            writer.write(call.receive(data))
    finally:
        writer.transport.abort()
    return call.outcome


ASK: dict[str, Callable[[Kit, Check], Awaitable[Outcome]]] = {
    "http": _request_in_clear,
    "https": _request,
    "tcp": _connect,
    "grpc": _call,
    "grpcs": _call,
}


async def _tls(kit: Kit, check: Check, protocol: str | None = None) -> tuple[ssl.SSLContext | None, str | None]:
    """The context and the name to ask for; neither where the check is in clear."""
    if check.active.type not in SECURE:
        return None, None
    wanted = Wanted(check.active.https_verify_certificate, check.certificate, protocol)
    try:
        return await kit.contexts.find(wanted), server_name(check)
    except ValueError as reason:
        raise NotMade(f"{check.address}: {reason}") from reason


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


def request_bytes(check: Check) -> bytes:
    body = (check.probe.body or "").encode()
    headers = probe_headers(check)
    headers.setdefault("Accept", "*/*")
    headers.setdefault("Connection", "close")
    if body:
        headers.setdefault("Content-Length", str(len(body)))
    lines = [f"{check.probe.method} {check.active.http_path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def server_name(check: Check) -> str:
    """For SNI and for the name the certificate must bear."""
    return check.active.https_sni or _without_port(check.host_header) or check.host


def _without_port(authority: str | None) -> str | None:
    return URL(f"//{authority}").host if authority else None


# --- Errors in words -------------------------------------------------------------------------------------------------

CLOSED_EARLY = "closed without an answer"
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
    ((aiohttp.ServerDisconnectedError, plain_http.ClosedEarly), lambda _: CLOSED_EARLY),
    (OSError, _os_words),
    (aiohttp.ClientError, lambda error: f"connection failed: {error}"),
]
