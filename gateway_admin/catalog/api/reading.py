"""From the body of a request to values of the spec: names, and the shorthands this dialect takes.

service
    ``url`` = protocol, host, port and path in one · ``upstreamId`` (id or name) = the upstream's name as ``host``
route
    ``serviceId`` by id or name · a path ``/x/*`` = the prefix ``/x/`` · a header's value alone = a list of one
upstream
    ``algorithm``: ``hash``, ``ip-hash``, ``health-aware``, ``weighted-round-robin`` for their equals ·
    ``hashOn``: ``header:NAME``, ``cookie:NAME``, ``query:NAME``, ``uri-capture:NAME``, ``uri`` = ``path`` ·
    ``checkUrl`` = ``healthcheck.active`` and ``probe`` in one (``proxy_engine.spec.check_url``)
target
    ``upstreamId`` by id or name · ``target`` = ``http://host:port/path`` for target, scheme and path in one
plugin
    ``pluginName`` = ``name`` · settings also under Kong's names (``key_names``), as every plugin's page has them
"""

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any
from urllib.parse import urlsplit

from gateway_admin.catalog import queries
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import ENTITY, Problem
from proxy_engine.spec.check_url import read_check_url

from .names import inner_names, names_in

Problems = list[Problem]


def read(kind: str, body: Any, *, base: Mapping, ignored: frozenset[str]) -> dict[str, Any]:
    """The values that ``body`` sets; raises ``EntityInvalid`` for what cannot be understood.

    ``base``: the stored values where the body is a patch, empty where it is the whole. ``ignored``: names that answers
    have but nobody can set; clients send whole answers back.
    """
    if not isinstance(body, dict):
        raise EntityInvalid([Problem(ENTITY, "expected an object")])
    problems: Problems = []
    values = _renamed(kind, body, base, ignored, problems)
    values = _references(kind, values, problems)
    if kind in _SHORTHANDS:
        values = _SHORTHANDS[kind](values, base, problems)
    if problems:
        raise EntityInvalid(problems)
    return {name: _empty_as_unset(kind, name, value) for name, value in values.items()}


def _renamed(kind: str, body: dict, base: Mapping, ignored: frozenset[str], problems: Problems) -> dict[str, Any]:
    names, values = names_in(kind), {}
    for name, value in body.items():
        field = names.get(name)
        if name in ignored:
            continue
        if field is None:
            problems.append(Problem((name,), "unknown field", "unknown"))
        elif field in values:
            problems.append(Problem((name,), "given twice, under two names"))
        else:
            values[field] = value
    fields = KINDS[kind].spec.fields_for({**base, **values})
    return {field: _inner_renamed(fields.get(field), value, (field,), problems) for field, value in values.items()}


def _inner_renamed(field: spec.Field | None, value: Any, path: spec.schema.Path, problems: Problems) -> Any:
    if not isinstance(field, spec.Record) or not isinstance(value, dict):
        return value
    names, known, renamed = inner_names(field, kongs_too=path[0] == "config"), field.read_fields(), {}
    for name, inner in value.items():
        if name not in names:
            problems.append(Problem((*path, name), "unknown field", "unknown"))
        elif names[name] in renamed:
            problems.append(Problem((*path, name), "given twice, under two names", "unknown"))
        else:
            own = names[name]
            renamed[own] = _inner_renamed(known[own], inner, (*path, own), problems)
    return renamed


def _references(kind: str, values: dict, problems: Problems) -> dict[str, Any]:
    named = {name: to for name, to in KINDS[kind].references.items() if values.get(name) is not None}
    return values | {name: _reference(to, values[name], (name,), problems) for name, to in named.items()}


def _reference(kind: str, key: Any, path: spec.schema.Path, problems: Problems) -> dict | None:
    if not isinstance(key, str):
        problems.append(Problem(path, "expected a string"))
        return None
    entity_id = queries.id_of(kind, key)
    if entity_id is None:
        label = KINDS[kind].label
        problems.append(Problem(path, f"there is no {label} with the id or name '{key}'", "reference"))
        return None
    return {"id": str(entity_id)}


def _empty_as_unset(kind: str, name: str, value: Any) -> Any:
    """Answers show an unset list as ``[]``; sent back it stays unset."""
    field = KINDS[kind].spec.fields.get(name)
    is_empty = (value == [] and isinstance(field, spec.Array)) or (value == {} and isinstance(field, spec.Map))
    return None if is_empty and field.default is None else value


# --- Services --------------------------------------------------------------------------------------------


def _service(values: dict, base: Mapping, problems: Problems) -> dict[str, Any]:
    values, url_problems = spec.expand("services", values)
    problems += url_problems
    if "upstream" not in values:
        return values
    key = values.pop("upstream")
    if key is None:
        return values
    if not isinstance(key, str):
        problems.append(Problem(("upstream",), "expected a string"))
        return values
    name = queries.upstream_name(key)
    if name is None:
        problems.append(Problem(("upstream",), f"there is no upstream with the id or name '{key}'", "reference"))
    elif values.setdefault("host", name) != name:
        text = f"names the upstream '{name}', but host is '{values['host']}': leave one of the two out"
        problems.append(Problem(("upstream",), text))
    return values


