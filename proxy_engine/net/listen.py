"""Listen addresses as operators write them, and the sockets for them.

Grammar::

    list    = address *("," address)
    address = host ":" port | "[" ipv6 "]" ":" port

Good: ``0.0.0.0:8000``, ``127.0.0.1:8000,[::1]:8000``. Bad: ``8000``, ``host``, ``host:``, ``::1:80``, ``,``.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple

BACKLOG = 4096  # connections; the kernel caps it at net.core.somaxconn

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})\Z")


class Listen(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> list[Listen]:
    """At least one address. Raises ValueError that quotes the part that is wrong."""
    addresses = [_parse_one(part.strip()) for part in text.split(",") if part.strip()]
    if not addresses:
        raise ValueError(f"{text!r} names no listen address; write host:port, e.g. 0.0.0.0:8000")
    return addresses


def _parse_one(text: str) -> Listen:
    matched = _ADDRESS.match(text)
    if matched is None and ":" in text.rpartition(":")[0].strip("[]"):
        raise ValueError(f"{text!r}: put an IPv6 address in brackets, e.g. [::1]:8000")
    if matched is None or int(matched[3]) > 65535 or (matched[1] and not _is_ipv6(matched[1])):
        raise ValueError(f"{text!r} is no listen address; write host:port, e.g. 0.0.0.0:8000")
    return Listen(matched[1] or matched[2], int(matched[3]))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def bind(address: Listen, *, share: bool) -> socket.socket:
    """A listening socket. ``share``: SO_REUSEPORT, several sockets take turns on one address. Raises OSError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host, address.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    sock.setblocking(False)
    return sock
