"""Leaves of the route table: routes for one stretch of paths, ready to be gone through in order of rank."""

from __future__ import annotations

from collections.abc import Iterable

from proxy_engine.spec import Service

from .candidates import Candidate
from .conditions import Header
from .match import Match, Rank, RequestHead

_FORK_FROM = 8  # candidates: below, going through them costs less than looking a value up


class Choice:
    """A candidate with its service. ``match`` is there when nothing but the method is left to check."""

    __slots__ = ("_without_captures", "candidate", "match", "methods", "rank", "service")

    def __init__(self, candidate: Candidate, service: Service | None) -> None:
        self.candidate = candidate
        self.service = service
        self.rank = candidate.rank
        self.methods = candidate.methods
        self._without_captures = Match(candidate.route, service, candidate.prefix, None, candidate.rank)
        is_open = candidate.pattern is not None or candidate.residual
        self.match = None if is_open else self._without_captures

    def resolve(self, head: RequestHead) -> Match | None:
        """Checks what the index could not; the regular expression first, being cheaper than reading headers."""
        candidate = self.candidate
        match = self._without_captures
        if candidate.pattern is not None:
            found = candidate.pattern.match(head.path)
            if found is None:
                return None
            prefix, captures = found
            match = Match(candidate.route, self.service, prefix, captures, self.rank)
        for condition in candidate.residual:
            if not condition.holds(head):
                return None
        return match


class Fork:
    """Many choices told apart by the values of one header, such as a tenant's name: looked up, not gone through.

    Stands in a leaf as if it were a choice.
    """

    __slots__ = ("_by_value", "_header", "_others", "match", "methods", "rank")

    def __init__(self, header: Header, by_value: dict[bytes, Leaf], others: Leaf, rank: Rank) -> None:
        self._header = header
        self._by_value = by_value
        self._others = others
        self.rank = rank  # of the best choice below
        self.methods = None
        self.match = None

    def resolve(self, head: RequestHead) -> Match | None:
        best = _first(self._others, head)
        for value in self._header.seen(head):
            found = _first(self._by_value.get(value, ()), head)
            if found is not None and (best is None or found.rank > best.rank):
                best = found
        return best


Leaf = tuple[Choice | Fork, ...]


def leaf_of(choices: Iterable[Choice]) -> Leaf:
    ordered = sorted(choices, key=lambda choice: choice.rank, reverse=True)
    end = next((place for place, choice in enumerate(ordered, 1) if choice.candidate.is_unconditional), len(ordered))
    return _forked(ordered[:end])


def _forked(choices: list[Choice]) -> Leaf:
    header = _most_telling_header(choices) if len(choices) >= _FORK_FROM else None
    if header is None:
        return tuple(choices)
    by_value: dict[bytes, list[Choice]] = {}
    others = []
    for choice in choices:
        values = _exact_values(choice).get(header.name)
        if values is None:
            others.append(choice)
        else:
            for value in values:
                by_value.setdefault(value, []).append(choice)
    leaves = {value: tuple(below) for value, below in by_value.items()}
    return (Fork(header, leaves, _forked(others), choices[0].rank),)


def _most_telling_header(choices: list[Choice]) -> Header | None:
    """The header of which the most different values are asked for, if that is worth a look-up."""
    asked: dict[bytes, set[bytes]] = {}
    for choice in choices:
        for name, values in _exact_values(choice).items():
            asked.setdefault(name, set()).update(values)
    name = max(asked, key=lambda name: len(asked[name]), default=None)
    if name is None or len(asked[name]) < _FORK_FROM:
        return None
    return Header(name.decode(), ())


def _exact_values(choice: Choice) -> dict[bytes, frozenset[bytes]]:
    return {
        condition.name: condition.values
        for condition in choice.candidate.residual
        if isinstance(condition, Header) and not condition.expressions
    }


def _first(leaf: Leaf, head: RequestHead) -> Match | None:
    for choice in leaf:
        if choice.methods is None or head.method in choice.methods:
            found = choice.match or choice.resolve(head)
            if found is not None:
                return found
    return None
