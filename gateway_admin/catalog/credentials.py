"""What becomes of values as they are written, beyond what the spec says: it takes chance, a clock or a hash."""

import hashlib
import secrets
import string
from collections.abc import Mapping
from typing import Any

from proxy_engine import spec

KEY_LENGTH = 32  # Kong's
_KEY_SIGNS = string.ascii_letters + string.digits


def as_given(
    kind: str, values: dict[str, Any], given: Mapping, now_s: float, current: Mapping | None = None
) -> dict[str, Any]:
    """Well-formed values as they are stored. ``ttl`` becomes ``expires_at``, a password its hash.

    ``given``: what the client sent of them, so that a password which is in the values but was not sent stays the hash
    it already is. So does the stored hash (``current``) itself: a client that sends back what it read means no change.
    """
    if kind == "keyauth_credentials":
        values = _with_expiry(values, given, now_s)
    if kind == "basicauth_credentials" and "password" in given and not _is_stored(values["password"], current):
        values = values | {"password": password_hash(values["password"], values["consumer"]["id"])}
    return with_key(kind, {name: value for name, value in values.items() if name not in spec.KINDS[kind].also})


def _is_stored(password: str, current: Mapping | None) -> bool:
    return current is not None and password == current["password"]


def with_key(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """A key for who brings none."""
    if kind == "keyauth_credentials" and values["key"] is None:
        return values | {"key": "".join(secrets.choice(_KEY_SIGNS) for _ in range(KEY_LENGTH))}
    return values


def _with_expiry(values: dict[str, Any], given: Mapping, now_s: float) -> dict[str, Any]:
    """``ttl`` 0 or null: it never expires, unless the client said when instead."""
    if "ttl" not in values or (not values["ttl"] and given.get("expires_at") is not None):
        return values
    return values | {"expires_at": int(now_s) + values["ttl"] if values["ttl"] else None}


def password_hash(password: str, consumer_id: str) -> str:
    """Kong's form of a basic-auth password, which its API answers with and its files contain: SHA-1, salted with the
    consumer. Weak for people's passwords, which is why it is sealed in its column as well."""
    return hashlib.sha1((password + consumer_id).encode(), usedforsecurity=False).hexdigest()
