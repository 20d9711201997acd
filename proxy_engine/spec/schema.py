"""A small schema language: what fields an entity has, their defaults, and what may stand in them.

A field checks one JSON value: it appends ``Problem``s and returns the value in normal form. JSON is never coerced
(``"80"`` is no integer), as in Kong; forms convert before they call. From the same tables come the model checks, the
forms, the REST serializers, the OpenAPI document and the engine's own check on load.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import scalars

Path = tuple[str | int, ...]
ENTITY: Path = ("@entity",)
MAX_TEXT = 8192  # characters in one string; nginx refuses longer header lines anyway
MAX_ITEMS = 1000  # members of one list or map
MAX_NAME = 255  # characters in the name of a map's entry
MAX_NUMBER = 2**53  # a number without a range of its own; beyond it JSON readers lose digits


class Problem(NamedTuple):
    """One thing wrong with an entity. ``code``: invalid, required, unknown, unique, reference, in_use."""

    path: Path
    message: str
    code: str = "invalid"

    @property
    def field(self) -> str:
        """``healthchecks.active.timeout``, ``paths.0``; ``@entity`` when the whole entity is meant."""
        return ".".join(str(step) for step in self.path)


class Checked(NamedTuple):
    values: dict[str, Any]
    problems: list[Problem]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field. ``default`` stands in where the field is absent (or null, unless required: then null is refused).

    ``nullable``: null stays null although there is a default, as Kong does it; for settings of plugins, which deck
    compares as they were written. ``help``: one sentence for forms and the OpenAPI document. ``ours``: Kong does not
    have this field, so Kong's dialect neither shows nor resets it. ``secret``: sealed where it is stored, and shown to
    those only who may edit.
    """

    default: Any = None
    required: bool = False
    nullable: bool = False
    help: str = ""
    ours: bool = False
    secret: bool = False
    rules: tuple[Callable[[Any], str | None], ...] = ()
    choices: tuple[Any, ...] | None = None
    type_name = "a value"

    def fresh_default(self) -> Any:
        return copy.deepcopy(self.default)

    def check(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if value is None:
            if self.required:
                problems.append(Problem(path, "required field missing", "required"))
                return None
            return None if self.nullable else self.fresh_default()
        found = len(problems)
        value = self.check_type(value, path, problems)
        if len(problems) == found:
            problems.extend(Problem(path, message) for message in self.complaints(value))
        return value

    def complaints(self, value: Any) -> Iterable[str]:
        if self.choices is not None and value not in self.choices:
            yield f"expected one of: {', '.join(str(choice) for choice in self.choices)}"
            return
        for rule in self.rules:
            if message := rule(value):
                yield message
                return

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        raise NotImplementedError

    def expected(self, path: Path, problems: list[Problem]) -> None:
        problems.append(Problem(path, f"expected {self.type_name}"))

    def merge(self, current: Any, patch: Any) -> Any:
        return patch


@dataclass(frozen=True, kw_only=True)
class String(Field):
    """``multiline``: line ends and tabs may stand in it (PEM, a body). Never for what becomes a header."""

    type_name = "a string"
    max_length: int = MAX_TEXT
    multiline: bool = False

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, str):
            self.expected(path, problems)
        elif not value:
            problems.append(Problem(path, "length must be at least 1"))
        elif len(value) > self.max_length:
            problems.append(Problem(path, f"length must be at most {self.max_length}"))
        elif (scalars.UNCLEAN_IN_LINES if self.multiline else scalars.UNCLEAN).search(value):
            problems.append(Problem(path, "must not contain control characters"))
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Field):
    """``min`` and ``max``: both or neither, or ``max`` beside ``above``, than which the value has to be greater."""

    type_name = "a number"
    min: float | None = None
    max: float | None = None
    above: float | None = None
    unit: str = ""

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        # Compared, not asked by ``math.isfinite``: that cannot take integers beyond a double.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf:
            self.expected(path, problems)
            return value
        if self.above is not None and value <= self.above:
            problems.append(Problem(path, f"value must be greater than {self.above}"))
            return value
        low = -MAX_NUMBER if self.min is None else self.min
        high = MAX_NUMBER if self.max is None else self.max
        if not low <= value <= high:
            problems.append(Problem(path, f"value should be between {low} and {high}"))
        return value


