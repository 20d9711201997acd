"""Kong's error bodies: ``{"code", "name", "message", "fields"}`` from the entities, ``{"message"}`` from the rest.

Scripts compare these texts, so they are Kong's word for word (Kong 3.10, ``kong/db/errors.lua``).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from proxy_engine.spec import ENTITY, Problem

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WHOLE = ENTITY[0]

Fields = dict[str, Any]


class KongError(Exception):
    """An answer instead of the one that was hoped for. ``body`` None: an empty one."""

    def __init__(self, status: int, body: dict[str, Any] | None, headers: Mapping[str, str] | None = None):
        self.status, self.body, self.headers = status, body, headers or {}
        super().__init__(f"{status} {body}")


def plain(status: int, message: str) -> KongError:
    return KongError(status, {"message": message})


def not_found() -> KongError:
    return plain(404, "Not found")


def coded(code: int, name: str, message: str, *, status: int = 400, **details: Any) -> KongError:
    return KongError(status, {"code": code, "name": name, "message": message} | details)


# --- Of one entity -----------------------------------------------------------------------------------------


def invalid_primary_key(key: str) -> KongError:
    fields = {"id": "expected a valid UUID"}
    return coded(1, "invalid primary key", f"invalid primary key: '{quoted({'id': key})}'", fields=fields)


def invalid_unique(field: str, message: str) -> KongError:
    """The address names an entity by something that none could be called."""
    return coded(10, f"invalid unique {field}", message)


def no_such_entity(key: dict[str, Any]) -> KongError:
    which = "primary key " if "id" in key else ""
    message = f"could not find the entity with {which}'{quoted(key)}'"
    return coded(6, "not found", message, status=404, fields=key)


def taken_primary_key(key: str) -> KongError:
    fields = {"id": key}
    return coded(3, "primary key violation", f"primary key violation on key '{quoted(fields)}'", fields=fields)


def taken(key: dict[str, Any]) -> KongError:
    message = f"UNIQUE violation detected on '{quoted(key)}'"
    return coded(5, "unique constraint violation", message, status=409, fields=key)


def dangling(field: str, kind: str, key: dict[str, Any]) -> KongError:
    message = f"the foreign key '{quoted(key)}' does not reference an existing '{kind}' entity."
    return coded(4, "foreign key violation", message, fields={field: key})


def unresolved(field: str, kind: str, key: dict[str, Any]) -> KongError:
    """A foreign key given by name: nobody has it."""
    (name,) = key
    reason = f"the foreign key cannot be resolved with '{quoted(key)}' for an existing '{kind}' entity"
    message = f"foreign key unresolved ({field}.{name}: {reason})"
    return coded(13, "foreign keys unresolved", message, fields={field: {name: reason}})


def still_referenced(kind: str, by: str) -> KongError:
    message = f"an existing '{by}' entity references this '{kind}' entity"
    return coded(4, "foreign key violation", message, fields={"@referenced_by": by})


def still_listed(message: str) -> KongError:
    return coded(19, "referenced by others", message)


def schema_violation(problems: Iterable[Problem]) -> KongError:
    fields = _fields(problems)
    lines = _lines(fields)
    violations = "schema violation" if len(lines) == 1 else f"{len(lines)} schema violations"
    return coded(2, "schema violation", f"{violations} ({'; '.join(lines)})", fields=fields)


# --- Of a list ---------------------------------------------------------------------------------------------


def invalid_size(message: str) -> KongError:
    return coded(9, "invalid size", message)


def invalid_offset(token: str, reason: str) -> KongError:
    return coded(7, "invalid offset", f"'{token}' is not a valid offset: {reason}")


def invalid_tags(reason: str) -> KongError:
    return coded(11, "invalid options", f"invalid option (tags: {reason})", options={"tags": reason})


# --- How messages are built --------------------------------------------------------------------------------


def quoted(key: Any) -> str:
    """``{name="x",service={id="…"}}``: sorted by name."""
    if isinstance(key, Mapping):
        return "{" + ",".join(f"{name}={quoted(key[name])}" for name in sorted(key)) + "}"
    if key is None:
        return "null"
    return f'"{key}"'


def _fields(problems: Iterable[Problem]) -> Fields:
    """Nested as the body is. Of several problems in one place the first is told; of the whole entity all are."""
    root: Fields = {}
    for problem in problems:
        if problem.path == ENTITY:
            told = root.setdefault(_WHOLE, [])
            if problem.message not in told:
                told.append(problem.message)
        else:
            _put(root, problem)
    return {name: _as_list(value) for name, value in root.items()}


def _put(root: Fields, problem: Problem) -> None:
    inner = root
    for step in problem.path[:-1]:
        inner = inner.setdefault(step, {})
        if not isinstance(inner, dict):
            return
    inner.setdefault(problem.path[-1], problem.message)


def _as_list(value: Any) -> Any:
    """Items of a list by their place, with nulls where nothing is wrong."""
    if not isinstance(value, dict):
        return value
    if all(isinstance(step, int) for step in value):
        return [_as_list(value.get(place)) for place in range(max(value) + 1)]
    return {str(step): _as_list(inner) for step, inner in value.items()}


def _lines(fields: Fields) -> list[str]:
    lines = list(fields.get(_WHOLE, ()))
    for name in sorted(fields.keys() - {_WHOLE}):
        lines += _lines_of(name, fields[name])
    return lines


def _lines_of(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [f"{name}: {value}"]
    items = sorted(value.items()) if isinstance(value, dict) else [(n, item) for n, item in enumerate(value, 1) if item]
    return [f"{name}.{step}: {inner if isinstance(inner, str) else pretty(inner)}" for step, inner in items]


def pretty(value: Any) -> str:
    """As Kong prints what is nested deeper, in the notation of its language: ``{healthy={interval="…"}}``."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_lua_key(name)}={pretty(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        items = [f"[{n}]={pretty(item)}" for n, item in enumerate(value, 1) if item is not None]
        return "{" + ",".join(items if None in value else map(pretty, value)) + "}"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _lua_key(name: str) -> str:
    return name if _IDENTIFIER.match(name) else f'["{name}"]'
