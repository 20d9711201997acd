"""Certificates and keys in PEM, made when first asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

DAY = timedelta(days=1)


class Pair(NamedTuple):
    cert: str
    key: str


@cache
def a_pair(kind: str = "EC", number: int = 0, *, is_authority: bool = False, lasts: int = 3650) -> Pair:
    """Self-signed. ``kind``: EC, RSA or Ed25519. ``lasts``: days from now; below zero: expired since."""
    key = _KEYS[kind]()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"test {number}")])
    end = datetime.now(UTC) + lasts * DAY
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(end - 10_000 * DAY)
        .not_valid_after(end)
    )
    if is_authority:
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = made.sign(key, None if kind == "Ed25519" else SHA256())
    return Pair(signed.public_bytes(Encoding.PEM).decode(), _pem(key))


_KEYS = {
    "EC": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def _pem(key, encryption=None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


@cache
def a_locked_key() -> str:
    return _pem(_KEYS["EC"](), BestAvailableEncryption(b"passphrase"))
