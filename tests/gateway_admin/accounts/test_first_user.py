"""The first user and the first token: made once, shown once, and never overwritten."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from gateway_admin.accounts.actions import ensure_first_user
from gateway_admin.accounts.models import ApiToken, User
from gateway_admin.accounts.queries import find_token

pytestmark = pytest.mark.django_db


def test_what_is_not_given_is_made_up_and_works():
    made = ensure_first_user(username="admin")

    user = User.objects.get()
    assert user.check_password(made.password)
    assert (user.role, find_token(made.token).scope) == ("admin", "admin")
    assert find_token(made.token).user == user


def test_what_is_given_is_used_and_not_repeated():
    made = ensure_first_user(username="admin", password="secret", token="a-token-of-mine")

    assert (made.password, made.token) == (None, None)
    assert User.objects.get().check_password("secret")
    assert find_token("a-token-of-mine").user.username == "admin"


def test_the_second_start_changes_nothing():
    first = ensure_first_user(username="admin")
    second = ensure_first_user(username="admin", password="another")

    assert (second.password, second.token) == (None, None)
    assert User.objects.get().check_password(first.password)
    assert ApiToken.objects.count() == 1


def test_a_token_that_is_given_later_becomes_valid_once():
    ensure_first_user(username="admin")
    for _ in range(2):
        ensure_first_user(username="admin", token="a-token-of-mine")

    assert find_token("a-token-of-mine")
    assert ApiToken.objects.count() == 2


def test_nobody_is_made_where_somebody_is():
    ensure_first_user(username="admin")
    made = ensure_first_user(username="root", token="a-token-of-mine")

    assert (made.password, made.token) == (None, None)
    assert User.objects.count() == 1
    assert find_token("a-token-of-mine") is None


def test_createsuperuser_makes_an_admin_and_others_are_viewers():
    call_command("createsuperuser", interactive=False, username="root", email="root@example.com")
    User.objects.create_user("dora")

    assert list(User.objects.order_by("pk").values_list("username", "role")) == [("root", "admin"), ("dora", "viewer")]


@pytest.mark.parametrize(("model", "field"), [(User, "role"), (ApiToken, "scope")])
def test_the_database_knows_no_other_words(model, field):
    ensure_first_user(username="admin")

    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**{field: "root"})


def test_tokens_are_stored_as_hashes_only():
    made = ensure_first_user(username="admin")

    row = ApiToken.objects.get()
    assert made.token not in (row.digest, row.prefix)
    assert made.token.startswith(row.prefix)
