"""Consumers and their credentials: made-up keys, hashed passwords, lifetimes, and what goes with a consumer."""

import hashlib
import time
import uuid

import pytest
from django.db import IntegrityError, transaction

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Edit
from gateway_admin.catalog.models import Acl, BasicauthCredential, Change, Consumer, KeyauthCredential, Plugin
from gateway_admin.common.problems import EntityInvalid, EntityNotFound
from tests.gateway_admin.builders import ALICE, a_consumer, a_group, a_key, a_login, a_plugin, to

pytestmark = pytest.mark.django_db

KEYS = "keyauth_credentials"
LOGINS = "basicauth_credentials"


def sha1(password, consumer):
    return hashlib.sha1((password + str(consumer.pk)).encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def later(monkeypatch):
    """Moves the clock that decides what has expired."""
    start = time.time()

    def move(seconds):
        monkeypatch.setattr(time, "time", lambda: start + seconds)

    return move


# --- Keys --------------------------------------------------------------------------------------------------


def test_a_key_is_made_up_for_who_brings_none():
    first, second = a_key(key=None), a_key(key=None)

    assert len(first.key) == 32
    assert first.key.isalnum()
    assert first.key != second.key


def test_an_update_leaves_the_key_and_a_replacement_without_one_makes_a_new_one():
    key = a_key(key="k")

    assert actions.update(kind=KEYS, entity_id=key.pk, values={"tags": ["a"]}, actor=ALICE).key == "k"
    values = {"consumer": to(key.consumer)}
    replaced = actions.replace(kind=KEYS, entity_id=key.pk, values=values, actor=ALICE)
    assert replaced.key != "k"
    assert len(replaced.key) == 32


def test_a_lifetime_becomes_the_time_at_which_it_ends():
    before = int(time.time())
    key = a_key(ttl=60)

    assert before + 60 <= key.expires_at <= time.time() + 60
    assert "ttl" not in key.to_values()
    assert actions.update(kind=KEYS, entity_id=key.pk, values={"tags": ["a"]}, actor=ALICE).expires_at == key.expires_at
    assert actions.update(kind=KEYS, entity_id=key.pk, values={"ttl": 0}, actor=ALICE).expires_at is None


@pytest.mark.parametrize("keep_ours", [True, False])
def test_a_replacement_without_a_lifetime_lives_for_ever(keep_ours):
    key = a_key(ttl=60)
    values = {"key": key.key, "consumer": to(key.consumer)}

    replaced = actions.replace(kind=KEYS, entity_id=key.pk, values=values, actor=ALICE, keep_ours=keep_ours)

    assert replaced.expires_at is None


def test_an_end_may_be_given_as_a_time():
    key = a_key(expires_at=4_000_000_000)
    values = {"key": key.key, "consumer": to(key.consumer), "expires_at": 4_000_000_001}

    replaced = actions.replace(kind=KEYS, entity_id=key.pk, values=values, actor=ALICE)

    assert replaced.expires_at == 4_000_000_001


@pytest.mark.parametrize("ttl", [-1, 100_000_001, 1.5, "60", True])
def test_an_impossible_lifetime_is_refused(ttl):
    with pytest.raises(EntityInvalid) as refused:
        a_key(ttl=ttl)

    assert [problem.field for problem in refused.value.problems] == ["ttl"]


def test_an_expired_key_is_gone_for_everybody(later):
    key = a_key(ttl=60)
    later(61)

    assert not KeyauthCredential.objects.exists()
    with pytest.raises(EntityNotFound):
        actions.update(kind=KEYS, entity_id=key.pk, values={"tags": ["a"]}, actor=ALICE)


def test_the_next_edit_of_its_kind_removes_an_expired_row_and_says_so_in_the_log(later):
    key = a_key(key="k", ttl=60)
    later(61)

    again = a_key(key="k")

    assert KeyauthCredential._base_manager.get() == again
    gone = Change.objects.get(entity_id=key.pk, after__isnull=True)
    assert (gone.actor, gone.via, gone.before["consumer"]) == ("gatehouse", "system", to(key.consumer))


def test_an_expired_key_goes_with_its_consumer(later):
    key = a_key(ttl=60)
    later(61)

    actions.delete(kind="consumers", entity_id=key.consumer.pk, actor=ALICE)

    assert not KeyauthCredential._base_manager.exists()


def test_many_edits_at_once_do_not_stumble_over_an_expired_key(later):
    key = a_key(key="k", ttl=60)
    later(61)
    fresh = str(uuid.uuid4())

    actions.apply(edits=[Edit(KEYS, fresh, {"key": "k", "consumer": to(key.consumer)})], actor=ALICE)

    assert str(KeyauthCredential._base_manager.get().pk) == fresh


def test_refused_edits_inside_a_larger_batch_leave_log_and_table_of_one_mind(later):
    key = a_key(ttl=60)
    later(61)

    with actions.batch(ALICE), pytest.raises(EntityInvalid):
        actions.apply(edits=[Edit(KEYS, str(uuid.uuid4()), {"key": ""})], actor=ALICE)

    assert not KeyauthCredential._base_manager.exists()
    assert Change.objects.filter(entity_id=key.pk, after__isnull=True).count() == 1


def test_many_edits_at_once_make_up_keys_and_take_no_lifetimes():
    consumer, key = a_consumer(), str(uuid.uuid4())
    actions.apply(edits=[Edit(KEYS, key, {"consumer": to(consumer)})], actor=ALICE)
    assert len(KeyauthCredential.objects.get(pk=key).key) == 32

    with pytest.raises(EntityInvalid) as refused:
        actions.apply(edits=[Edit(KEYS, key, {"consumer": to(consumer), "ttl": 5})], actor=ALICE)
    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("ttl", "unknown")]


