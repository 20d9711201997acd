"""What a form's sections are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """``fields``: path → label. ``slug`` names the tab that shows it on the entity's page; ``is_folded`` in forms.

    ``key``: under which its usual values (PRESETS) and its sentence (views/policy_words) stand, where it has them.
    """

    title: str
    fields: Mapping[str, str]
    slug: str = "settings"
    is_folded: bool = True
    note: str = ""
    key: str = ""


@dataclass(frozen=True)
class Preset:
    """Usual values that a form offers to fill in as long as none of them is set. ``says``: what stands there now."""

    says: str
    offer: str
    values: Mapping[str, Any]


def labels(*names: str, **own: str) -> dict[str, str]:
    return {name: own.get(name) or name.replace("_", " ").capitalize() for name in (*names, *own)}
