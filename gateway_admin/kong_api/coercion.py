"""Texts of a form → values of the types that the schema asks for. JSON bodies never come here: they say what they mean.

What does not read as the type stays as it is, so that the check says "expected an integer" and shows nobody's guess.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from proxy_engine import spec

_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?\Z")
_BOOLEANS = {"true": True, "false": False}


def coerced(fields: Mapping[str, spec.Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Names that ``fields`` does not know are none of our business here; empty texts are null everywhere."""
    return {name: _value(fields.get(name), value) for name, value in values.items()}


def _value(field: spec.Field | None, value: Any) -> Any:
    if value == "":
        return None
    if isinstance(field, spec.Array):
        items = value if isinstance(value, list) else [value]
        return value if isinstance(value, dict) else [_value(field.of, item) for item in items]
    if isinstance(value, dict):
        return _inside(field, value)
    return _scalar(field, value)


def _inside(field: spec.Field | None, value: dict) -> dict:
    if isinstance(field, spec.Record):
        return coerced(field.read_fields(), value)
    inner = field.values if isinstance(field, spec.Map) else None
    return {name: _value(inner, item) for name, item in value.items()}


def _scalar(field: spec.Field | None, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if isinstance(field, spec.Boolean):
        return _BOOLEANS.get(value, value)
    return number(value) if isinstance(field, spec.Number) else value


def number(text: str) -> Any:
    """The number, or the text where it is none that a double could hold."""
    if not _NUMBER.match(text):
        return text
    if text.lstrip("+-").isdigit():
        return int(text)
    found = float(text)
    return found if math.isfinite(found) else text
