"""Files between their preview and their import: kept for a while, sealed, for who sent them and nobody else.

In the cache that all processes share: without it, the page would have to ask for the file a second time.
"""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from dataclasses import asdict, dataclass

from django.core.cache import caches
from redis import RedisError

from gateway_admin.common.sealing import SecretUnreadable, seal, unseal

KEPT_S = 30 * 60
_LEVEL = 1  # YAML shrinks to a tenth at once; more would only take longer


class DraftsAway(Exception):
    """The shared cache cannot be reached."""


@dataclass(frozen=True)
class Draft:
    """A file as it was sent, and how it is to be read (``importing.planned``)."""

    text: str
    select_tags: tuple[str, ...] = ()
    keep: bool = True
    keep_ours: bool = False


def keep(user_id: int, draft: Draft) -> str:
    """Its name in addresses."""
    name = secrets.token_urlsafe(16)
    packed = base64.b85encode(zlib.compress(json.dumps(asdict(draft)).encode(), _LEVEL)).decode()
    try:
        caches["default"].set(_key(user_id, name), seal(packed), KEPT_S)
    except (RedisError, OSError) as error:
        raise DraftsAway(str(error)) from error
    return name


def find(user_id: int, name: str) -> Draft | None:
    """None when it is too old, or somebody else's."""
    try:
        sealed = caches["default"].get(_key(user_id, name))
    except (RedisError, OSError) as error:
        raise DraftsAway(str(error)) from error
    if sealed is None:
        return None
    try:
        packed = unseal(sealed)
    except SecretUnreadable:  # sealed before the key was changed
        return None
    values = json.loads(zlib.decompress(base64.b85decode(packed)))
    return Draft(**values | {"select_tags": tuple(values["select_tags"])})


def _key(user_id: int, name: str) -> str:
    return f"import-draft:{user_id}:{name}"
