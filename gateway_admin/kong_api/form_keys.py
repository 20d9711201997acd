"""The names of form fields that mean a place in a document, as Kong's clients write them.

Grammar::

    name  = word *( "." word / "[" [ key ] "]" )
    word  = anything without "." "[" "]"
    key   = "" (append) / a number from 1 (a place in a list) / anything else (the name of a map's entry)

Good: ``healthchecks.active.http_path``, ``paths[]``, ``config.key_names[1]``, ``headers[x.y]``, ``headers.location[]``.
A name that does not read so (``.a``, ``a.``, ``a[b``, one nested beyond reason) stands for itself, and the schema then
refuses it as an unknown field. The same name twice makes a list.
"""

import re
from collections.abc import Iterable
from typing import Any

MAX_STEPS = 16  # the deepest setting of any plugin has five
APPEND = 0  # positions count from 1

_NAME = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^\[\]]*\])*\Z")
_STEP = re.compile(r"\[([^\[\]]*)\]|([^.\[\]]+)")
_POSITION = re.compile(r"[1-9][0-9]{0,8}\Z")

Step = str | int


class _Repeated(list):
    """The values of a name that came several times."""


def document(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Names and values in their order → one nested document. What contradicts what came before replaces it."""
    root: dict[Step, Any] = {}
    for name, value in pairs:
        _place(root, steps_of(name), value)
    return {str(name): _finished(value) for name, value in root.items()}


def steps_of(name: str) -> list[Step]:
    if not _NAME.match(name):
        return [name]
    steps = [_step(*found) for found in _STEP.findall(name)]
    return steps if len(steps) <= MAX_STEPS else [name]


def _step(key: str, word: str) -> Step:
    if word:
        return word
    return int(key) if _POSITION.match(key) else key or APPEND


def _place(root: dict[Step, Any], steps: list[Step], value: Any) -> None:
    container = root
    for step in steps[:-1]:
        key = _key(container, step)
        if not isinstance(container.get(key), dict):
            container[key] = {}
        container = container[key]
    key = _key(container, steps[-1])
    if key not in container or isinstance(container[key], dict):
        container[key] = value
    elif isinstance(container[key], _Repeated):
        container[key].append(value)
    else:
        container[key] = _Repeated([container[key], value])


def _key(container: dict[Step, Any], step: Step) -> Step:
    if step != APPEND:
        return step
    place = len(container) + 1
    while place in container:
        place += 1
    return place


def _finished(value: Any) -> Any:
    if isinstance(value, _Repeated):
        return list(value)
    if not isinstance(value, dict):
        return value
    if all(isinstance(key, int) for key in value):
        return [_finished(value[place]) for place in sorted(value)]
    return {str(key): _finished(item) for key, item in value.items()}
