"""Secrets at rest: sealed (encrypted and signed) with keys made from the installation's secret key.

A sealed text reads ``g1:KEY:TOKEN``: the version of this form, which key sealed it, and a Fernet token (AES-128-CBC
with HMAC-SHA256). Whoever reads a copy of the database without ``GATEWAY_SECRET_KEY`` learns how long the secrets are.

To rotate: the new key goes into ``GATEWAY_SECRET_KEY``, the old one into ``GATEWAY_SECRET_KEY_FALLBACKS``. Old texts
stay readable, new ones get the new key; after ``manage.py reseal_secrets`` nothing needs the old key any more.

What must be found or be unique has a digest beside it (HMAC-SHA256, a key of its own), since no text is sealed twice
the same way.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = "g1"
KEY_BYTES = 32
KEY_ID_DIGITS = 8  # hexadecimal, tells the keys of one installation apart


class SecretUnreadable(Exception):
    """A sealed text that none of our keys opens."""

    def __init__(self, reason: str):
        super().__init__(
            f"a stored secret cannot be read: {reason}. It was sealed with another GATEWAY_SECRET_KEY: "
            "set that one again, or name it in GATEWAY_SECRET_KEY_FALLBACKS"
        )


@dataclass(frozen=True, repr=False)
class SealKey:
    id: str
    fernet: Fernet
    digest_key: bytes

    def __repr__(self):
        return f"<SealKey {self.id}>"

    @classmethod
    def derive(cls, secret: str) -> "SealKey":
        fernet = Fernet(base64.urlsafe_b64encode(_derived(secret, "seal")))
        return cls(_derived(secret, "id").hex()[:KEY_ID_DIGITS], fernet, _derived(secret, "digest"))

    @property
    def prefix(self) -> str:
        return f"{VERSION}:{self.id}:"


def _derived(secret: str, purpose: str) -> bytes:
    """One secret, several keys: none of them tells anything about another, or about the secret."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=f"gatehouse {VERSION} {purpose}".encode())
    return kdf.derive(secret.encode())


@lru_cache(maxsize=8)
def _keys(*secrets: str) -> tuple[SealKey, ...]:
    return tuple(SealKey.derive(secret) for secret in secrets)


def keys() -> tuple[SealKey, ...]:
    """The one that seals, then those that only open."""
    return _keys(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def seal(text: str) -> str:
    key = keys()[0]
    return key.prefix + key.fernet.encrypt(text.encode()).decode()


def is_sealed(value: object) -> bool:
    return isinstance(value, str) and value.startswith(f"{VERSION}:")


def unseal(sealed: str) -> str:
    version, _, rest = sealed.partition(":")
    key_id, _, token = rest.partition(":")
    if version != VERSION or not token:
        raise SecretUnreadable("it is not in a form that this release knows")
    for key in keys():
        if key.id == key_id:
            return _opened(key, token)
    raise SecretUnreadable(f"no key {key_id} here")


def _opened(key: SealKey, token: str) -> str:
    try:
        return key.fernet.decrypt(token).decode()
    except InvalidToken:
        raise SecretUnreadable("it was damaged or tampered with") from None


def digest(text: str) -> str:
    return _digest(keys()[0], text)


def digests(text: str) -> list[str]:
    """Under which it may be stored: with the key of today and those before."""
    return [_digest(key, text) for key in keys()]


def _digest(key: SealKey, text: str) -> str:
    return hmac.new(key.digest_key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
