"""What the engine does not do yet with what is stored: one sentence for the pages concerned, and its only place."""

from proxy_engine import spec

_STORED = "stored, checked and served to Kong's clients"
_PEOPLE = f"The engine does not ask for credentials yet: consumers are {_STORED}."
_CERTIFICATES = f"The engine does not answer over TLS yet: certificates are {_STORED}."

_NOT_YET = {
    "consumers": _PEOPLE,
    "keyauth_credentials": _PEOPLE,
    "basicauth_credentials": _PEOPLE,
    "acls": _PEOPLE,
    "plugins": f"The engine does not apply plugins yet: they are {_STORED}, and change no traffic.",
    "certificates": _CERTIFICATES,
    "snis": _CERTIFICATES,
    "ca_certificates": f"The engine does not verify targets with these yet: they are {_STORED}.",
}


def not_yet(kind: str) -> str:
    """Empty where the engine builds something out of the kind (``spec.BUILT_KINDS``)."""
    return "" if kind in spec.BUILT_KINDS else _NOT_YET[kind]
