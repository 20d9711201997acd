"""What stands where: a document of nested lists → one flat list of entities, each with its place and its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from proxy_engine.spec import entities
from proxy_engine.spec.schema import Path, Problem, shown_name

from .kinds import children, names

HEAD_KEYS = ("_format_version", "_transform", "_info", "_comment", "_ignore", "_workspace", "_plugin_configs")
REMARKS = ("_comment", "_ignore", "ws_id")  # Kong's own export names the workspace of each entity
_UNKNOWN = "unknown field, or a kind this version does not know"


class Found(NamedTuple):
    kind: str
    path: Path
    values: dict[str, Any]
    parent: tuple[str, int] | None  # the field that is given by where it stands, and the place of what it points at


def flatten(document: Mapping, problems: list[Problem]) -> Iterator[Found]:
    """In the order of the file, parents before what stands inside them."""
    return _Walk(problems).document(document)


class _Walk:
    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.place = 0  # of the next one

    def document(self, document: Mapping) -> Iterator[Found]:
        for key, listed in document.items():
            if key in entities.KINDS:
                yield from self._listed(key, (key,), listed, None)
            elif key not in HEAD_KEYS:
                self.problems.append(Problem((shown_name(key),), _UNKNOWN, "unknown"))

    def _listed(self, kind: str, path: Path, listed: Any, parent) -> Iterator[Found]:
        if listed is None:
            return
        if not isinstance(listed, list):
            self.problems.append(Problem(path, "expected an array"))
            return
        for number, values in enumerate(listed):
            if isinstance(values, str) and parent and names(kind):
                values = {names(kind)[0]: values}  # snis: [example.com]
            if isinstance(values, Mapping):
                yield from self._one(kind, (*path, number), values, parent)
            else:
                self.problems.append(Problem((*path, number), "expected a record"))

    def _one(self, kind: str, path: Path, written: Mapping, parent) -> Iterator[Found]:
        inside = children(kind)
        own = {name: value for name, value in written.items() if name not in REMARKS and name not in inside}
        place, self.place = self.place, self.place + 1
        yield Found(kind, path, own, parent)
        for child, field in inside.items():
            if child in written:  # the nearest counts: a plugin of a service's route is the route's alone
                yield from self._listed(child, (*path, child), written[child], (field, place))