@dataclass(frozen=True, kw_only=True)
class Integer(Number):
    type_name = "an integer"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, float):
            self.expected(path, problems)
            return value
        return super().check_type(value, path, problems)


@dataclass(frozen=True, kw_only=True)
class Boolean(Field):
    type_name = "a boolean"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, bool):
            self.expected(path, problems)
        return value


@dataclass(frozen=True, kw_only=True)
class Array(Field):
    """A list that keeps order and duplicates."""

    of: Field
    min_items: int = 0
    type_name = "an array"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, (list, tuple)):
            self.expected(path, problems)
            return value
        if len(value) > MAX_ITEMS:
            problems.append(Problem(path, f"length must be at most {MAX_ITEMS}"))
            return value
        if len(value) < self.min_items:
            problems.append(Problem(path, f"length must be at least {self.min_items}"))
        return [self._item(item, (*path, index), problems) for index, item in enumerate(value)]

    def _item(self, item: Any, path: Path, problems: list[Problem]) -> Any:
        if item is None:
            self.of.expected(path, problems)
            return None
        return self.of.check(item, path, problems)


@dataclass(frozen=True, kw_only=True)
class Set(Array):
    """A list without duplicates; the first occurrence stays."""

    type_name = "a set"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        found = len(problems)
        items = super().check_type(value, path, problems)
        if len(problems) > found:
            return items
        unique: list[Any] = []
        for item in items:
            if item not in unique:
                unique.append(item)
        return unique


@dataclass(frozen=True, kw_only=True)
class Map(Field):
    """Name → value. Problems of an entry stand at ``field.name``."""

    values: Field
    keys: tuple[Callable[[str], str | None], ...] = ()
    type_name = "a map"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            self.expected(path, problems)
            return value
        if len(value) > MAX_ITEMS:
            problems.append(Problem(path, f"length must be at most {MAX_ITEMS}"))
            return value
        return {key: self._entry(key, item, path, problems) for key, item in value.items()}

    def _entry(self, key: str, item: Any, path: Path, problems: list[Problem]) -> Any:
        path = (*path, shown_name(key))
        if message := self._key_problem(key):
            problems.append(Problem(path, message))
            return item
        if item is None:
            self.values.expected(path, problems)
            return None
        return self.values.check(item, path, problems)

    def _key_problem(self, key: str) -> str | None:
        if not isinstance(key, str) or scalars.UNCLEAN.search(key):
            return "must not contain control characters"
        if len(key) > MAX_NAME:
            return f"length must be at most {MAX_NAME}"
        return next((message for rule in self.keys if (message := rule(key))), None)


