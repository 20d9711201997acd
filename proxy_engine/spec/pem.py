"""What stands in PEM texts. The one place that knows the ``cryptography`` library.

Every function takes a text; those that read it first raise ValueError with the reason, in words that may be shown.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

MAX_RSA_BITS = 16_384  # as OpenSSL: beyond it a handshake takes seconds

_BEGIN = re.compile(r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
_KEY_TYPES = {
    rsa.RSAPublicKey: "RSA",
    ec.EllipticCurvePublicKey: "ECDSA",
    ed25519.Ed25519PublicKey: "Ed25519",
    ed448.Ed448PublicKey: "Ed448",
}
# The last one is OpenSSL's: a key of the wrong length for its algorithm is to ``cryptography`` "an unknown error".
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, InternalError)


def certificate(text: str) -> x509.Certificate:
    """The first one; the others are its chain, which has to be readable too."""
    try:
        chain = x509.load_pem_x509_certificates(text.encode())
    except _UNREADABLE:
        raise ValueError("not a certificate in PEM") from None
    for link in chain:
        _public_key(link)
    return chain[0]


def private_key(text: str):
    """Whether the factors of an RSA key are primes is not asked: that takes half a second for 4,096 bits, and whoever
    hands in a bad key of their own harms themselves only."""
    try:
        key = load_pem_private_key(text.encode(), password=None, unsafe_skip_rsa_key_validation=True)
        public = key.public_key()
    except _UNREADABLE:
        raise ValueError("not a private key in PEM, or it has a passphrase") from None
    if _type_name(public) is None:
        raise ValueError(f"neither {' nor '.join(_KEY_TYPES.values())}")
    if isinstance(key, rsa.RSAPrivateKey):
        _refuse_unusable(key)
    return key


def _refuse_unusable(key: rsa.RSAPrivateKey) -> None:
    if key.key_size > MAX_RSA_BITS:
        raise ValueError(f"larger than {MAX_RSA_BITS} bits")
    numbers = key.private_numbers()
    for factor, exponent in ((numbers.p, numbers.dmp1), (numbers.q, numbers.dmq1)):
        less = max(factor - 1, 1)
        if numbers.d * numbers.public_numbers.e % less != 1 or exponent != numbers.d % less:
            raise ValueError("its numbers do not belong together")


def belong_together(cert: str, key: str) -> bool:
    return _public_bytes(_public_key(certificate(cert))) == _public_bytes(private_key(key).public_key())


def key_type(cert: str) -> str:
    return _type_name(_public_key(certificate(cert))) or ""


class Facts(NamedTuple):
    """What people ask about a certificate. ``name``: its common name, or the whole subject where it has none."""

    name: str
    subject: str
    issuer: str
    hosts: tuple[str, ...]  # the DNS names and addresses that it is made out for
    begins: datetime
    ends: datetime
    key: str
    serial: str
    fingerprint: str
    chain: int  # certificates after it


def facts(text: str) -> Facts:
    cert = certificate(text)
    common = cert.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    subject = cert.subject.rfc4514_string()
    hosts = _hosts(cert)
    return Facts(
        name=str(common[0].value) if common else subject or next(iter(hosts), ""),
        subject=subject,
        issuer=cert.issuer.rfc4514_string(),
        hosts=hosts,
        begins=cert.not_valid_before_utc,
        ends=cert.not_valid_after_utc,
        key=_key_words(cert.public_key()),
        serial=f"{cert.serial_number:x}",
        fingerprint=cert.fingerprint(SHA256()).hex(":"),
        chain=count_certificates(text) - 1,
    )


def _hosts(cert: x509.Certificate) -> tuple[str, ...]:
    names = _extension(cert, x509.SubjectAlternativeName)
    if names is None:
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))


def _key_words(key) -> str:
    size = getattr(key, "key_size", None)
    return f"{_type_name(key)}, {size} bits" if size else str(_type_name(key))


def count_certificates(text: str) -> int:
    return len(_BEGIN.findall(text))


def expiry(cert: str) -> datetime:
    return certificate(cert).not_valid_after_utc


def is_authority(cert: str) -> bool:
    constraints = _extension(certificate(cert), x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(cert: x509.Certificate, wanted):
    try:
        return cert.extensions.get_extension_for_class(wanted).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return None


def digest(cert: str) -> str:
    """SHA-256 over the certificate itself, not over its spelling in PEM."""
    return certificate(cert).fingerprint(SHA256()).hex()


def _public_key(cert: x509.Certificate):
    try:
        key = cert.public_key()
    except _UNREADABLE:
        raise ValueError("its public key cannot be read") from None
    if _type_name(key) is None:
        raise ValueError(f"its key is neither {' nor '.join(_KEY_TYPES.values())}")
    return key


def _type_name(key) -> str | None:
    return next((name for kind, name in _KEY_TYPES.items() if isinstance(key, kind)), None)


def _public_bytes(key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
