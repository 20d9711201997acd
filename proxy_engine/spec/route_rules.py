"""Rules of a route: what its protocols demand and forbid, and what its paths may be.

Path grammar::

    path   = prefix | "~" regex
    prefix = "/" …            literal, normalised: no "//", no dot segments, no needless escapes
    regex  = "/" …            anchored at the start, not at the end; RE2 syntax: no look-around, no back-references

Good: ``/api``, ``/café`` (for ``/caf%C3%A9``), ``~/users/(?<id>[0-9]+)$``.
Bad: ``api``, ``/a//b``, ``/a/../b``, ``/caf%C3%A9``, ``~(``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import re2

from . import scalars
from .paths import normal_path
from .schema import ENTITY, Problem

# RE2 takes time linear in the text, times the size of the pattern. These bound the factor: a hostile pattern within
# them costs tens of milliseconds on an 8 KiB path; without them 300 times ``(.*)`` took seconds.
MAX_PATTERN_BYTES = 1 << 20  # memory of one pattern with its automaton
MAX_INSTRUCTIONS = 2000
MAX_GROUPS = 20

FAMILIES = (("http", "https"), ("tcp", "tls", "udp"), ("tls_passthrough",), ("grpc", "grpcs"))
_STREAM = ("tcp", "tls", "udp", "tls_passthrough")
_MUST_START = "should start with: / (fixed path) or ~/ (regex path)"


def _options(*, is_ascii: bool, ignore_case: bool) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_BYTES
    options.case_sensitive = not ignore_case
    if is_ascii:
        options.encoding = re2.Options.Encoding.LATIN1
    return options


_OPTIONS = {
    (is_ascii, ignore_case): _options(is_ascii=is_ascii, ignore_case=ignore_case)
    for is_ascii in (True, False)
    for ignore_case in (True, False)
}


def compile_regex(regex: str, *, ignore_case: bool = False) -> Any:
    """A compiled pattern over bytes. Raises ``re2.error`` with the reason.

    ASCII patterns match byte by byte, as PCRE does without its UTF mode, so that ``.`` and ``[^/]`` take bytes that are
    not UTF-8 too.
    """
    pattern = re2.compile(regex.encode("utf-8"), _OPTIONS[regex.isascii(), ignore_case])
    if pattern.groups > MAX_GROUPS:
        raise re2.error(f"more than {MAX_GROUPS} groups")
    if pattern.programsize > MAX_INSTRUCTIONS:
        raise re2.error("pattern too large")
    return pattern


def regex_problem(regex: str, *, ignore_case: bool = False) -> str | None:
    try:
        compile_regex(regex, ignore_case=ignore_case)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        return f"invalid regex: '{regex}' ({text})"
    return None


def route_path(value: str) -> str | None:
    if not value.startswith(("/", "~/")):
        return _MUST_START
    if "//" in value:
        return "must not have empty segments"
    if message := scalars.bad_escape(value):
        return message
    return regex_problem(value[1:]) if value.startswith("~") else _prefix_problem(value)


def _prefix_problem(value: str) -> str | None:
    try:
        normal = normal_path(value.encode("utf-8")).decode("utf-8")
    except UnicodeDecodeError:
        return f"invalid path: '{value}' (escapes that are not UTF-8 can only be matched by a regex path)"
    except ValueError as error:
        return f"invalid path: '{value}' ({error})"
    if normal == value:
        return None
    if scalars.UNCLEAN.search(normal):
        return f"invalid path: '{value}' (control characters can only be matched by a regex path)"
    return f"non-normalized path, consider use '{normal}' instead"


def fill_strip_path(values: dict[str, Any]) -> dict[str, Any]:
    """``strip_path`` is off by default for gRPC, whose paths name the method (Kong)."""
    protocols = values.get("protocols")
    if "strip_path" in values or not isinstance(protocols, (list, tuple)):
        return values
    return values | {"strip_path": False} if "grpc" in protocols or "grpcs" in protocols else values


def check_route(values: Mapping) -> Iterable[Problem]:
    protocols = values["protocols"]
    yield from _family_problems(protocols)
    yield from _needed_matchers(values, protocols)
    yield from _forbidden_matchers(values, protocols[0])
    yield from _header_problems(values["headers"] or {})


def _family_problems(protocols: list[str]) -> Iterable[Problem]:
    involved = list(dict.fromkeys(family for name in protocols for family in FAMILIES if name in family))
    if len(involved) > 1:
        sets = ", ".join(f"({', '.join(map(repr, family))})" for family in involved)
        yield Problem(("protocols",), f"these sets are mutually exclusive: {sets}")


def _needed_matchers(values: Mapping, protocols: list[str]) -> Iterable[Problem]:
    if "tls_passthrough" in protocols:
        needed, text = ("snis",), "must set snis when 'protocols' is 'tls_passthrough'"
    elif protocols[0] in _STREAM:
        needed = ("sources", "destinations", "snis")
        text = "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"
    else:
        needed, scheme = _needed_by_http(protocols)
        names = ", ".join(f"'{name}'" for name in needed)
        text = f"must set one of {names} when 'protocols' is '{scheme}'"
    if not any(values[name] for name in needed):
        yield Problem(ENTITY, text, "required")


def _needed_by_http(protocols: list[str]) -> tuple[tuple[str, ...], str]:
    if "https" in protocols:
        return ("methods", "hosts", "headers", "paths", "snis"), "https"
    if "http" in protocols:
        return ("methods", "hosts", "headers", "paths"), "http"
    if "grpcs" in protocols:
        return ("hosts", "headers", "paths", "snis"), "grpcs"
    return ("hosts", "headers", "paths"), "grpc"


_FORBIDDEN = {
    "http": (("sources", "destinations"), "'http' or 'https'"),
    "grpc": (("methods", "sources", "destinations"), "'grpc' or 'grpcs'"),
    "stream": (("methods", "hosts", "paths", "headers"), "'tcp', 'tls', 'tls_passthrough' or 'udp'"),
}


def _forbidden_matchers(values: Mapping, first_protocol: str) -> Iterable[Problem]:
    family = "stream" if first_protocol in _STREAM else first_protocol.removesuffix("s")
    names, which = _FORBIDDEN[family]
    for name in names:
        if values[name]:
            yield Problem((name,), f"cannot set '{name}' when 'protocols' is {which}")
    if family == "grpc" and values["strip_path"]:
        yield Problem(("strip_path",), f"cannot set 'strip_path' when 'protocols' is {which}")
    if values["snis"] and not {"grpcs", "https", "tls", "tls_passthrough"}.intersection(values["protocols"]):
        text = "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"
        yield Problem(("snis",), "length must be 0")
        yield Problem(ENTITY, text)


def _header_problems(headers: Mapping[str, list[str]]) -> Iterable[Problem]:
    for name, values in headers.items():
        if name.lower() == "host":
            yield Problem(
                ("headers",), "cannot contain 'host' header, which must be specified in the 'hosts' attribute"
            )
        for index, value in enumerate(values):
            if value.startswith("~*") and (message := regex_problem(value[2:], ignore_case=True)):
                yield Problem(("headers", name, index), message)