@dataclass(frozen=True, kw_only=True)
class Record(Field):
    """Named fields inside a field; absent ones get their defaults, PATCH merges into it. A ``nullable`` one that is
    absent is null.

    ``shorthands``: deprecated name → steps to the field that took its place. Read everywhere, stored nowhere.
    """

    fields: Mapping[str, Field]
    shorthands: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    type_name = "a record"

    def fresh_default(self) -> Any:
        if self.nullable and self.default is None:
            return None
        if self.default is None:
            return {name: field.fresh_default() for name, field in self.fields.items()}
        return copy.deepcopy(self.default)

    def field_at(self, steps: tuple[str, ...]) -> Field:
        first, *rest = steps
        inner = self.fields[first]
        return inner.field_at(tuple(rest)) if rest and isinstance(inner, Record) else inner

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            self.expected(path, problems)
            return value
        if self.shorthands:
            replaced = self._replace_shorthands(value, path, problems)
            value = {name: item for name, item in replaced.items() if name not in self.shorthands}
        return check_fields(self.fields, value, path, problems)

    def merge(self, current: Any, patch: Any) -> Any:
        if not isinstance(patch, Mapping) or not isinstance(current, Mapping):
            return patch
        return merge_fields(self.fields, current, self._replace_shorthands(patch, (), []))

    def _replace_shorthands(self, values: Mapping, path: Path, problems: list[Problem]) -> dict[str, Any]:
        """Each at its new place; one that is wrong stays where it is and is reported under the name it was given."""
        replaced = dict(values)
        for old, steps in self.shorthands.items():
            if old not in replaced:
                continue
            found, value = len(problems), replaced[old]
            if value is not None:
                self.field_at(steps).check(value, (*path, old), problems)
                if len(problems) == found and _at(values, steps) not in (None, value):
                    names = f"'{old}', '{'.'.join(steps)}'"
                    text = f"both deprecated and new field are used but their values mismatch: {names}"
                    problems.append(Problem((*path, old), text))
            if len(problems) == found:
                del replaced[old]
                replaced = replaced if value is None else _put(replaced, steps, value)
        return replaced

    def read_fields(self) -> dict[str, Field]:
        """All that may be given: what is stored, and what is read under a deprecated name."""
        return {**self.fields, **{old: self.field_at(steps) for old, steps in self.shorthands.items()}}

    def with_shorthands(self, values: Mapping) -> dict[str, Any]:
        """Well-formed values as Kong answers them: the deprecated names too."""
        return {**values, **{old: _at(values, steps) for old, steps in self.shorthands.items()}}


@dataclass(frozen=True, kw_only=True)
class Reference(Field):
    """A foreign key: ``{"id": "<uuid>"}``. Further keys are dropped, as Kong does; names are resolved before this."""

    to: str = ""
    forbidden: bool = False  # only null may stand here: a scope that the plugin does not have
    type_name = "a record"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if self.forbidden:
            problems.append(Problem(path, "value must be null"))
            return value
        if not isinstance(value, Mapping):
            self.expected(path, problems)
            return value
        key = value.get("id")
        if key is None:
            problems.append(Problem((*path, "id"), "missing primary key", "required"))
        elif not scalars.is_uuid(key):
            problems.append(Problem((*path, "id"), "expected a valid UUID"))
        else:
            return {"id": key.lower()}
        return value


@dataclass(frozen=True, kw_only=True)
class Object(Field):
    """A record whose fields depend on its neighbours (the settings of a plugin on its name).

    Those who know the neighbours check it with a ``Record`` in its place, see ``Entity.fields_for``.
    """

    type_name = "a record"

    def check_type(self, value: Any, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            self.expected(path, problems)
        return value


def _at(values: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def _put(values: Mapping, steps: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy with ``value`` at the end of ``steps``. A step that leads through something else than a record stays."""
    first, *rest = steps
    inner = values.get(first)
    if not rest:
        return {**values, first: value}
    if inner is not None and not isinstance(inner, Mapping):
        return dict(values)
    return {**values, first: _put(inner or {}, tuple(rest), value)}


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` → ``{"a": {"b": 1}}``."""
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *records, name = path.split(".")
        place = nested
        for record in records:
            place = place.setdefault(record, {})
        place[name] = value
    return nested


def shown_name(name: Any) -> str:
    """A client's name for a field as it may stand in an answer or a log: one line, bounded, valid Unicode."""
    return scalars.UNCLEAN.sub("\N{REPLACEMENT CHARACTER}", str(name)[:MAX_NAME])


def check_fields(fields: Mapping[str, Field], values: Mapping, path: Path, problems: list[Problem]) -> dict[str, Any]:
    for name in values:
        if name not in fields:
            problems.append(Problem((*path, shown_name(name)), "unknown field", "unknown"))
    return {
        name: field.check(values[name] if name in values else field.fresh_default(), (*path, name), problems)
        for name, field in fields.items()
    }


def merge_fields(fields: Mapping[str, Field], current: Mapping, patch: Mapping) -> dict[str, Any]:
    merged = dict(current)
    for name, value in patch.items():
        field = fields.get(name)
        merged[name] = field.merge(current.get(name), value) if field else value
    return merged
