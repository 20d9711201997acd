"""Entities → the document that deck would write: sorted, nested, without what a reader puts back by itself.

Left out are defaults, and ids and references that names and places say already. So that nothing is lost by that, each
entity is read back before it is written: whatever would come out differently is written after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from proxy_engine.spec import entities
from proxy_engine.spec.schema import Field, Record

from .hidden import hide
from .kinds import COMPUTED, holds_secret, home_fields, in_order, names, natural_keys, references
from .text import READ_AS_NUMBER, READ_AS_SWITCH

Entities = Mapping[str, Iterable[Mapping[str, Any]]]

_HASHED = "basicauth_credentials"
_PLAIN_REFERENCES = ("services", "plugins")  # deck writes theirs as text, all others as a record


@dataclass(frozen=True)
class Choice:
    """What to write. ``select_tags``: only what has all of them, and the tags once for all in the head.

    ``for_kong``: without the fields that Kong does not have. ``with_secrets``: else secrets are written as hidden, and
    the file can be read only where they are stored.
    """

    select_tags: tuple[str, ...] = ()
    with_ids: bool = False
    for_kong: bool = False
    with_secrets: bool = False


def write(stored: Entities, choice: Choice = Choice()) -> dict[str, Any]:
    """``stored``: everything there is, also what is not chosen: references point there."""
    return _Writer(stored, choice).document()


class _Writer:
    def __init__(self, stored: Entities, choice: Choice) -> None:
        self.choice = choice
        self._stored = {(kind, values["id"]): values for kind, listed in stored.items() for values in listed}
        self._chosen = {at: values for at, values in self._stored.items() if self._is_chosen(values)}
        self._written: dict[tuple[str, str], dict] = {}

    def _is_chosen(self, values: Mapping) -> bool:
        return set(self.choice.select_tags) <= set(values["tags"] or ())

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"_format_version": "3.0"}
        if self.choice.select_tags:
            document["_info"] = {"select_tags": list(self.choice.select_tags)}
        if self._has_hashes():
            document["_transform"] = False
        for kind in in_order():
            chosen = [(at, values) for at, values in self._chosen.items() if at[0] == kind]
            for at, values in sorted(chosen, key=lambda item: _rank(*item)):
                home = self._home(kind, values)
                self._written[at] = self._entity(kind, values, home)
                place = document if home is None else self._written[_pointed_at(kind, values, home)]
                place.setdefault(kind, []).append(self._written[at])
        return document

    def _has_hashes(self) -> bool:
        """Passwords are stored, and so written, as hashes with the consumer's id in them."""
        return self.choice.with_secrets and any(kind == _HASHED for kind, _ in self._chosen)

    def _home(self, kind: str, values: Mapping) -> str | None:
        """The field by which it belongs to exactly one other that is written too."""
        homes = [field for field in home_fields(kind) if values[field] is not None]
        is_inside = len(homes) == 1 and _pointed_at(kind, values, homes[0]) in self._written
        return homes[0] if is_inside else None

    def _entity(self, kind: str, values: Mapping, home: str | None) -> dict[str, Any]:
        fields = {
            name: field
            for name, field in entities.KINDS[kind].fields_for(values).items()
            if name not in COMPUTED.get(kind, ()) and not (self.choice.for_kong and field.ours)
        }
        shown = dict(_needed(fields, {name: values[name] for name in fields}))
        _put_back_what_would_be_lost(kind, shown, values, fields)
        if not self.choice.with_secrets:
            shown = hide(kind, shown)
        for field in references(kind):
            if field in shown:
                shown[field] = self._reference(kind, field, values)
        shown.pop(home, None)
        self._select(shown, values)
        return ({"id": values["id"]} if self._needs_id(kind, values) else {}) | shown

    def _needs_id(self, kind: str, values: Mapping) -> bool:
        computed = COMPUTED.get(kind, ())
        keys = [key for key in natural_keys(kind, values) if key[0][0] not in computed]
        if not self.choice.with_secrets:
            keys = [key for key in keys if not holds_secret(kind, key)]
        is_hashed_in = kind == "consumers" and self._has_hashes()
        return self.choice.with_ids or is_hashed_in or not keys

    def _reference(self, kind: str, field: str, values: Mapping) -> Any:
        to = references(kind)[field]
        pointed = self._stored.get((to, values[field]["id"]), {})
        name = next((name for name in names(to) if isinstance(pointed.get(name), str)), None)
        if kind in _PLAIN_REFERENCES:
            return pointed[name] if name else values[field]["id"]
        return {name: pointed[name]} if name else {"id": values[field]["id"]}

    def _select(self, shown: dict[str, Any], values: Mapping) -> None:
        """The reader adds the tags of the head to each entity."""
        if self.choice.select_tags:
            shown["tags"] = [tag for tag in values["tags"] if tag not in self.choice.select_tags]
            if not shown["tags"]:
                del shown["tags"]


def _pointed_at(kind: str, values: Mapping, field: str) -> tuple[str, str]:
    return references(kind)[field], values[field]["id"]


def _rank(at: tuple[str, str], values: Mapping) -> tuple:
    """By name; those without come last, by id. The two parts of a name decide before the id does."""
    label = values.get(entities.KINDS[at[0]].label_field)
    return label is None, str(label or ""), at[1]


# -- what need not be written -----------------------------------------------------------------------------------------


def _needed(fields: Mapping[str, Field], values: Mapping) -> Iterator[tuple[str, Any]]:
    for name, field in fields.items():
        value = values.get(name)
        if value != field.fresh_default():
            is_record = isinstance(field, Record) and isinstance(value, Mapping)
            yield name, dict(_needed(field.fields, value)) if is_record else value


def _put_back_what_would_be_lost(kind: str, shown: dict[str, Any], values: Mapping, fields: Mapping) -> None:
    """Some defaults depend on other fields, as a plugin's protocols on its name."""
    read = entities.check(kind, shown).values
    for name in fields:
        if read.get(name) != values[name]:
            shown[name] = values[name]


# -- text -------------------------------------------------------------------------------------------------------------


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
    """Text that other readers, or ours, would take for a number or a switch is quoted; PEM stands line by line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.Dumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", READ_AS_NUMBER, list("-+.0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", READ_AS_SWITCH, list("yYnNoOtTfF"))


def to_yaml(document: Mapping[str, Any]) -> str:
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**20)
