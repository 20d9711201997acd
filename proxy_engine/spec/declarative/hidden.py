"""Secrets in a file that not everybody may read: what is written in their place, and how they come back.

A hidden secret means "as it is stored". Where nothing is stored the file cannot be used, and says so. Only fields that
are secret can be hidden: elsewhere the same text is a text as any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from proxy_engine.spec import entities
from proxy_engine.spec.schema import Path
from proxy_engine.spec.secrecy import convert_secrets, has_secrets

HIDDEN = "(hidden)"

_MARK = object()  # in place of the text while it is looked up


def hide(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` may be in part; what is not set has nothing to hide."""
    return convert_secrets(kind, values, lambda _: HIDDEN)


def marked(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """With a mark for each hidden secret, for the two functions below."""
    if not _may_have_secrets(kind):
        return values
    return convert_secrets(kind, values, lambda secret: _MARK if secret == HIDDEN else secret)


@cache
def _may_have_secrets(kind: str) -> bool:
    entity = entities.KINDS[kind]
    return entity.variant is not None or any(map(has_secrets, entity.fields.values()))


def hidden_places(value: Any, path: Path = ()) -> Iterator[Path]:
    if value is _MARK:
        yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from hidden_places(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from hidden_places(item, (*path, number))


def revealed(value: Any, stored: Any) -> Any:
    """``value`` with what is hidden in it as it is stored; what is not stored keeps its mark."""
    if value is _MARK and isinstance(stored, str):
        return stored
    if isinstance(value, Mapping) and isinstance(stored, Mapping):
        return {name: revealed(item, stored.get(name)) for name, item in value.items()}
    if isinstance(value, list) and isinstance(stored, list):
        rest = [None] * max(0, len(value) - len(stored))
        return [revealed(item, was) for item, was in zip(value, [*stored, *rest], strict=False)]
    return value