# --- Passwords ---------------------------------------------------------------------------------------------


def test_a_password_is_kept_as_kong_keeps_it():
    login = a_login(password="correct horse")

    assert login.to_values()["password"] == sha1("correct horse", login.consumer)
    assert BasicauthCredential.objects.get().password == sha1("correct horse", login.consumer)


def test_it_is_hashed_again_only_when_a_write_brings_one():
    login = a_login(password="old")

    renamed = actions.update(kind=LOGINS, entity_id=login.pk, values={"username": "bob"}, actor=ALICE)
    assert renamed.password == sha1("old", login.consumer)
    changed = actions.update(kind=LOGINS, entity_id=login.pk, values={"password": "new"}, actor=ALICE)
    assert changed.password == sha1("new", login.consumer)
    values = {"username": "bob", "password": "newer", "consumer": to(login.consumer)}
    replaced = actions.replace(kind=LOGINS, entity_id=login.pk, values=values, actor=ALICE)
    assert replaced.password == sha1("newer", login.consumer)


def test_what_was_read_can_be_sent_back_without_locking_anybody_out():
    login = a_login(password="old")
    version = Change.objects.count()

    same = actions.replace(kind=LOGINS, entity_id=login.pk, values=login.to_values(), actor=ALICE)

    assert same.password == login.password
    assert Change.objects.count() == version


def test_many_edits_at_once_take_hashes():
    login = a_login(password="old")

    actions.apply(edits=[Edit(LOGINS, str(login.pk), login.to_values() | {"username": "bob"})], actor=ALICE)

    assert BasicauthCredential.objects.get().password == login.password


# --- Groups and consumers ----------------------------------------------------------------------------------


def test_a_consumer_is_in_a_group_once():
    group = a_group(group="gold")
    a_group(group="gold")

    with pytest.raises(EntityInvalid) as refused:
        a_group(group.consumer, group="gold")

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("group", "unique")]


def test_a_consumer_takes_all_of_its_own_along_and_nothing_else():
    consumer = a_consumer()
    a_key(consumer), a_login(consumer), a_group(consumer)
    a_plugin(name="rate-limiting", config={"minute": 1}, consumer=to(consumer))
    a_key(), a_login(), a_group(), a_plugin()

    gone = actions.delete(kind="consumers", entity_id=consumer.pk, actor=ALICE)

    assert [change.kind for change in gone][-1] == "consumers"
    assert len(gone) == 5
    assert [model.objects.count() for model in (KeyauthCredential, BasicauthCredential, Acl, Plugin)] == [1, 1, 1, 1]
    assert Consumer.objects.count() == 3


@pytest.mark.parametrize("field", ["username", "custom_id"])
def test_names_of_consumers_are_unique(field):
    a_consumer(**{field: "x"})

    with pytest.raises(EntityInvalid) as refused:
        a_consumer(**{field: "x"})

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [(field, "unique")]


def test_the_table_itself_refuses_a_key_twice():
    first = a_key()
    twin = KeyauthCredential(key=first.key, consumer=first.consumer)

    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()
