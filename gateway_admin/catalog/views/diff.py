"""One change, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from proxy_engine import spec

ABSENT = object()


class Edit(NamedTuple):
    """``before`` or ``after`` is ABSENT where the field did not exist."""

    field: str
    before: Any
    after: Any

    @property
    def was_there(self) -> bool:
        return self.before is not ABSENT

    @property
    def is_there(self) -> bool:
        return self.after is not ABSENT


def edits(kind: str, before: Mapping | None, after: Mapping | None) -> list[Edit]:
    """What differs. Of a creation or a deletion: the fields that are not at their defaults."""
    old, new = dict(_flat(before or {})), dict(_flat(after or {}))
    is_edit = before is not None and after is not None
    usual = {} if is_edit or kind not in spec.KINDS else dict(_flat(spec.defaults(kind)))
    found = [Edit(field, old.get(field, ABSENT), new.get(field, ABSENT)) for field in old | new]
    return [edit for edit in found if edit.before != edit.after and not _is_usual(edit, usual)]


def _is_usual(edit: Edit, usual: Mapping) -> bool:
    value = edit.after if edit.is_there else edit.before
    return edit.field in usual and usual[edit.field] == value


def _flat(values: Mapping, path: str = "") -> Iterator[tuple[str, Any]]:
    """Records by dotted path; lists stay whole, they are replaced whole."""
    for name, value in values.items():
        if not path and name in spec.CONTROL_FIELDS:
            continue
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
