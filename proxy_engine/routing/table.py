"""The route table: every request head to the highest-ranked route that holds for it.

Kong's flavour ``traditional_compatible``. A match is found at a cost that does not grow with the number of routes:

1. The Host header leads to a *view*: the lanes to look in, one for each host pattern that fits and has routes (the
   exact name, wildcards, no host), best rank first. Views are made when a host is first seen and kept, bounded.
2. In a lane one bisection of the path (``prefixes``) leads to a *leaf*: the routes whose prefix fits, in order of
   rank, cut off after the first that needs nothing else. Leaves, too, are made when first needed.
3. The first of a leaf whose other conditions hold wins. A further lane is looked at only if it could outrank that.

A table is never changed, and readers keep theirs: ``with_changes`` makes the next one, which shares the index of
every untouched host. Views and leaves are worked out anew, so a changed service costs next to nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping

from proxy_engine.spec import Route, Service

from .candidates import Candidate, CompiledRoute, is_http
from .choices import Choice, Fork, Leaf, leaf_of
from .hosts import ANY_HOST, pattern_names, split_host
from .match import Headers, Match, RequestHead
from .prefixes import EMPTY, PrefixIndex

_MAX_VIEWS = 4096
ENDLESS = b"\xff"  # greater than any plain path
_MAX_VIEW_BYTES = 255  # longest Host header that is remembered: a DNS name has at most 253 (RFC 1035 §2.3.4)


class _Lane:
    """One host pattern's routes as one table sees them."""

    __slots__ = ("ceiling", "cuts", "index", "leaves")

    def __init__(self, index: PrefixIndex) -> None:
        self.index = index
        self.ceiling = index.ceiling
        self.cuts = index.cuts
        self.leaves: list[Leaf | None] = [None] * len(index.cuts)


class _View:
    """What a Host header means: where to look, and which port it names."""

    __slots__ = ("host", "lanes", "port")

    def __init__(self, host: bytes, port: int | None, lanes: tuple[_Lane, ...]) -> None:
        self.host = host
        self.port = port
        self.lanes = lanes


