"""Secrets are plain for whoever works with values, and nowhere in the database."""

import json

import pytest
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Edit
from gateway_admin.catalog.checks import stored_secrets_can_be_read
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, KeyauthCredential
from gateway_admin.catalog.secrecy import MASK, masked, sealed, unsealed
from gateway_admin.common.problems import EntityInvalid
from gateway_admin.common.sealing import SecretUnreadable
from tests.gateway_admin.builders import ALICE, a_certificate, a_key, a_login, a_plugin, a_service
from tests.proxy_engine.pems import a_pair

pytestmark = pytest.mark.django_db

SECRET = "open-sesame-4711"


def a_limit():
    config = {"minute": 5, "policy": "redis", "redis": {"host": "r", "password": SECRET}}
    return a_plugin(name="rate-limiting", config=config)


def everything_stored():
    """Every text in every table of ours."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("catalog_"):
                cursor.execute(f'SELECT * FROM "{table}"')
                yield from (str(value) for row in cursor.fetchall() for value in row)


def is_stored(text):
    return any(text in found for found in everything_stored())


@pytest.mark.parametrize(
    ("make", "secret"),
    [
        (lambda: a_key(key=SECRET), SECRET),
        (lambda: a_login(password=SECRET), SECRET),
        (a_limit, SECRET),
        (a_certificate, a_pair("EC").key.splitlines()[1]),
    ],
    ids=["key", "password", "setting", "private key"],
)
def test_a_secret_is_in_no_table_after_any_edit(make, secret):
    entity = make()
    actions.update(kind=entity.kind, entity_id=entity.pk, values={"tags": ["a"]}, actor=ALICE)
    actions.apply(edits=[Edit(entity.kind, str(entity.pk), entity.to_values() | {"tags": ["b"]})], actor=ALICE)
    actions.delete(kind=entity.kind, entity_id=entity.pk, actor=ALICE)

    assert Change.objects.filter(kind=entity.kind).count() == 4
    assert not is_stored(secret)
    assert is_stored(str(entity.pk))  # guards the guard


def test_the_hash_of_a_password_is_no_plain_text_either():
    assert not is_stored(a_login().password)


@pytest.mark.parametrize("make", [a_key, a_login, a_limit, a_certificate])
def test_changes_open_to_what_was_stored(make):
    entity = make()
    actions.delete(kind=entity.kind, entity_id=entity.pk, actor=ALICE)

    made, gone = Change.objects.filter(entity_id=entity.pk).order_by("version")

    assert unsealed(entity.kind, made.after) == unsealed(entity.kind, gone.before) == entity.to_values()
    assert (unsealed(entity.kind, made.before), unsealed(entity.kind, gone.after)) == (None, None)


@pytest.mark.parametrize("make", [a_key, a_login, a_limit, a_certificate])
def test_masked_values_are_the_same_but_for_their_secrets(make):
    values = make().to_values()
    kind = next(kind for kind in KINDS if KINDS[kind].model.objects.filter(pk=values["id"]).exists())

    hidden = masked(kind, values)

    assert hidden == masked(kind, sealed(kind, values)) != values
    assert MASK in json.dumps(hidden)
    assert {name: value for name, value in values.items() if hidden[name] == value}.keys() >= {"id", "tags"}


def test_what_has_no_secrets_is_not_touched():
    values = a_service().to_values()

    assert masked("services", values) is values
    assert sealed("services", values) is values
    assert masked("kinds-of-a-later-release", {"a": 1}) == {"a": 1}
    assert masked("keyauth_credentials", {"key": None}) == {"key": None}


def test_a_sealed_text_in_a_field_that_is_no_secret_stays_closed():
    """Else whoever may edit a tag could have a stolen token opened."""
    token = sealed("keyauth_credentials", {"key": SECRET})["key"]

    assert unsealed("keyauth_credentials", {"tags": [token]}) == {"tags": [token]}
    assert unsealed("services", {"name": token}) == {"name": token}


# --- Looking for them --------------------------------------------------------------------------------------


def test_a_key_is_found_by_its_text_and_is_unique():
    key = a_key(key=SECRET)
    other = a_key()

    assert KeyauthCredential.objects.get(key=SECRET) == key
    assert set(KeyauthCredential.objects.filter(key__in=[SECRET, other.key, "x"])) == {key, other}
    with pytest.raises(EntityInvalid) as refused:
        a_key(key=SECRET)
    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("key", "unique")]
    assert SECRET not in str(refused.value)


def test_a_key_that_changes_takes_its_digest_along():
    key = a_key()
    actions.update(kind=key.kind, entity_id=key.pk, values={"key": "another"}, actor=ALICE)

    assert KeyauthCredential.objects.get(key="another") == key
    assert not KeyauthCredential.objects.filter(key=key.key).exists()


@pytest.mark.parametrize("lookup", [{"key__contains": "x"}, {"key__startswith": "x"}, {"key__gt": "x"}])
def test_other_questions_about_a_secret_cannot_be_asked(lookup):
    with pytest.raises(FieldError):
        KeyauthCredential.objects.filter(**lookup)


def test_a_secret_without_a_digest_cannot_be_searched():
    with pytest.raises(FieldError):
        KINDS["certificates"].model.objects.filter(key="x")
    with pytest.raises((FieldError, TypeError, AttributeError)):
        KeyauthCredential.objects.filter(key=F("id")).exists()


# --- Rotation ----------------------------------------------------------------------------------------------


@pytest.fixture
def rotated(settings):
    def to(key, *older):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, list(older)

    to("first")
    return to


def test_with_a_wrong_key_the_start_says_so_and_reading_fails_clearly(rotated):
    a_key(), a_key(), a_certificate()
    assert stored_secrets_can_be_read(databases=["default"]) == []

    rotated("second")

    [error] = stored_secrets_can_be_read(databases=["default"])
    assert "2 of keyauth_credentials" in error.msg
    assert "1 of certificates" in error.msg
    with pytest.raises(SecretUnreadable, match="GATEWAY_SECRET_KEY"):
        KeyauthCredential.objects.first()


def test_with_the_old_key_as_fallback_all_goes_on(rotated):
    key = a_key(key=SECRET)

    rotated("second", "first")

    assert stored_secrets_can_be_read(databases=["default"]) == []
    assert KeyauthCredential.objects.get(key=SECRET) == key
    with pytest.raises(EntityInvalid):
        a_key(key=SECRET)


def test_after_sealing_anew_the_old_key_can_go(rotated, capsys):
    entities = [a_key(key=SECRET), a_login(), a_limit(), a_certificate()]
    rotated("second", "first")

    call_command("reseal_secrets")

    assert "8 rows" in capsys.readouterr().out
    rotated("second")
    assert stored_secrets_can_be_read(databases=["default"]) == []
    assert KeyauthCredential.objects.get(key=SECRET).pk == entities[0].pk
    for entity in entities:
        assert KINDS[entity.kind].model.objects.get(pk=entity.pk).to_values() == entity.to_values()
        change = Change.objects.get(entity_id=entity.pk)
        assert unsealed(entity.kind, change.after) == entity.to_values()


def test_sealing_anew_without_the_old_key_is_refused_and_changes_nothing(rotated):
    a_key(key=SECRET)
    rotated("second")

    with pytest.raises(CommandError, match="GATEWAY_SECRET_KEY_FALLBACKS"):
        call_command("reseal_secrets")

    rotated("first")
    assert KeyauthCredential.objects.get(key=SECRET)
