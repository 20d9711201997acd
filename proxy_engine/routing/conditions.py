"""What a route asks of a request: one class per kind of attribute.

A condition answers ``holds`` for the router and ``refusal`` (why it does not hold) for explain: one
predicate, two readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from .hosts import HostPattern, parse_pattern
from .match import Headers, RequestHead
from .patterns import PathPattern, ValuePattern


class Condition(Protocol):
    def holds(self, head: RequestHead) -> bool: ...

    def refusal(self, head: RequestHead) -> str: ...


class Methods:
    __slots__ = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = frozenset(name.encode() for name in names)

    def holds(self, head: RequestHead) -> bool:
        return head.method in self.names

    def refusal(self, head: RequestHead) -> str:
        return f"method {_text(head.method)} is not one of {_listed(self.names)}"


class Hosts:
    __slots__ = ("names_port", "patterns")

    def __init__(self, hosts: tuple[str, ...]) -> None:
        """Raises ``ValueError`` when one is no host."""
        self.patterns: tuple[HostPattern, ...] = tuple(parse_pattern(host) for host in hosts)
        self.names_port = any(pattern.port is not None for pattern in self.patterns)

    @property
    def are_plain(self) -> bool:
        return not any(pattern.is_wildcard for pattern in self.patterns)

    def holds(self, head: RequestHead) -> bool:
        return any(pattern.matches(head.host, head.port) for pattern in self.patterns)

    def refusal(self, head: RequestHead) -> str:
        wanted = ", ".join(map(str, self.patterns))
        return f"host {_text(head.host) or '(none)'} (port {head.port}) is not one of {wanted}"


class Snis:
    """Looked at on TLS connections only: a plain request passes (Kong)."""

    __slots__ = ("patterns",)

    def __init__(self, snis: tuple[str, ...]) -> None:
        self.patterns = tuple(parse_pattern(sni) for sni in snis)

    def holds(self, head: RequestHead) -> bool:
        return not head.is_tls or any(pattern.matches(head.sni, head.port) for pattern in self.patterns)

    def refusal(self, head: RequestHead) -> str:
        wanted = ", ".join(map(str, self.patterns))
        return f"server name {_text(head.sni) or '(none)'} is not one of {wanted}"


class Header:
    """One header name of which one of the values must be there: equal, or found by a ``~*`` expression.

    Values are compared without regard to case. In names ``-`` and ``_`` are the same: origins that turn
    headers into variables cannot tell them apart either.
    """

    __slots__ = ("expressions", "has_twin_names", "name", "values")

    def __init__(self, name: str, values: tuple[str, ...]) -> None:
        self.name = name.lower().encode()
        self.has_twin_names = b"-" in self.name or b"_" in self.name
        self.values = frozenset(value.lower().encode() for value in values if not value.startswith("~*"))
        self.expressions = tuple(ValuePattern(value[2:]) for value in values if value.startswith("~*"))

    def holds(self, head: RequestHead) -> bool:
        for value in head.headers.get(self.name, ()):
            if value in self.values:  # as it is written mostly, and a quarter of the cost of looking at all
                return True
        for value in self.seen(head):
            if value in self.values:
                return True
            for expression in self.expressions:
                if expression.search(value):
                    return True
        return False

    def seen(self, head: RequestHead) -> list[bytes]:
        """The request's values of this header in lower case."""
        values = head.headers.get(self.name, ())
        if self.has_twin_names:
            values = [*values, *self._values_of_twins(head.headers)]
        return [value.lower() for value in values]

    def _values_of_twins(self, headers: Headers) -> Iterator[bytes]:
        folded = self.name.replace(b"_", b"-")
        for name, values in headers.items():
            if len(name) == len(folded) and name != self.name and name.replace(b"_", b"-") == folded:
                yield from values

    def refusal(self, head: RequestHead) -> str:
        wanted = [_text(value) for value in sorted(self.values)] + [f"~*{one.text}" for one in self.expressions]
        seen = ", ".join(map(_text, self.seen(head))) or "absent"
        return f"header {_text(self.name)} is {seen}, not one of {', '.join(wanted)}"


class PathPrefix:
    """The path begins so; a prefix may end inside a segment (Kong: ``/foo`` matches ``/foobar``)."""

    __slots__ = ("prefix", "text")

    def __init__(self, path: str) -> None:
        self.text = path
        self.prefix = path.encode()

    def holds(self, head: RequestHead) -> bool:
        return head.path.startswith(self.prefix)

    def refusal(self, head: RequestHead) -> str:
        return f"path {_text(head.path)} does not begin with {self.text}"


class PathRegex:
    __slots__ = ("pattern", "text")

    def __init__(self, path: str) -> None:
        """``path`` begins with ``~``. Raises ``ValueError`` when the expression cannot be compiled."""
        self.text = path
        self.pattern = PathPattern(path[1:])

    def holds(self, head: RequestHead) -> bool:
        return self.pattern.match(head.path) is not None

    def refusal(self, head: RequestHead) -> str:
        return f"path {_text(head.path)} is not matched by {self.text}"


PathCondition = PathPrefix | PathRegex


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _listed(values: frozenset[bytes]) -> str:
    return ", ".join(map(_text, sorted(values)))
