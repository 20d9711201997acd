"""The form of an entity: the fields of the spec in the sections of the layout.

It converts and shows; whether the values are right is decided by the action, whose problems come back through
``add_problems`` and land at their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django import forms
from django.forms import BoundField

from gateway_admin.catalog.neighbours import neighbours
from proxy_engine import spec
from proxy_engine.spec.check_url import read_check_url
from proxy_engine.spec.schema import nest

from .fields import MomentField, SearchField, WordsField, field_for
from .hints import hints
from .layout import (
    ATTRIBUTES,
    CHOICE_WORDS,
    COMPLAINTS,
    MOMENTS,
    NOTES,
    ON_ONE_LINE,
    PRESETS,
    SHORTHANDS,
    layout_of,
    rule_at,
    searched,
    value_at,
)
from .sections import Preset, Section


class ShownField(NamedTuple):
    bound: BoundField
    hint: str
    note: str  # a template under the field


class ShownSection(NamedTuple):
    section: Section
    fields: list[ShownField]
    is_open: bool
    preset: Preset | None  # usual values on offer


class EntityForm(forms.Form):
    """``options``: for each reference field (id, label) of what it may name. ``given``: values that the address sets,
    whose fields are left out. ``warnings``: field → what an edit of it would do elsewhere.

    Secrets are never shown: their fields come empty. Those of a stored entity (``is_stored``) stay where nothing is
    typed, and go where one says so.
    """

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, kind: str, *, values: Mapping, data=None, options: Mapping, given: Mapping, **kw):
        self.kind = kind
        self.shape = values
        self.warnings = kw.pop("warnings", {})
        self.options = options
        self.given = given
        rules = {path: self._rule(path) for path in self._paths()}
        secrets = {path: value_at(values, path) for path, rule in rules.items() if rule.secret}
        self.kept = {path: secret for path, secret in secrets.items() if secret is not None and kw.get("is_stored")}
        kw.pop("is_stored", None)
        initial = {path: None if path in secrets else value_at(values, path) for path in rules}
        super().__init__(data, initial=initial | kw.pop("initial", {}), **kw)
        self.fields |= {path: self._field(path, label) for path, label in self._paths().items()}
        for name, label, rule in SHORTHANDS.get(kind, {}).values():
            self.fields[name] = field_for(rule, label=label)

    def _paths(self) -> dict[str, str]:
        every = {path: label for section in self._layout() for path, label in section.fields.items()}
        return {path: label for path, label in every.items() if path not in self.given}

    def _layout(self) -> tuple[Section, ...]:
        return layout_of(self.kind, self.shape)

    def _rule(self, path: str) -> spec.Field:
        return rule_at(self.kind, path, self.shape)

    def _field(self, path: str, label: str) -> forms.Field:
        rule = self._rule(path)
        if path in ON_ONE_LINE:
            field = WordsField(rule, label=label)
        elif path in MOMENTS:
            field = MomentField(rule, label=label)
        elif isinstance(rule, spec.Reference) and searched(self.kind, rule.to):
            field = SearchField(rule, label=label)
        else:
            words = CHOICE_WORDS.get(path, ())
            field = field_for(rule, label=label, options=self.options.get(path, ()), words=words)
        field.widget.attrs |= ATTRIBUTES.get((self.kind, path), {})
        if path in self.kept:
            field.is_kept = True
            field.may_go = not rule.required and (path,) not in spec.KINDS[self.kind].unique
        return field

    def values(self) -> dict[str, Any]:
        """What was typed and what is given, as JSON values under the spec's names. Call after ``is_valid``."""
        return self._nested(self.cleaned_data)

    def _nested(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        found = {path: flat[path] for path in self._paths() if path in flat}
        stays = {path: secret for path, secret in self.kept.items() if found.get(path) is None and not self._goes(path)}
        values = nest(found | stays) | self.given
        if url := flat.get("check_url"):
            patch, _ = read_check_url(url, "check_url")
            return spec.merge(self.kind, values, patch)
        return values

    def _goes(self, path: str) -> bool:
        return f"{self.add_prefix(path)}.goes" in self.data and self.fields[path].may_go

    def clean(self):
        """Where something cannot even be read, say at once what else is wrong; otherwise the action will say it."""
        if url := self.cleaned_data.get("check_url"):
            self.add_problems(read_check_url(url, "check_url")[1])
        if self.errors:
            unread = set(self.errors)
            self.add_problems(
                problem
                for problem in spec.check(self.kind, self._nested(self.cleaned_data)).problems
                if self._place(problem)[0] not in unread and problem.path != spec.ENTITY
            )
        return self.cleaned_data

    @property
    def error_count(self) -> int:
        return sum(len(messages) for messages in self.errors.values())

    def add_problems(self, problems: Iterable[spec.Problem]) -> None:
        for problem in problems:
            field, message = self._place(problem)
            self.add_error(field, message)

    def _place(self, problem: spec.Problem) -> tuple[str | None, str]:
        """The form's field that holds the problem, and the message with the rest of the path in words."""
        if problem.path == spec.ENTITY and (known := COMPLAINTS.get((self.kind, problem.message))):
            return known, problem.message
        if problem.path == spec.ENTITY and self.kind == "ca_certificates":
            return "cert", problem.message  # there is nothing else that could be wrong
        steps = list(problem.path)
        for length in range(len(steps), 0, -1):
            path = ".".join(map(str, steps[:length]))
            if path in self.fields:
                return path, _with_place(steps[length:], problem.message)
        if problem.path == spec.ENTITY or any(path.startswith(f"{problem.field}.") for path in self.fields):
            return None, problem.message  # of the whole entity, or of all settings together
        return None, f"{problem.field}: {problem.message}"

    def go_on_from(self, version: int) -> None:
        """After a conflict the reader has seen the newer changes: saving once more goes over them."""
        self.data = self.data.copy()
        self.data[self.add_prefix("version")] = str(version)

    def fill_in(self, preset: str) -> None:
        """Put the usual values of a preset over what was typed; nothing else is lost."""
        self.data = self.data.copy()
        values = PRESETS[preset].values if preset in PRESETS else {}
        for path, value in values.items():
            self.data[self.add_prefix(path)] = str(self.fields[path].prepare_value(value))

    def sections(self) -> Iterator[ShownSection]:
        notes = {**self.warnings, **self.hints()}
        for section in self._layout():
            shown = [
                ShownField(self[path], notes.get(path, ""), NOTES.get((self.kind, path), ""))
                for path in (*self._shorthand(section), *section.fields)
                if path in self.fields
            ]
            if shown:
                yield ShownSection(section, shown, self._is_open(section, shown), self._preset(section))

    def _shorthand(self, section: Section) -> tuple[str, ...]:
        return SHORTHANDS.get(self.kind, {}).get(section.key, ())[:1]

    def _is_open(self, section: Section, shown: list[ShownField]) -> bool:
        """Folded away are only sections at their defaults: what is set or wrong must be seen."""
        return not section.is_folded or any(
            field.hint or field.bound.errors or self._is_set(field.bound) for field in shown
        )

    def _preset(self, section: Section) -> Preset | None:
        preset = PRESETS.get(section.key)
        return None if preset is None or any(self._is_set(self[path]) for path in preset.values) else preset

    def _is_set(self, bound: BoundField) -> bool:
        default = bound.field.prepare_value(bound.field.rule.fresh_default())
        return _as_shown(bound.value()) != _as_shown(default)

    def hints(self) -> dict[str, str]:
        """Hints for what stands in the form, as long as it is well-formed."""
        if not self.is_bound:
            typed = self._nested(self.initial)
        elif self.is_valid():
            typed = self.values()
        else:
            return {}
        checked = spec.check(self.kind, typed)
        if checked.problems:
            return {}
        return hints(self.kind, checked.values, neighbours(self.kind, checked.values))


def _as_shown(value: Any) -> str:
    return "" if value is None or value is False or value == [] else str(value)


def _with_place(rest: list[str | int], message: str) -> str:
    """``entry 2: …`` in a list, ``x-region: …`` in a map."""
    words = [f"entry {step + 1}" if isinstance(step, int) else step for step in rest if step != "id"]
    return f"{', '.join(words)}: {message}" if words else message
