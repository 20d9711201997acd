"""Consumers and what they prove their identity with: keys, passwords, groups.

A credential's secret is plain here and in everything that goes through ``actions``; it is sealed where it is stored.
"""

from __future__ import annotations

from .entity import AtLeastOneOf, Entity, tags
from .schema import Field, Integer, Reference, String

MAX_TTL_S = 100_000_000


def _consumer() -> Reference:
    return Reference(to="consumers", required=True, help="Whose it is.")


CONSUMERS = Entity(
    "consumers",
    "consumer",
    {
        "username": String(max_length=255, help="A unique name for people, URLs and targets."),
        "custom_id": String(max_length=255, help="The consumer's unique id in a system of yours."),
        "tags": tags(),
    },
    (("username",), ("custom_id",)),
    "username",
    (AtLeastOneOf(("custom_id", "username")),),
    endpoint_key="username",
)

_KEY_FIELDS: dict[str, Field] = {
    "key": String(max_length=512, secret=True, help="What the client sends. Empty: one is made up."),
    "consumer": _consumer(),
    "expires_at": Integer(
        min=0,
        max=253402300799,
        unit="s",
        ours=True,
        help="From then on the key is no longer accepted. Empty: it does not expire.",
    ),
    "tags": tags(),
}
KEYAUTH_CREDENTIALS = Entity(
    "keyauth_credentials",
    "API key",
    _KEY_FIELDS,
    (("key",),),
    "id",
    endpoint_key="key",
    has_updated_at=False,
    also={"ttl": Integer(min=0, max=MAX_TTL_S, unit="s", help="Lifetime from now on; becomes expires_at. 0: none.")},
)
"""``key`` may be absent here: whoever stores a new one makes it up (random, so no business of the spec). ``ttl`` is
what Kong's clients send; turned into ``expires_at`` by whoever has a clock."""

BASICAUTH_CREDENTIALS = Entity(
    "basicauth_credentials",
    "password login",
    {
        "username": String(required=True, max_length=255, help="Unique among all password logins."),
        "password": String(required=True, max_length=1024, secret=True, help="Kept as a hash only."),
        "consumer": _consumer(),
        "tags": tags(),
    },
    (("username",),),
    "username",
    endpoint_key="username",
    has_updated_at=False,
)

ACLS = Entity(
    "acls",
    "group membership",
    {
        "group": String(required=True, max_length=255, help="The name that acl plugins allow or deny."),
        "consumer": _consumer(),
        "tags": tags(),
    },
    (("consumer", "group"),),
    "group",
    endpoint_key="group",
    has_updated_at=False,
)
