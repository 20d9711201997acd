"""Secrets inside an entity's values: keys, passwords, private keys. The spec says which fields they are.

Values in memory have them plain. ``sealed`` is the form of the change log, ``masked`` the form for everybody who may
not see them. The columns seal themselves (``common.sealed_fields``).
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from gateway_admin.common.sealing import is_sealed, seal, unseal
from proxy_engine import spec

MASK = "******"

Conversion = Callable[[Any], Any]


def sealed(kind: str, values: dict | None) -> dict | None:
    return _each_secret(kind, values, lambda secret: seal(json.dumps(secret)))


def unsealed(kind: str, values: dict | None) -> dict | None:
    """Of a change: what was stored. Raises ``SecretUnreadable``.

    What is not sealed was written by a release that took it for no secret.
    """
    return _each_secret(kind, values, lambda text: json.loads(unseal(text)) if is_sealed(text) else text)


def masked(kind: str, values: dict | None) -> dict | None:
    """Plain or sealed values, all the same: nothing of a secret is left but that there is one."""
    return _each_secret(kind, values, lambda _: MASK)


def _each_secret(kind: str, values: dict | None, conversion: Conversion) -> dict | None:
    if values is None or not may_have_secrets(kind):
        return values
    return spec.convert_secrets(kind, values, conversion)


@cache
def may_have_secrets(kind: str) -> bool:
    """Kinds that a later release knew, in the log of a database that was used by it, have none that we could find."""
    if kind not in spec.KINDS:
        return False
    entity = spec.KINDS[kind]
    return entity.variant is not None or any(map(spec.has_secrets, entity.fields.values()))
