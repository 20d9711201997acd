"""What routing reads (the head of a request) and what it answers (a match)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from proxy_engine.spec import Route, Service

Headers = Mapping[bytes, list[bytes]]
"""Header values by lower-case name, in order of appearance."""


class Rank(NamedTuple):
    """How a route stands among those that match: the larger tuple wins. Criteria in Kong's documented order."""

    kinds: int  # attribute kinds set: methods, hosts, headers, paths, snis
    plain_hosts: bool  # hosts set, none with a wildcard
    header_names: int  # at most 255
    is_regex: bool
    regex_priority: int  # 0 for a prefix path
    prefix_length: int  # 0 for a regex path
    id: str  # lower-case UUIDs compare as text as they do as numbers
    order: int  # minus the place of the path within its route: what is listed first is tried first


class Match:
    """A route that holds for a request. Where no captures were made, one object serves all requests."""

    __slots__ = ("captures", "prefix", "rank", "route", "service")

    def __init__(
        self,
        route: Route,
        service: Service | None,
        prefix: bytes,
        captures: dict[str, bytes] | None,
        rank: Rank,
    ) -> None:
        self.route = route
        self.service = service
        self.prefix = prefix  # matched text; empty for a route without paths
        self.captures = captures  # by name and by number ("1", "2", …); None where the path is no regex
        self.rank = rank

    def __repr__(self) -> str:
        captures = f" {self.captures}" if self.captures else ""
        return f"<Match {self.route.name or self.route.id} by {self.prefix!r}{captures}>"


class RequestHead:
    """What conditions look at: ``host`` lower-case and without port, ``path`` normalised."""

    __slots__ = ("_headers", "_read_headers", "host", "is_tls", "method", "path", "port", "sni")

    def __init__(
        self,
        method: bytes,
        host: bytes,
        port: int,
        path: bytes,
        read_headers: Callable[[], Headers],
        scheme: str,
        sni: str | None,
    ) -> None:
        self.method = method
        self.host = host
        self.port = port  # of the Host header, else of the listener
        self.path = path
        self.is_tls = scheme == "https"
        self.sni = sni.lower().removesuffix(".").encode() if sni else b""
        self._read_headers = read_headers
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """Read when first asked for: most routes do not look at headers."""
        if self._headers is None:
            self._headers = self._read_headers()
        return self._headers
