"""Whom the DNS is asked through, and for what, as operators write it::

    servers = server *("," server)            server = ipv4 [":" port] | ipv6 | "[" ipv6 "]" [":" port]
    order   = type *("," type)                type   = "A" | "AAAA"

Good: ``10.0.0.2``, ``127.0.0.1:5353,[::1]:53``; ``A,AAAA``, ``AAAA``. Bad: ``dns.example.com``, ``10.0.0.2:``, ``SRV``.
"""

from __future__ import annotations

import re

from .literal import is_address

TYPES = ("A", "AAAA")

_SERVER = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?\Z")


def parse_servers(text: str) -> tuple[str, ...]:
    """As c-ares takes them; none means the system's. Raises ValueError that quotes the part that is wrong."""
    return tuple(_parse_server(part.strip()) for part in text.split(",") if part.strip())


def _parse_server(text: str) -> str:
    matched = _SERVER.match(f"[{text}]" if is_address(text) and ":" in text else text)
    host = matched and (matched["v6"] or matched["v4"])
    port = int((matched and matched["port"]) or 53)
    if not host or not is_address(host) or not 0 < port < 65536:
        raise ValueError(f"{text!r} is no DNS server; write its address and, if it is not 53, its port: 10.0.0.2:53")
    return f"[{host}]:{port}" if matched["v6"] else f"{host}:{port}"


def parse_order(text: str) -> tuple[str, ...]:
    """Record types, the first that a name has counts. Raises ValueError."""
    order = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if not order or not set(TYPES) >= set(order):
        raise ValueError(f"{text!r} is no order of record types; write A, AAAA, or both: A,AAAA")
    return order
