"""Names: a DNS server on loopback that answers as it is told, and a lookup that answers when it is told."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

from dnslib import AAAA, CNAME, QTYPE, RCODE, RR, A, DNSRecord

from proxy_engine.net.dns import Answer, Done, Failed


class ScriptedDns(asyncio.DatagramProtocol):
    """``records`` by name: (TTL, addresses and aliases). A name that is not there does not exist."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[int, list[str]]] = {}
        self.rcode = RCODE.NXDOMAIN  # for names that are not there
        self.is_silent = False
        self.asked: list[tuple[str, str]] = []  # (name, type)
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    def stop(self) -> None:
        self._transport.close()

    def has(self, name: str, *addresses: str, ttl: int = 0) -> None:
        """An address may also be another name: an alias."""
        self.records[name] = (ttl, list(addresses))

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        query = DNSRecord.parse(data)
        name, kind = str(query.q.qname).rstrip(".").lower(), QTYPE[query.q.qtype]
        self.asked.append((name, kind))
        if not self.is_silent:
            self._transport.sendto(self._answer(query, name, kind).pack(), sender)

    def _answer(self, query: DNSRecord, name: str, kind: str) -> DNSRecord:
        reply = query.reply()
        if name not in self.records:
            reply.header.rcode = self.rcode
            return reply
        while name in self.records:
            ttl, values = self.records[name]
            name = self._add(reply, name, kind, ttl, values)
        return reply

    def _add(self, reply: DNSRecord, name: str, kind: str, ttl: int, values: list[str]) -> str:
        """Returns the name that it is an alias of, or an empty one."""
        alias = ""
        for value in values:
            if value.replace(".", "").isdigit():
                if kind == "A":
                    reply.add_answer(RR(name, QTYPE.A, rdata=A(value), ttl=ttl))
            elif ":" in value:
                if kind == "AAAA":
                    reply.add_answer(RR(name, QTYPE.AAAA, rdata=AAAA(value), ttl=ttl))
            else:
                reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(value), ttl=ttl))
                alias = value
        return alias


class ScriptedLookup:
    """What is asked stands in ``asked`` until the test answers it."""

    def __init__(self) -> None:
        self.asked: deque[tuple[str, Done]] = deque()

    def __call__(self, name: str, done: Done) -> None:
        self.asked.append((name, done))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]

    def answer(self, *addresses: str, ttl: float = 60.0) -> None:
        """The oldest question. No addresses: there are none."""
        _, done = self.asked.popleft()
        done(Answer(addresses, ttl))

    def fail(self, detail: str = "timeout") -> None:
        _, done = self.asked.popleft()
        done(Failed(detail))
