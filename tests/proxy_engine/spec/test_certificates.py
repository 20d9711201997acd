"""Certificates, server names and authorities."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy_engine import spec
from tests.proxy_engine.builders import SMALLEST, an_id
from tests.proxy_engine.pems import a_locked_key, a_pair

EC, RSA, ED = a_pair("EC"), a_pair("RSA"), a_pair("Ed25519")
OTHER_EC = a_pair("EC", 1)
GARBAGE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
AUTHORITY = a_pair(is_authority=True)


def complaints(kind, values):
    return [f"{problem.field}: {problem.message}" for problem in spec.check(kind, values).problems]


@pytest.mark.parametrize("pair", [EC, RSA, ED], ids=["EC", "RSA", "Ed25519"])
def test_a_certificate_and_its_key_are_stored_byte_for_byte(pair):
    spelling = {"cert": "\r\n" + pair.cert.replace("\n", "\r\n") + "\n\n", "key": pair.key.rstrip()}
    checked = spec.check("certificates", spelling)
    assert checked.problems == []
    assert {name: checked.values[name] for name in spelling} == spelling


def test_a_chain_may_follow():
    assert complaints("certificates", {"cert": EC.cert + AUTHORITY.cert, "key": EC.key}) == []


@pytest.mark.parametrize(
    "text",
    ["x", GARBAGE, EC.key, EC.cert.replace("MII", "MIJ"), EC.cert + GARBAGE, EC.cert[: len(EC.cert) // 2]],
    ids=["text", "garbage", "key", "changed", "followed by garbage", "cut"],
)
def test_what_is_no_certificate_is_refused(text):
    for kind, given in (("certificates", {"cert": text, "key": EC.key}), ("ca_certificates", {"cert": text})):
        assert complaints(kind, given) == ["cert: invalid certificate: not a certificate in PEM"]


@pytest.mark.parametrize(
    "text", ["x", EC.cert, a_locked_key(), EC.key[:100]], ids=["text", "certificate", "locked", "cut"]
)
def test_what_is_no_key_is_refused(text):
    expected = ["key: invalid key: not a private key in PEM, or it has a passphrase"]
    assert complaints("certificates", {"cert": EC.cert, "key": text}) == expected


def an_rsa_key(p, q, d=3, dmp1=3, dmq1=3):
    public = rsa.RSAPublicNumbers(65537, p * q)
    key = rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, 3, public).private_key(unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("factor", "message"),
    [((1 << 10_000) | 1, "larger than 16384 bits"), ((1 << 1024) | 1, "its numbers do not belong together")],
    ids=["large", "made up"],
)
def test_a_key_that_would_not_work_is_refused_at_once(factor, message):
    assert complaints("certificates", {"cert": EC.cert, "key": an_rsa_key(factor, factor)}) == [
        f"key: invalid key: {message}"
    ]


@pytest.mark.parametrize("key", [OTHER_EC.key, RSA.key, ED.key], ids=["EC", "RSA", "Ed25519"])
def test_the_key_must_be_the_certificates(key):
    expected = ["@entity: certificate does not match key"]
    assert complaints("certificates", {"cert": EC.cert, "key": key}) == expected


def with_second(pair, **other):
    return {"cert": EC.cert, "key": EC.key, "cert_alt": pair.cert, "key_alt": pair.key} | other


def test_a_second_pair_has_another_type_of_key():
    assert complaints("certificates", with_second(RSA)) == []
    [complaint] = complaints("certificates", with_second(OTHER_EC))
    assert complaint == (
        "@entity: certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), "
        "the provided certificates were both of the same type"
    )


def test_the_second_key_must_be_the_second_certificates():
    expected = ["@entity: alternative certificate does not match key"]
    assert complaints("certificates", with_second(RSA, key_alt=OTHER_EC.key)) == expected


@pytest.mark.parametrize("missing", ["cert_alt", "key_alt"])
def test_a_second_pair_is_whole_or_absent(missing):
    assert complaints("certificates", with_second(RSA, **{missing: None})) == [
        "@entity: all or none of these fields must be set: 'cert_alt', 'key_alt'"
    ]


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_a_certificate_needs_both_halves(missing):
    given = {name: text for name, text in SMALLEST["certificates"].items() if name != missing}
    assert complaints("certificates", given) == [f"{missing}: required field missing"]


def test_server_names_come_along_but_are_no_field():
    checked = spec.check("certificates", SMALLEST["certificates"] | {"snis": ["b.test", "*.a.test"]})
    assert checked.problems == []
    assert checked.values["snis"] == ["b.test", "*.a.test"]
    assert "snis" not in spec.KINDS["certificates"].fields
    assert "snis" not in spec.check("certificates", SMALLEST["certificates"]).values


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.test", "b.test", "a.test"], ["snis: a.test is duplicated"]),
        (["10.0.0.1"], ["snis.0: must not be an IP"]),
        (["a.test:443"], ["snis.0: must not have a port"]),
        (["*.*.test"], ["snis.0: invalid wildcard: must have at most one wildcard"]),
        ("a.test", ["snis: expected an array"]),
        ([None], ["snis.0: expected a string"]),
    ],
)
def test_server_names_are_checked(names, expected):
    assert complaints("certificates", SMALLEST["certificates"] | {"snis": names}) == expected


def test_a_server_name_leads_to_a_certificate():
    assert complaints("snis", {"name": "*.a.test", "certificate": {"id": an_id(1)}}) == []
    assert complaints("snis", {"name": "a.test"}) == ["certificate: required field missing"]
    assert complaints("snis", {"certificate": {"id": an_id(1)}}) == ["name: required field missing"]


def test_the_digest_of_an_authority_is_computed():
    checked = spec.check("ca_certificates", {"cert": AUTHORITY.cert, "cert_digest": "0" * 64})
    assert checked.problems == []
    assert checked.values["cert_digest"] == hashlib.sha256(ssl.PEM_cert_to_DER_cert(AUTHORITY.cert)).hexdigest()


@pytest.mark.parametrize(
    ("cert", "message"),
    [
        (AUTHORITY.cert + EC.cert, "please submit only one certificate at a time"),
        (a_pair(is_authority=True, lasts=-1).cert, 'certificate expired, "Not After" time is in the past'),
        (
            EC.cert,
            'certificate does not appear to be a CA because it is missing the "CA" basic constraint',
        ),
    ],
    ids=["two", "expired", "none"],
)
def test_an_authority_is_one_certificate_of_one(cert, message):
    assert complaints("ca_certificates", {"cert": cert}) == [f"@entity: {message}"]


def test_an_expired_certificate_that_is_no_authority_is_taken():
    """As Kong: it may be the one that is about to be replaced."""
    assert complaints("certificates", a_pair(lasts=-1)._asdict()) == []


@pytest.mark.parametrize("protocol", ["https", "tls"])
def test_tls_services_show_and_check_certificates(protocol):
    given = {"host": "a.test", "protocol": protocol, "client_certificate": {"id": an_id(1)}}
    assert complaints("services", given | {"ca_certificates": [an_id(2)]}) == []
    assert complaints("services", given | {"ca_certificates": ["x"]}) == ["ca_certificates.0: expected a valid UUID"]


@pytest.mark.parametrize(("field", "value"), [("client_certificate", {"id": an_id(1)}), ("ca_certificates", [])])
def test_others_have_none(field, value):
    assert complaints("services", {"host": "a.test", field: value}) == [
        f"{field}: value must be null",
        "@entity: failed conditional validation given value of field 'protocol'",
    ]


def test_the_engine_starts_without_the_library():
    code = "import sys, proxy_engine.engine, proxy_engine.spec; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
