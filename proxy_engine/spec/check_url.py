"""One URL that describes a whole active check, turned into the fields it stands for.

Grammar::

    url   = scheme "://" [host [":" port]] [path] ["?" name "=" value *("&" name "=" value)]

``scheme``  http, https, tcp, grpc or grpcs
``host``    Host header and TLS name (not of tcp); without one, or as ``_``, the upstream's or the target's own
``port``    where to ask; without one, the target's own
``path``    of the request; of gRPC: the name of the service

Good: ``http://_/health?interval=5s&timeout=500ms``, ``https://shop.example/up?status=200-299&contains=UP``,
``tcp://?failures=2``, ``tcp://_:5432``, ``grpc:///orders.v1.Orders?interval=2s&unhealthy_interval=1s``.
Bad: ``/health`` (no scheme), ``http://_/?intervall=5`` (unknown name), ``tcp://_/path`` (nothing is asked for).

It describes the check as a whole: what it does not name gets the usual values of a check that acts (not Kong's zeros:
whoever writes it wants one), and the defaults beyond those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from .health_fields import ACTIVE, CHECK_TYPES
from .probe_fields import PROBE
from .schema import Problem, nest
from .upstreams import UPSTREAM_FIELDS

USUAL: dict[str, Any] = {
    "healthchecks.active.healthy.interval": 5,
    "healthchecks.active.healthy.successes": 2,
    "healthchecks.active.unhealthy.interval": 5,
    "healthchecks.active.unhealthy.http_failures": 3,
    "healthchecks.active.unhealthy.tcp_failures": 3,
    "healthchecks.active.unhealthy.timeouts": 3,
}
"""Of a check that acts. Forms offer the same."""

MAX_STATUSES = 1000
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


class Parameter(NamedTuple):
    """``fields``: the paths that get the value. ``join``: of what may be given several times, its values as one."""

    read: Callable[[str], Any]  # raises ValueError with what is wrong
    fields: tuple[str, ...]
    types: tuple[str, ...] = CHECK_TYPES
    join: Callable[[list[Any]], Any] | None = None


def _seconds(text: str) -> float:
    number, unit = text, "s"
    for suffix in _UNITS:
        if text.endswith(suffix):
            number, unit = text.removesuffix(suffix), suffix
            break
    seconds = round(_number(number, "a time such as 5s or 500ms") * _UNITS[unit], 3)
    return int(seconds) if seconds.is_integer() else seconds


def _number(text: str, wanted: str = "a number") -> float:
    if not text.isascii() or not text.replace(".", "", 1).isdigit():
        raise ValueError(f"expected {wanted}")
    return float(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError("expected a whole number")
    return int(text)


def _switch(text: str) -> bool:
    if text not in _SWITCH:
        raise ValueError("expected on or off")
    return _SWITCH[text]


def _statuses(text: str) -> list[int]:
    """``200,302`` or ``200-299``."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low = _count(first)
        high = _count(last) if dash else low
        if not 100 <= low <= high <= 999:
            raise ValueError("expected statuses such as 200,302 or 200-299")
        found += range(low, high + 1)
    if len(found) > MAX_STATUSES:
        raise ValueError("too many statuses")
    return found


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError("expected Name:value")
    return name.strip(), value.strip()


