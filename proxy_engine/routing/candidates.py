"""From a route to what the table ranks: one candidate per path of the route.

A candidate knows the rule, not the service: services change without any candidate being compiled again.
"""

from __future__ import annotations

from proxy_engine.spec import Route

from .conditions import Condition, Header, Hosts, Methods, PathCondition, PathPrefix, PathRegex, Snis
from .hosts import ANY_HOST
from .match import Rank

_HTTP_PROTOCOLS = frozenset({"http", "https", "grpc", "grpcs"})
_MAX_HEADER_NAMES = 255


class Candidate:
    __slots__ = ("conditions", "methods", "path", "pattern", "prefix", "rank", "residual", "route")

    def __init__(self, shared: _Shared, path: PathCondition | None, order: int) -> None:
        self.route = shared.route
        self.path = path
        self.pattern = path.pattern if isinstance(path, PathRegex) else None
        self.prefix = _index_prefix(path)
        self.methods = shared.methods.names if shared.methods else None
        # What the host and path index and the look at the method leave open.
        self.residual = shared.residual
        # Everything, for explain.
        self.conditions = shared.conditions if path is None else (*shared.conditions, path)
        self.rank = Rank(
            shared.kinds,
            shared.has_plain_hosts,
            shared.header_names,
            self.pattern is not None,
            shared.route.regex_priority if self.pattern is not None else 0,
            len(self.prefix) if isinstance(path, PathPrefix) else 0,
            shared.route.id,
            order,
        )

    @property
    def is_unconditional(self) -> bool:
        """It holds for every request that the index leads to it."""
        return self.methods is None and self.pattern is None and not self.residual

    def __repr__(self) -> str:
        return f"<Candidate {self.route.name or self.route.id} {self.prefix!r} {self.rank[:6]}>"


class _Shared:
    """What the candidates of one route have in common."""

    __slots__ = (
        "conditions",
        "has_plain_hosts",
        "header_names",
        "hosts",
        "kinds",
        "methods",
        "residual",
        "route",
    )

    def __init__(self, route: Route) -> None:
        self.route = route
        self.methods = Methods(route.methods) if route.methods else None
        self.hosts = Hosts(route.hosts) if route.hosts else None
        snis = (Snis(route.snis),) if route.snis else ()
        headers = tuple(Header(name, values) for name, values in route.headers)
        ports = (self.hosts,) if self.hosts and self.hosts.names_port else ()
        self.residual: tuple[Condition, ...] = ports + snis + headers
        self.conditions: tuple[Condition, ...] = tuple(
            condition for condition in (self.hosts, self.methods, *snis, *headers) if condition
        )
        self.kinds = sum(map(bool, (route.methods, route.hosts, route.headers, route.paths, route.snis)))
        self.has_plain_hosts = self.hosts is not None and self.hosts.are_plain
        self.header_names = min(len(headers), _MAX_HEADER_NAMES)


class CompiledRoute:
    """A route's candidates, and the host patterns under whose names they are found."""

    __slots__ = ("candidates", "host_names", "route")

    def __init__(self, route: Route) -> None:
        """Raises ``ValueError`` with a sentence when the route can match nothing or cannot be compiled."""
        shared = _Shared(route)
        if not shared.kinds:
            raise ValueError("none of methods, hosts, headers, paths and snis is set")
        self.route = route
        self.candidates = tuple(
            Candidate(shared, condition, -order) for order, condition in enumerate(_path_conditions(route))
        )
        names = (pattern.name for pattern in shared.hosts.patterns) if shared.hosts else (ANY_HOST,)
        self.host_names = tuple(dict.fromkeys(names))


def is_http(route: Route) -> bool:
    """Stream routes (tcp, tls, udp, tls_passthrough) are none of this router's business."""
    return not _HTTP_PROTOCOLS.isdisjoint(route.protocols)


def _path_conditions(route: Route) -> list[PathCondition | None]:
    if not route.paths:
        return [None]
    return [PathRegex(path) if path.startswith("~") else PathPrefix(path) for path in dict.fromkeys(route.paths)]


def _index_prefix(path: PathCondition | None) -> bytes:
    """Bytes every matching path begins with: the shelf on which the candidate stands."""
    if isinstance(path, PathPrefix):
        return path.prefix
    return path.pattern.literal if isinstance(path, PathRegex) else b""
