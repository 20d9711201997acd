"""How a client asks to drain a target: ``{"seconds": 300, "then": "off", "keepSticky": false}``, all of it optional."""

from __future__ import annotations

from typing import Any

from gateway_admin.catalog.draining import REQUEST
from gateway_admin.common.problems import EntityInvalid
from proxy_engine.spec import ENTITY, Problem

from .names import camel, inner_names


def read_drain(body: Any, at: tuple[str, ...] = ()) -> dict[str, Any]:
    """A checked ``REQUEST``; raises ``EntityInvalid``. ``at``: where in the whole body it stands."""
    if not isinstance(body, dict):
        raise EntityInvalid([Problem(at or ENTITY, "expected an object")])
    names = inner_names(REQUEST)
    problems: list[Problem] = []
    unknown = [Problem((name,), "unknown field", "unknown") for name in body if name not in names]
    values = REQUEST.check({names[name]: value for name, value in body.items() if name in names}, (), problems)
    if unknown or problems:
        told = [Problem((camel(problem.path[0]),), problem.message, problem.code) for problem in problems]
        raise EntityInvalid([problem._replace(path=(*at, *problem.path)) for problem in (*unknown, *told)])
    return values
