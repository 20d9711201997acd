"""Host names: the Host header of a request, and the hosts a route names.

Grammar of a route's host: ``name[:port]``, where ``name`` may have one ``*`` as its whole first or last
label.

    example.com         that host, any port
    example.com:8443    that host on that port: of the Host header, else of the listener
    *.example.com       a.example.com, a.b.example.com; not example.com
    example.*           example.org, example.co.uk

Names are compared without regard to case, and one trailing dot is tolerated: ``EXAMPLE.com.`` is the same
host (RFC 9110 §4.2.3, RFC 1034 §3.1), so neither may lead round a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

ANY_HOST = b""
"""The key of routes that name no host."""

NO_PORT = -1
"""The port of a Host header whose port cannot be one: equal to no route's port."""


class HostPattern(NamedTuple):
    name: bytes  # lower-case, may have a "*"
    port: int | None

    def matches(self, host: bytes, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.name.startswith(b"*"):
            return len(host) >= len(self.name) and host.endswith(self.name[1:])
        if self.name.endswith(b"*"):
            return host.startswith(self.name[:-1])
        return host == self.name

    @property
    def is_wildcard(self) -> bool:
        return self.name.startswith(b"*") or self.name.endswith(b"*")

    def __str__(self) -> str:
        name = self.name.decode(errors="replace")
        return name if self.port is None else f"{name}:{self.port}"


def parse_pattern(text: str) -> HostPattern:
    """Raises ``ValueError`` when the text is not of the grammar above."""
    is_bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    name, port = split_host(f"[{text}]".encode() if is_bare_ipv6 else text.encode())
    if port == NO_PORT or not name:
        raise ValueError(f"{text!r} is not a host")
    pattern = HostPattern(name, port)
    inner = name[2:] if name.startswith(b"*.") else name[:-2] if name.endswith(b".*") else name
    if b"*" in inner or not inner:
        raise ValueError(f"{text!r} may have one *, as its first or last label")
    return pattern


def split_host(value: bytes) -> tuple[bytes, int | None]:
    """``Example.com.:80`` → (``example.com``, 80). IPv6 addresses are in brackets and keep them."""
    name, colon, digits = value.lower().rpartition(b":")
    if not colon or digits.endswith(b"]"):
        name, digits = value.lower(), b""
    name = name.removesuffix(b".")
    if not digits:
        return name, None
    is_port = digits.isdigit() and len(digits) <= 5
    return name, int(digits) if is_port else NO_PORT


def pattern_names(host: bytes, max_labels: int) -> Iterator[bytes]:
    """The names of all patterns that could match ``host``: itself, ``*.`` and each tail, each head and
    ``.*``.

    ``max_labels`` bounds the work by what is configured, not by what a client sends.
    """
    yield host
    end = len(host)
    for _ in range(max_labels):
        end = host.rfind(b".", 1, end)
        if end < 0:
            break
        yield b"*" + host[end:]
    start = 0
    for _ in range(max_labels):
        start = host.find(b".", start) + 1
        if not start:
            break
        yield host[:start] + b"*"