def _joined_headers(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    return headers


def _active(*names: str) -> tuple[str, ...]:
    return tuple(f"healthchecks.active.{name}" for name in names)


HTTP, TLS, NOT_TCP = ("http", "https"), ("https", "grpcs"), ("http", "https", "grpc", "grpcs")
PARAMETERS: dict[str, Parameter] = {
    "interval": Parameter(_seconds, _active("healthy.interval", "unhealthy.interval")),
    "unhealthy_interval": Parameter(_seconds, _active("unhealthy.interval")),
    "timeout": Parameter(_seconds, _active("timeout")),
    "successes": Parameter(_count, _active("healthy.successes")),
    "failures": Parameter(_count, _active("unhealthy.http_failures", "unhealthy.tcp_failures", "unhealthy.timeouts")),
    "http_failures": Parameter(_count, _active("unhealthy.http_failures"), NOT_TCP),
    "tcp_failures": Parameter(_count, _active("unhealthy.tcp_failures")),
    "timeouts": Parameter(_count, _active("unhealthy.timeouts")),
    "concurrency": Parameter(_count, _active("concurrency")),
    "jitter": Parameter(_number, ("probe.jitter",)),
    "start_unhealthy": Parameter(_switch, ("probe.start_unhealthy",)),
    "status": Parameter(_statuses, _active("healthy.http_statuses"), HTTP),
    "bad_status": Parameter(_statuses, _active("unhealthy.http_statuses"), HTTP),
    "method": Parameter(str.upper, ("probe.method",), HTTP),
    "body": Parameter(str, ("probe.body",), HTTP),
    "contains": Parameter(str, ("probe.contains",), HTTP),
    "matches": Parameter(str, ("probe.matches",), HTTP),
    "json": Parameter(str, ("probe.json",), HTTP, list),
    "header": Parameter(_header, _active("headers"), NOT_TCP, _joined_headers),
    "verify": Parameter(_switch, _active("https_verify_certificate"), TLS),
    "sni": Parameter(str, _active("https_sni"), TLS),
}
"""In the order in which they are applied: the narrower after the wider."""


def read_check_url(url: Any, field: str) -> tuple[dict[str, Any], list[Problem]]:
    """A patch of an upstream's values, and what is wrong with the URL, all of it at ``field``."""
    try:
        flat = _flat(url)
    except ValueError as error:
        return {}, [Problem((field,), f"invalid check url: {error}")]
    messages = dict.fromkeys(_refused(flat))  # one parameter may set several fields, and be wrong for each
    problems = [Problem((field,), f"invalid check url: {message}") for message in messages]
    return ({} if problems else _whole(nest(flat))), problems


def _whole(patch: Mapping[str, Any]) -> dict[str, Any]:
    active = ACTIVE.merge(ACTIVE.fresh_default(), patch["healthchecks"]["active"])
    return {"healthchecks": {"active": active}, "probe": PROBE.fresh_default() | patch["probe"]}


def _flat(url: Any) -> dict[str, Any]:
    if not isinstance(url, str):
        raise ValueError("expected a string")
    if not url.isprintable() or " " in url:
        raise ValueError("it has spaces or control characters; write %20 for a space")
    parts = urlsplit(url)
    if parts.scheme not in CHECK_TYPES or "://" not in url:
        raise ValueError(f"it must start with one of: {', '.join(f'{name}://' for name in sorted(CHECK_TYPES))}")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("it must not have a user or a fragment")
    return {
        **USUAL,
        "healthchecks.active.type": parts.scheme,
        **_place(parts.scheme, parts.path),
        "probe.host": None if parts.hostname in (None, "_") or parts.scheme == "tcp" else _host(parts.netloc),
        "probe.port": parts.port,
        **_parameters(parts.scheme, parts.query),
    }


def _host(netloc: str) -> str:
    """As it was written, without the port; IPv6 in its brackets."""
    return netloc.rpartition(":")[0] if ":" in netloc.rpartition("]")[2] else netloc


def _place(scheme: str, path: str) -> dict[str, Any]:
    if scheme in HTTP:
        return {"healthchecks.active.http_path": path or "/"}
    if scheme in ("grpc", "grpcs"):
        return {"probe.grpc_service": unquote(path.removeprefix("/")) or None}
    if path not in ("", "/"):
        raise ValueError("a tcp check asks for no path")
    return {}


def _parameters(scheme: str, query: str) -> dict[str, Any]:
    """Raises ValueError."""
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=len(PARAMETERS) + 100)
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    for name, texts in given.items():
        if name not in PARAMETERS:
            raise ValueError(f"unknown parameter '{name[:40]}'; known are: {', '.join(PARAMETERS)}")
        if scheme not in PARAMETERS[name].types:
            raise ValueError(f"'{name}' has no effect on a {scheme} check")
        if len(texts) > 1 and PARAMETERS[name].join is None:
            raise ValueError(f"'{name}' is given twice")
    return dict(_values(given))


def _values(given: Mapping[str, list[str]]) -> Iterator[tuple[str, Any]]:
    for name, parameter in PARAMETERS.items():
        if name not in given:
            continue
        try:
            read = [parameter.read(text) for text in given[name]]
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        value = parameter.join(read) if parameter.join else read[0]
        yield from ((field, value) for field in parameter.fields)


def _refused(flat: Mapping[str, Any]) -> Iterator[str]:
    """What the fields themselves do not take, under the names of the URL."""
    for path, value in flat.items():
        problems: list[Problem] = []
        first, *rest = path.split(".")
        UPSTREAM_FIELDS[first].field_at(tuple(rest)).check(value, (), problems)
        yield from (f"{_name_of(path)}: {problem.message}" for problem in problems)


def _name_of(path: str) -> str:
    by_parameter = (name for name, parameter in PARAMETERS.items() if path in parameter.fields)
    return next(by_parameter, path.rpartition(".")[2])
