"""TLS contexts for checks: what is trusted, and which certificate of ours is shown.

Private keys are read from the database when they are needed, kept in OpenSSL's memory, and never written to a disk:
Python loads certificates from files only, so they pass through an anonymous one in memory.
"""

import asyncio
import os
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from gateway_admin.catalog.models import Certificate

from .plan import ClientCertificate

MOST_CONTEXTS = 64  # each may hold a copy of all trusted authorities, some MiB


class Pair(NamedTuple):
    cert: str
    key: str


class Wanted(NamedTuple):
    verify: bool
    certificate: ClientCertificate | None
    protocol: str | None  # to agree on (ALPN)


class TlsContexts:
    """The newest ``MOST_CONTEXTS`` that were asked for. ``read_pair``: by a certificate's id, None if it is gone."""

    def __init__(self, read_pair: Callable[[str], Awaitable[Pair | None]]):
        self._read_pair = read_pair
        self._made: OrderedDict[Wanted, ssl.SSLContext] = OrderedDict()
        self._lock = asyncio.Lock()  # a hundred checks of one upstream make one context

    async def find(self, wanted: Wanted) -> ssl.SSLContext:
        """Raises ValueError where there is no such certificate, or it cannot be used."""
        async with self._lock:
            if wanted not in self._made:
                self._made[wanted] = await self._make(wanted)
                if len(self._made) > MOST_CONTEXTS:
                    self._made.popitem(last=False)
            self._made.move_to_end(wanted)
            return self._made[wanted]

    async def _make(self, wanted: Wanted) -> ssl.SSLContext:
        context = make_context(verify=wanted.verify, protocol=wanted.protocol)
        if wanted.certificate is not None:
            pair = await self._read_pair(wanted.certificate.id)
            if pair is None:
                raise ValueError("the client certificate is gone")
            load_pair(context, pair)
        return context


def make_context(*, verify: bool, protocol: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if protocol is not None:
        context.set_alpn_protocols([protocol])
    return context


def load_pair(context: ssl.SSLContext, pair: Pair) -> None:
    with os.fdopen(os.memfd_create("client-certificate"), "w", encoding="ascii") as file:
        file.write(f"{pair.cert.strip()}\n{pair.key.strip()}\n")
        file.flush()
        try:
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        except ssl.SSLError as error:
            raise ValueError(f"the client certificate cannot be used: {error.reason}") from error


def read_pair(certificate_id: str) -> Pair | None:
    """One statement; the key is unsealed on the way."""
    found = Certificate.objects.filter(pk=certificate_id).values_list("cert", "key").first()
    return Pair(*found) if found else None
