"""Certificates with their keys, the server names they are shown for, and the authorities that vouch for targets.

PEM is stored byte for byte as it was given. What stands in it is looked at by ``pem``, loaded on first use: the workers
of the engine never need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from . import scalars
from .entity import AllOrNoneOf, Entity, tags, text
from .schema import ENTITY, Array, Field, Problem, Reference, String

MAX_PEM = 65_536  # characters: a chain of a dozen certificates

# Complaints about the whole entity, in Kong's words; forms know which of their fields they are about.
KEY_DIFFERS = "certificate does not match key"
ALTERNATIVE_KEY_DIFFERS = "alternative certificate does not match key"
SAME_TYPE = (
    "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), "
    "the provided certificates were both of the same type"
)


def _certificate_rule(value: str) -> str | None:
    from . import pem

    return _refusal(pem.certificate, value, "certificate")


def _key_rule(value: str) -> str | None:
    from . import pem

    return _refusal(pem.private_key, value, "key")


def _refusal(read: Callable[[str], Any], value: str, what: str) -> str | None:
    try:
        read(value)
    except ValueError as problem:
        return f"invalid {what}: {problem}"
    return None


def _certificate(sentence: str, **kw: Any) -> String:
    return text(_certificate_rule, multiline=True, max_length=MAX_PEM, help=sentence, **kw)


def _key(sentence: str, **kw: Any) -> String:
    return text(_key_rule, multiline=True, max_length=MAX_PEM, secret=True, help=sentence, **kw)


def _pair_rules(values: Mapping) -> Iterable[Problem]:
    from . import pem

    if not pem.belong_together(values["cert"], values["key"]):
        yield Problem(ENTITY, KEY_DIFFERS)
    if values["cert_alt"] is None or values["key_alt"] is None:
        return
    if not pem.belong_together(values["cert_alt"], values["key_alt"]):
        yield Problem(ENTITY, ALTERNATIVE_KEY_DIFFERS)
    if pem.key_type(values["cert"]) == pem.key_type(values["cert_alt"]):
        yield Problem(ENTITY, SAME_TYPE)


def _sni_rules(values: Mapping) -> Iterable[Problem]:
    names = values.get("snis") or []
    for name in dict.fromkeys(name for index, name in enumerate(names) if name in names[:index]):
        yield Problem(("snis",), f"{name} is duplicated")


CERTIFICATES = Entity(
    "certificates",
    "certificate",
    {
        "cert": _certificate("The certificate and its chain, in PEM.", required=True),
        "key": _key("The private key of the certificate, in PEM, without a passphrase.", required=True),
        "cert_alt": _certificate("A second certificate of the other type of key (RSA, ECDSA), in PEM."),
        "key_alt": _key("The private key of the second certificate, in PEM."),
        "tags": tags(),
    },
    (),
    "id",
    (AllOrNoneOf(("cert_alt", "key_alt")), _pair_rules, _sni_rules),
    also={"snis": Array(of=text(scalars.wildcard_host, max_length=255), help="Server names it is shown for.")},
)
"""``snis`` are rows of their own: whoever stores the certificate brings them in line with the list, if there is one."""


SNIS = Entity(
    "snis",
    "server name",
    {
        "name": text(
            scalars.wildcard_host,
            required=True,
            max_length=255,
            help="The name that clients ask for; *.example.com and example.* are possible.",
        ),
        "certificate": Reference(to="certificates", required=True, help="What they are shown."),
        "tags": tags(),
    },
    (("name",),),
    "name",
    endpoint_key="name",
)


def _authority_rules(values: Mapping) -> Iterable[Problem]:
    """The one rule that looks at the clock: an authority that has expired vouches for nothing."""
    from . import pem

    if pem.count_certificates(values["cert"]) > 1:
        yield Problem(ENTITY, "please submit only one certificate at a time")
    elif pem.expiry(values["cert"]) < datetime.now(UTC):
        yield Problem(ENTITY, 'certificate expired, "Not After" time is in the past')
    elif not pem.is_authority(values["cert"]):
        yield Problem(
            ENTITY,
            'certificate does not appear to be a CA because it is missing the "CA" basic constraint',
        )


def _with_digest(values: dict[str, Any]) -> dict[str, Any]:
    from . import pem

    return values | {"cert_digest": pem.digest(values["cert"])}


_AUTHORITY_FIELDS: dict[str, Field] = {
    "cert": _certificate("One certificate of an authority, in PEM.", required=True),
    "cert_digest": String(max_length=64, help="SHA-256 of the certificate in hex; computed."),
    "tags": tags(),
}
CA_CERTIFICATES = Entity(
    "ca_certificates",
    "CA certificate",
    _AUTHORITY_FIELDS,
    (("cert_digest",),),
    "cert_digest",
    (_authority_rules,),
    normalise=_with_digest,
)
