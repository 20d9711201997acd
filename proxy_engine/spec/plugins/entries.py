"""The ``name:value`` entries of the transformer plugins. In bodies they may have several lines; complaints never do."""

from __future__ import annotations

import re

from proxy_engine.spec.schema import shown_name

_ENTRY = re.compile(r"[^:]+:.*\Z", re.S)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")


def with_value(entry: str) -> str | None:
    """Good: ``a:b``, ``a:b:c``. Bad: ``a``, ``a:``, ``:b``."""
    name, _, value = entry.partition(":")
    return None if name and value else f"key '{shown_name(name)}' has no value"


def pair(entry: str) -> str | None:
    return None if _ENTRY.match(entry) else f"invalid value: {shown_name(entry)}"


def header(entry: str) -> str | None:
    """``Name`` or ``Name:value``."""
    name = entry.partition(":")[0]
    return None if _TOKEN.match(name) else f"'{shown_name(name)}' is not a valid header"


def header_pair(entry: str) -> str | None:
    return pair(entry) or header(entry)


def header_rename(entry: str) -> str | None:
    """``Old:New``."""
    return header_pair(entry) or header(entry.partition(":")[2])