class RouteTable:
    __slots__ = ("_broken", "_compiled", "_dangling", "_indices", "_lanes", "_max_labels", "_services", "_views")

    def __init__(
        self,
        compiled: dict[str, CompiledRoute],
        broken: dict[str, str],
        dangling: frozenset[str],
        indices: dict[bytes, PrefixIndex],
        services: dict[str, Service],
        max_labels: int,
    ) -> None:
        self._compiled = compiled
        self._broken = broken
        self._dangling = dangling  # routes whose service does not exist
        self._indices = indices
        self._services = services
        self._max_labels = max_labels  # of the longest wildcard host
        self._lanes: dict[bytes, _Lane] = {}
        self._views: dict[bytes, _View] = {}

    @classmethod
    def build(cls, routes: Iterable[Route], services: Mapping[str, Service]) -> RouteTable:
        return cls({}, {}, frozenset(), {}, {}, 0).with_changes(upserts=routes, services=services)

    def with_changes(
        self,
        upserts: Iterable[Route] = (),
        removed_ids: Iterable[str] = (),
        services: Mapping[str, Service] | None = None,
    ) -> RouteTable:
        """The next table. ``services`` are all services as they are now; None when none of them changed."""
        edit = _Edit(self._compiled.copy(), self._broken.copy())
        touched = set(removed_ids)
        for route_id in touched:
            edit.remove(route_id)
        for route in upserts:
            edit.put(route)
            touched.add(route.id)
        known_services = self._services if services is None else dict(services)
        dangling = self._dangling_after(edit.compiled, touched, known_services)
        indices = edit.applied_to(self._indices)
        most_labels = max(self._max_labels, edit.max_labels)
        return RouteTable(edit.compiled, edit.broken, dangling, indices, known_services, most_labels)

    def _dangling_after(
        self, compiled: dict[str, CompiledRoute], touched: set[str], services: dict[str, Service]
    ) -> frozenset[str]:
        """All routes are looked at only when a service went."""
        is_less = services is not self._services and not self._services.keys() <= services.keys()
        suspects = compiled if is_less else touched | self._dangling if touched or self._dangling else ()
        return frozenset(id for id in suspects if id in compiled and _dangles(compiled[id].route, services))

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Routes that are left out, each with the reason. The others work."""
        missing = ((id, self._compiled[id].route.service_id) for id in sorted(self._dangling))
        return [*self._broken.items(), *((id, f"its service {service} does not exist") for id, service in missing)]

    def match(
        self,
        method: bytes,
        host: bytes,
        path: bytes,
        headers: Callable[[], Headers],
        port: int,
        scheme: str,
        sni: str | None,
    ) -> Match | None:
        """``host`` is the Host header as received, ``path`` normalised, ``port`` the listener's.

        ``headers`` is called at most once, and only when a route that could win looks at headers.
        """
        view = self._views.get(host) or self._open_view(host)
        best: Match | None = None
        head: RequestHead | None = None
        for lane in view.lanes:
            if best is not None and best.rank > lane.ceiling:
                break
            leaf = lane.leaves[bisect_right(lane.cuts, path) - 1]
            if leaf is None:
                leaf = self._grow_leaf(lane, path)
            for choice in leaf:
                if best is not None and best.rank > choice.rank:
                    break
                if choice.methods is not None and method not in choice.methods:
                    continue
                found = choice.match
                if found is None:
                    if head is None:
                        in_effect = port if view.port is None else view.port
                        head = RequestHead(method, view.host, in_effect, path, headers, scheme, sni)
                    found = choice.resolve(head)
                    if found is None:
                        continue
                if best is None or found.rank > best.rank:
                    best = found
                break
        return best

    def stretch(self, method: bytes, host: bytes, path: bytes) -> tuple[bytes, bytes] | None:
        """Paths from the first up to, without, the second have the match that ``path`` has, whatever else there is to
        know of the request. None where method, host and path do not decide by themselves.
        """
        low, high = b"", ENDLESS
        best: Match | None = None
        for lane in (self._views.get(host) or self._open_view(host)).lanes:
            if best is not None and best.rank > lane.ceiling:
                break
            place = bisect_right(lane.cuts, path) - 1
            low, high = max(low, lane.cuts[place]), min(high, *lane.cuts[place + 1 : place + 2], ENDLESS)
            found = next(_fitting(lane.leaves[place] or self._grow_leaf(lane, path), method), None)
            if found is None or (best is not None and best.rank > found.rank):
                continue
            if found.match is None:
                return None
            best = found.match
        return low, high

    def candidates(self) -> Iterator[tuple[Candidate, Service | None]]:
        """Every candidate with its service, for explain: routes of absent services are no candidates."""
        for compiled in self._compiled.values():
            service_id = compiled.route.service_id
            if service_id is None or service_id in self._services:
                service = None if service_id is None else self._services[service_id]
                for candidate in compiled.candidates:
                    yield candidate, service

    def __len__(self) -> int:
        return len(self._compiled)

    def __repr__(self) -> str:
        return f"<RouteTable {len(self)} routes, {len(self._indices)} hosts, {len(self._broken)} left out>"

    def _open_view(self, header: bytes) -> _View:
        host, port = split_host(header)
        names = dict.fromkeys((*pattern_names(host, self._max_labels), ANY_HOST))
        lanes = [self._lane(name) for name in names if name in self._indices]
        lanes.sort(key=lambda lane: lane.ceiling, reverse=True)
        view = _View(host, port, tuple(lanes))
        if len(header) <= _MAX_VIEW_BYTES:
            if len(self._views) >= _MAX_VIEWS:
                # Made-up hosts filled it; the real ones are back after one miss each.
                self._views.clear()
            self._views[header] = view
        return view

    def _lane(self, name: bytes) -> _Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(self._indices[name])
        return lane

    def _grow_leaf(self, lane: _Lane, path: bytes) -> Leaf:
        place = lane.index.place_of(path)
        prefix = lane.index.longest[place]
        inside = () if prefix is None else lane.index.enclosing(prefix)
        leaf = lane.leaves[place] = leaf_of(self._choices(inside))
        return leaf

    def _choices(self, candidates: Iterable[Candidate]) -> Iterator[Choice]:
        for candidate in candidates:
            service_id = candidate.route.service_id
            if service_id is None:
                yield Choice(candidate, None)
            elif (service := self._services.get(service_id)) is not None and service.enabled:
                yield Choice(candidate, service)


def _fitting(leaf: Leaf, method: bytes) -> Iterator[Choice | Fork]:
    return (choice for choice in leaf if choice.methods is None or method in choice.methods)


def _dangles(route: Route, services: Mapping[str, Service]) -> bool:
    return route.service_id is not None and route.service_id not in services


class _Edit:
    """Collects what goes and what comes, host by host, so that each index is remade once."""

    def __init__(self, compiled: dict[str, CompiledRoute], broken: dict[str, str]) -> None:
        self.compiled = compiled
        self.broken = broken
        self.max_labels = 0
        self._gone: dict[bytes, list[Candidate]] = {}
        self._come: dict[bytes, list[Candidate]] = {}
        self._added: dict[str, CompiledRoute] = {}

    def remove(self, route_id: str) -> None:
        self.broken.pop(route_id, None)
        old = self.compiled.pop(route_id, None)
        if old is None or self._added.pop(route_id, None) is not None:
            return
        for name in old.host_names:
            self._gone.setdefault(name, []).extend(old.candidates)

    def put(self, route: Route) -> None:
        self.remove(route.id)
        if not is_http(route):
            return
        try:
            self.compiled[route.id] = self._added[route.id] = CompiledRoute(route)
        except ValueError as problem:
            self.broken[route.id] = str(problem)

    def applied_to(self, indices: dict[bytes, PrefixIndex]) -> dict[bytes, PrefixIndex]:
        for added in self._added.values():
            for name in added.host_names:
                self._come.setdefault(name, []).extend(added.candidates)
                if b"*" in name:
                    self.max_labels = max(self.max_labels, name.count(b"."))
        edited = indices.copy()
        for name in self._gone.keys() | self._come.keys():
            index = edited.get(name, EMPTY).edited(self._gone.get(name, ()), self._come.get(name, ()))
            if index.shelves:
                edited[name] = index
            else:
                edited.pop(name, None)
        return edited