# --- Routes ----------------------------------------------------------------------------------------------


def _route(values: dict, base: Mapping, problems: Problems) -> dict[str, Any]:
    if isinstance(values.get("paths"), list):
        values["paths"] = [_path(path, index, problems) for index, path in enumerate(values["paths"])]
    if isinstance(values.get("headers"), dict):
        headers = values["headers"].items()
        values["headers"] = {name: [value] if isinstance(value, str) else value for name, value in headers}
    return values


def _path(path: Any, index: int, problems: Problems) -> Any:
    if not isinstance(path, str) or path.startswith("~"):
        return path
    prefix = path[:-1] if path.endswith("/*") else path
    if "*" in prefix:
        text = "only a closing /* stands for anything; for more write ~ and a regular expression"
        problems.append(Problem(("paths", index), text))
    return prefix


# --- Upstreams -------------------------------------------------------------------------------------------

_HASHING = "consistent-hashing"
_ALGORITHMS = {
    "hash": {"algorithm": _HASHING},
    "ip-hash": {"algorithm": _HASHING, "hash_on": "ip"},
    "health-aware": {"algorithm": "least-connections"},  # every algorithm of ours leaves unhealthy targets out
    "weighted-round-robin": {"algorithm": "round-robin"},  # every algorithm of ours honours weights
}
_HASH_DETAILS = {"header": "header", "cookie": "cookie", "query": "query_arg", "uri-capture": "uri_capture"}


def _upstream(values: dict, base: Mapping, problems: Problems) -> dict[str, Any]:
    if isinstance(values.get("algorithm"), str):
        values |= _ALGORITHMS.get(values["algorithm"], {})
    if "check_url" in values:
        values = _checked_by_url(values, problems)
    for selector in ("hash_on", "hash_fallback"):
        values |= _hash_input(selector, values.get(selector))
    return _couple(values, base.get("hash_on", "none"))


def _checked_by_url(values: dict, problems: Problems) -> dict[str, Any]:
    rest = {name: value for name, value in values.items() if name != "check_url"}
    if values["check_url"] is None:
        return rest
    checks = rest.get("healthchecks")
    if "probe" in rest or (isinstance(checks, Mapping) and "active" in checks):
        text = "describes the whole check: leave healthcheck.active and probe out"
        problems.append(Problem(("check_url",), text))
        return rest
    patch, found = read_check_url(values["check_url"], "check_url")
    problems += found
    if not patch or not isinstance(checks, Mapping | NoneType):
        return rest
    return rest | patch | {"healthchecks": {**(checks or {}), **patch["healthchecks"]}}


def _hash_input(selector: str, text: Any) -> dict[str, Any]:
    """``header:X-User`` → the selector and its detail; what is no shorthand stays for the spec to judge."""
    if text == "uri":
        return {selector: "path"}
    if not isinstance(text, str) or ":" not in text:
        return {}
    source, _, name = text.partition(":")
    if source not in _HASH_DETAILS or not name:
        return {}
    detail = _HASH_DETAILS[source]
    prefix = "hash_on" if detail == "cookie" else selector  # Kong has one cookie for both
    return {selector: detail, f"{prefix}_{detail}": name}


def _couple(values: dict, stored_hash_on: str) -> dict[str, Any]:
    """Hashing needs an input, and an input asks for hashing. What a body says itself is never overruled.

    Kong lets ``consistent-hashing`` stand without an input, and one target then gets all; here the address is hashed.
    """
    hash_on = values.get("hash_on") or stored_hash_on
    if values.get("algorithm") == _HASHING and hash_on == "none":
        return values | {"hash_on": "ip"}
    if "algorithm" not in values and values.get("hash_on") not in (None, "none"):
        return values | {"algorithm": _HASHING}
    return values


# --- Targets ---------------------------------------------------------------------------------------------

_PORTS = {"http": 80, "https": 443}


def _target(values: dict, base: Mapping, problems: Problems) -> dict[str, Any]:
    text = values.get("target")
    if not isinstance(text, str) or "://" not in text:
        return values
    try:
        return values | _split_url(text)
    except ValueError as error:
        problems.append(Problem(("target",), f"invalid url: {error}"))
        return values


def _split_url(url: str) -> dict[str, Any]:
    """A URL overrides ``scheme`` and ``path`` even where they are given too, as ``url`` does with a service."""
    if not url.isprintable() or " " in url:
        raise ValueError("it has spaces or control characters")  # urlsplit would quietly drop some of them
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("it must start with http:// or https://")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("it must not have a user, query or fragment")
    if not parts.hostname:
        raise ValueError("it names no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    return {"target": f"{host}:{port}", "scheme": parts.scheme, "path": parts.path.rstrip("/") or None}


_SHORTHANDS: dict[str, Callable[[dict, Mapping, Problems], dict]] = {
    "services": _service,
    "routes": _route,
    "upstreams": _upstream,
    "targets": _target,
}
