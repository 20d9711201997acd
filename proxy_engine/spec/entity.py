"""What a kind of editable row is: its fields, its rules, and what makes it findable.

Each subject (``services``, ``people``, ``certificates``, ``plugins`` …) describes its kinds with these; ``entities``
collects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import scalars
from .schema import Checked, Field, Integer, Problem, Set, String

CONTROL_FIELDS = ("id", "created_at", "updated_at")
"""Written by the control plane, carried along unchecked."""

Rule = Callable[[Mapping], Iterable[Problem]]
Values = dict[str, Any]


@dataclass(frozen=True)
class Entity:
    """One kind of editable row.

    ``unique``: keys that no two rows may share. In a key of one field null claims nothing; beside other fields null is
    a value as any (two global plugins of one name collide).
    ``also``: what clients may send along that is no field of the row, e.g. a certificate's ``snis``, which are rows of
    their own. Checked where given, absent from the values otherwise.
    """

    kind: str
    label: str  # one of them, in a sentence: "route"
    fields: Mapping[str, Field]
    unique: tuple[tuple[str, ...], ...]
    label_field: str  # what people call it; "id" where the only name would be a secret
    rules: tuple[Rule, ...] = ()
    fill: Callable[[Values], Values] | None = None  # before: defaults that depend on other fields
    normalise: Callable[[Values], Values] | None = None  # after, on well-formed values
    expand: Callable[[Mapping], Checked] | None = None  # shorthands and couplings of clients → plain fields
    variant: Callable[[Mapping], Mapping[str, Field] | None] | None = None  # fields that depend on the values
    endpoint_key: str | None = None  # the field by which a URL may name it
    has_updated_at: bool = True
    also: Mapping[str, Field] = field(default_factory=dict)

    def fields_for(self, values: Mapping) -> Mapping[str, Field]:
        """The fields of an entity with these values: the settings of a plugin depend on its name."""
        return (self.variant(values) if self.variant else None) or self.fields


@dataclass(frozen=True)
class AtLeastOneOf:
    """A rule over the whole entity: one of the fields (dotted paths) has something in it."""

    paths: tuple[str, ...]
    name = "at_least_one_of"

    def __call__(self, values: Mapping) -> Iterable[Problem]:
        if not any(map(is_filled, values_at(values, self.paths))):
            yield Problem(
                ("@entity",), f"at least one of these fields must be non-empty: {quoted(self.paths)}", "required"
            )


@dataclass(frozen=True)
class ExactlyOneOf:
    paths: tuple[str, ...]
    name = "only_one_of"

    def __call__(self, values: Mapping) -> Iterable[Problem]:
        if sum(map(is_filled, values_at(values, self.paths))) != 1:
            yield Problem(("@entity",), f"exactly one of these fields must be non-empty: {quoted(self.paths)}")


@dataclass(frozen=True)
class AllOrNoneOf:
    paths: tuple[str, ...]
    name = "all_or_none_of"

    def __call__(self, values: Mapping) -> Iterable[Problem]:
        if len(set(map(is_filled, values_at(values, self.paths)))) > 1:
            yield Problem(("@entity",), f"all or none of these fields must be set: {quoted(self.paths)}")


def is_filled(value: Any) -> bool:
    return value is not None and value != [] and value != {}


def values_at(values: Mapping, paths: Iterable[str]) -> Iterable[Any]:
    """Of well-formed values; null where a record on the way is null."""
    for path in paths:
        value: Any = values
        for step in path.split("."):
            value = None if value is None else value[step]
        yield value


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


# -- fields that several kinds have -----------------------------------------------------------------------------------


def text(*rules: scalars.Rule, **kw: Any) -> String:
    return String(rules=rules, **kw)


def milliseconds(sentence: str) -> Integer:
    return Integer(default=60000, min=1, max=2147483646, unit="ms", help=sentence)


def tags() -> Set:
    return Set(of=text(scalars.tag, max_length=255), help="Words for grouping and filtering, e.g. team-a.")


def name(sentence: str) -> String:
    return text(scalars.name, max_length=255, help=sentence)
