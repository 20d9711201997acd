"""Consumers and their credentials."""

from __future__ import annotations

import pytest

from proxy_engine import spec
from tests.proxy_engine.builders import SMALLEST

CREDENTIALS = ("keyauth_credentials", "basicauth_credentials", "acls")


def complaints(kind, **given):
    values = {name: value for name, value in (SMALLEST[kind] | given).items() if value is not ...}
    return [f"{problem.field}: {problem.message}" for problem in spec.check(kind, values).problems]


@pytest.mark.parametrize("given", [{}, {"username": None}, {"custom_id": None, "tags": ["a"]}])
def test_a_consumer_needs_one_of_its_names(given):
    [problem] = spec.check("consumers", given).problems
    assert problem.path == spec.ENTITY
    assert problem.message == "at least one of these fields must be non-empty: 'custom_id', 'username'"


@pytest.mark.parametrize("given", [{"username": "a"}, {"custom_id": "a"}, {"username": "Zoë & Söhne, a/b: ½"}])
def test_a_consumer_is_called_anything(given):
    assert spec.check("consumers", given).problems == []


def test_an_empty_name_is_none():
    assert complaints("consumers", username="") == ["username: length must be at least 1"]


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_credential_belongs_to_a_consumer(kind):
    assert complaints(kind, consumer=...) == ["consumer: required field missing"]
    assert complaints(kind, consumer=None) == ["consumer: required field missing"]
    assert complaints(kind, consumer={"username": "alice"}) == ["consumer.id: missing primary key"]


@pytest.mark.parametrize(
    ("kind", "field"),
    [("basicauth_credentials", "username"), ("basicauth_credentials", "password"), ("acls", "group")],
)
def test_what_makes_a_credential_must_be_given(kind, field):
    assert complaints(kind, **{field: ...}) == [f"{field}: required field missing"]
    assert complaints(kind, **{field: ""}) == [f"{field}: length must be at least 1"]


def test_a_key_may_be_left_to_whoever_stores_it():
    assert spec.check("keyauth_credentials", SMALLEST["keyauth_credentials"]).values["key"] is None


@pytest.mark.parametrize("ttl", [0, 1, 100_000_000])
def test_a_lifetime_is_handed_on_and_is_no_field(ttl):
    checked = spec.check("keyauth_credentials", SMALLEST["keyauth_credentials"] | {"ttl": ttl})
    assert checked.problems == []
    assert checked.values["ttl"] == ttl
    assert "ttl" not in spec.KINDS["keyauth_credentials"].fields
    assert "ttl" not in spec.check("keyauth_credentials", SMALLEST["keyauth_credentials"]).values


@pytest.mark.parametrize(
    ("ttl", "message"),
    [
        (-1, "value should be between 0 and 100000000"),
        (100_000_001, "value should be between 0 and 100000000"),
        ("1", "expected an integer"),
        (1.5, "expected an integer"),
    ],
)
def test_a_lifetime_has_limits(ttl, message):
    assert complaints("keyauth_credentials", ttl=ttl) == [f"ttl: {message}"]


def test_secrets_are_marked():
    marked = {
        (kind, name) for kind, entity in spec.KINDS.items() for name, field in entity.fields.items() if field.secret
    }
    assert marked == {
        ("keyauth_credentials", "key"),
        ("basicauth_credentials", "password"),
        ("certificates", "key"),
        ("certificates", "key_alt"),
    }


@pytest.mark.parametrize("kind", spec.KINDS)
def test_a_label_never_is_a_secret(kind):
    entity = spec.KINDS[kind]
    assert entity.label_field == "id" or not entity.fields[entity.label_field].secret


@pytest.mark.parametrize("kind", spec.KINDS)
def test_what_a_url_may_name_is_a_field_of_text(kind):
    key = spec.KINDS[kind].endpoint_key
    assert key is None or isinstance(spec.KINDS[kind].fields[key], spec.String)
