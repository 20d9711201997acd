"""Tokens: unguessable, and noted as used now and then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gateway_admin.accounts.actions import Author, create_token, note_use, revoke_token
from gateway_admin.accounts.models import ApiToken
from gateway_admin.accounts.queries import find_token
from tests.gateway_admin.builders import a_user

pytestmark = pytest.mark.django_db


def test_a_token_is_found_by_its_text_only():
    row, text = create_token(user=a_user(), name="ci", scope="read")

    assert find_token(text) == row
    for other in (text[:-1], text.upper(), row.digest, "", "\udcff"):
        assert find_token(other) is None


def test_two_tokens_differ():
    user = a_user()

    assert create_token(user=user, name="a", scope="read")[1] != create_token(user=user, name="b", scope="read")[1]


def test_its_use_is_noted_once_a_minute(django_assert_num_queries):
    _, text = create_token(user=a_user(), name="ci", scope="read")
    note_use(find_token(text))
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None

    with django_assert_num_queries(1):
        note_use(find_token(text))
    assert ApiToken.objects.get().last_used_at == noted

    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    note_use(find_token(text))
    assert ApiToken.objects.get().last_used_at >= noted


def test_a_revoked_token_is_gone():
    row, text = create_token(user=a_user(), name="ci", scope="read")
    revoke_token(token=row, author=Author("alice"))

    assert find_token(text) is None
