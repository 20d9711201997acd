"""One entity before and after, field by field. Secrets are named as changed and never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gateway_admin.common.sealing import SecretUnreadable
from proxy_engine import spec

from .models import Change
from .secrecy import masked, unsealed

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
    shown_old, shown_new = dict(_flat(masked(kind, before) or {})), dict(_flat(masked(kind, after) or {}))
    is_edit = before is not None and after is not None
    usual = {} if is_edit or kind not in spec.KINDS else dict(_flat(spec.defaults(kind)))
    return [
        Edit(field, shown_old.get(field, ABSENT), shown_new.get(field, ABSENT))
        for field in old | new
        if (was := old.get(field, ABSENT)) != (becomes := new.get(field, ABSENT))
        and not _is_usual(field, was if becomes is ABSENT else becomes, usual)
    ]


def edits_of(change: Change) -> list[Edit]:
    """Compared as they were: the sealed form of a secret is never twice the same."""
    try:
        before, after = unsealed(change.kind, change.before), unsealed(change.kind, change.after)
    except SecretUnreadable:
        before, after = change.before, change.after
    return edits(change.kind, before, after)


def _is_usual(field: str, value: Any, usual: Mapping) -> bool:
    return field in usual and usual[field] == value


def _flat(values: Mapping, path: str = "") -> Iterator[tuple[str, Any]]:
    """Records by dotted path; lists stay whole, they are replaced whole."""
    for name, value in values.items():
        if not path and name in spec.CONTROL_FIELDS:
            continue
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
