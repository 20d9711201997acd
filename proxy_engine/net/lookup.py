"""Lookups by c-ares, through ``aiodns``: ``/etc/hosts`` first, then the DNS servers; never blocks the event loop.

The system's own ``getaddrinfo`` knows no TTL and takes a thread for each name. c-ares reads ``/etc/hosts`` and
``/etc/resolv.conf`` (servers, search list, ``ndots``) as the system does, follows their edits, turns to TCP where an
answer was cut, and gives the TTLs. It repeats a denial for as long as the zone's SOA says (RFC 2308).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import aiodns
import pycares

from .dns import Answer, Done, Failed

TIMEOUT_S = 2.0  # for a server's answer, at first; c-ares: 2
TRIES = 2  # of each server, the second with twice the time; resolv.conf: 2
UNSORTED = 1 << 7  # ARES_AI_NOSORT; sorting opens a socket for each address

FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
DENIALS = frozenset({aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA, aiodns.error.ARES_EBADNAME})


class CaresLookup:
    """A ``Lookup``. The channel to c-ares, which brings a thread of its own, is made for the first name."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, servers: Sequence[str] = (), order: Sequence[str] = ("A", "AAAA")
    ) -> None:
        self._loop = loop
        self._servers = servers
        self._families = [FAMILIES[kind] for kind in order]
        self._resolver: aiodns.DNSResolver | None = None

    def __repr__(self) -> str:
        return f"<CaresLookup servers={', '.join(self._servers) or 'the system’s'}>"

    def __call__(self, name: str, done: Done) -> None:
        self._ask(name, 0, done)

    def close(self) -> None:
        if self._resolver is not None:
            self._resolver.cancel()
            self._resolver = None

    def _ask(self, name: str, number: int, done: Done) -> None:
        """For the record type of that number in the order."""
        try:
            asked = self._channel().getaddrinfo(
                name, family=self._families[number], type=socket.SOCK_STREAM, flags=UNSORTED
            )
        except UnicodeError:
            self._loop.call_soon(done, Answer(()))  # no name can be like this
        except (pycares.AresError, OSError) as error:  # no file descriptor left, as it may be
            self._loop.call_soon(done, Failed(str(error.args[-1]) if error.args else type(error).__name__))
        else:
            asked.add_done_callback(lambda asked: self._answered(name, number, done, asked))

    def _channel(self) -> aiodns.DNSResolver:
        if self._resolver is None:
            resolver = aiodns.DNSResolver(loop=self._loop, timeout=TIMEOUT_S, tries=TRIES)
            if self._servers:
                resolver.nameservers = self._servers
            self._resolver = resolver
        return self._resolver

    def _answered(self, name: str, number: int, done: Done, asked: asyncio.Future) -> None:
        if asked.cancelled():
            done(Failed("cancelled"))
            return
        error = asked.exception()
        is_last = number + 1 == len(self._families)
        if isinstance(error, aiodns.error.DNSError) and error.args[0] in DENIALS and not is_last:
            self._ask(name, number + 1, done)
        else:
            done(_outcome(asked, error))


def _outcome(asked: asyncio.Future, error: BaseException | None) -> Answer | Failed:
    if isinstance(error, aiodns.error.DNSError) and error.args[0] in DENIALS:
        return Answer(())
    if error is not None:
        return Failed(str(error.args[-1]) if error.args else type(error).__name__)
    found: pycares.AddrInfoResult = asked.result()
    addresses = tuple(dict.fromkeys(node.addr[0].decode() for node in found.nodes))
    ttls = [part.ttl for part in (*found.nodes, *found.cnames)]
    return Answer(addresses, float(min(ttls, default=0)))
