"""The router again, slow and obvious: asks every path of every route and sorts. Written from Kong's rules."""

from __future__ import annotations

import re
import uuid

from proxy_engine.spec import Route


def route_for(
    routes: list[Route], method: str, host: str, path: str, headers: dict[str, list[str]], tls: bool, sni: str
) -> tuple[Route, str] | None:
    """The winner and the text its path matched."""
    found = []
    for route in routes:
        if not (
            _has_method(route, method)
            and _has_host(route.hosts, host)
            and _has_headers(route, headers)
            and _has_sni(route, tls, sni)
        ):
            continue
        for place, wanted in enumerate(route.paths or (None,)):
            matched = _matched(wanted, path)
            if matched is not None:
                found.append((_priority(route, wanted, place), route, matched))
    if not found:
        return None
    _, route, matched = max(found, key=lambda one: one[0])
    return route, matched


def _has_method(route: Route, method: str) -> bool:
    return not route.methods or method in route.methods


def _has_host(hosts: tuple[str, ...], header: str) -> bool:
    name, _, port = header.lower().partition(":")
    for host in hosts:
        wanted, _, wanted_port = host.lower().partition(":")
        pattern = re.escape(wanted).replace(r"\*", ".+")
        if re.fullmatch(pattern, name.rstrip(".")) and wanted_port in ("", port or "8000"):
            return True
    return not hosts


def _has_headers(route: Route, headers: dict[str, list[str]]) -> bool:
    return all(
        any(value.lower() in map(str.lower, values) for value in headers.get(name, []))
        for name, values in route.headers
    )


def _has_sni(route: Route, tls: bool, sni: str) -> bool:
    return not route.snis or not tls or (sni != "" and _has_host(route.snis, sni))


def _matched(wanted: str | None, path: str) -> str | None:
    if wanted is None:
        return ""
    if wanted.startswith("~"):
        found = re.match(wanted[1:], path)
        return found[0] if found else None
    return wanted if path.startswith(wanted) else None


def _priority(route: Route, path: str | None, place: int) -> tuple:
    kinds = [route.methods, route.hosts, route.headers, route.paths, route.snis]
    is_regex = path is not None and path.startswith("~")
    return (
        sum(1 for kind in kinds if kind),
        bool(route.hosts) and not any("*" in host for host in route.hosts),
        len(route.headers),
        is_regex,
        route.regex_priority if is_regex else 0,
        len(path) if path is not None and not is_regex else 0,
        uuid.UUID(route.id).int,
        -place,
    )
