"""PEM that was tampered with: whatever the library makes of it, ``check`` never raises."""

from __future__ import annotations

import base64
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_engine import spec
from proxy_engine.spec import pem
from tests.proxy_engine.pems import a_pair

PAIRS = [a_pair(kind, 7, is_authority=True) for kind in ("EC", "RSA", "Ed25519")]
FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)
CUTS = st.tuples(st.floats(0, 1), st.floats(0, 1), st.binary(max_size=40))


def der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.splitlines()[1:-1]))


def armoured(data: bytes, like: str) -> str:
    label = re.match("-----BEGIN (.*)-----", like)[1]
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


@st.composite
def tampered(draw, pem: str) -> str:
    data = bytearray(der(pem))
    for place, value in draw(FLIPS):
        data[int(place * len(data))] = value
    if draw(st.booleans()):
        start, end, instead = draw(CUTS)
        data[int(start * len(data)) : int(end * len(data))] = instead
    return armoured(bytes(data), pem)


def check_quietly(kind, values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old encodings
        return spec.check(kind, values)


@pytest.mark.parametrize("number", range(len(PAIRS)))
@given(data=st.data())
def test_a_tampered_certificate_or_key_is_no_crash(number, data):
    pair = PAIRS[number]
    cert = data.draw(st.one_of(st.just(pair.cert), tampered(pair.cert)))
    key = data.draw(st.one_of(st.just(pair.key), tampered(pair.key)))
    for kind, values in (
        ("certificates", {"cert": cert, "key": key}),
        ("certificates", pair._asdict() | {"cert_alt": cert, "key_alt": key}),
        ("ca_certificates", {"cert": cert}),
    ):
        checked = check_quietly(kind, values)
        for problem in checked.problems:
            assert problem.message.isprintable()
        if not checked.problems:
            assert check_quietly(kind, checked.values) == checked


def test_a_key_of_the_wrong_length_for_its_algorithm_is_refused():
    """One byte of an Ed25519 key turned round says X448, whose keys are longer: OpenSSL has no words for it."""
    body = "MC4CAQAwBQYDK2VvBCIEIG0z/0adCX7qpOm5tdZDxPVlz0RUdUorWpSZVdIq7DUk"
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    with pytest.raises(ValueError, match="not a private key in PEM"):
        pem.private_key(key)


def test_what_was_not_tampered_with_is_taken():
    """Guards the guard: the armour is put on right."""
    for pair in PAIRS:
        whole = {"cert": armoured(der(pair.cert), pair.cert), "key": armoured(der(pair.key), pair.key)}
        assert spec.check("certificates", whole).problems == []
        assert spec.check("ca_certificates", {"cert": whole["cert"]}).problems == []
