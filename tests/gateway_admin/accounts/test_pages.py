"""The pages of people, tokens and one's own password; and what each of the cast is offered."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from gateway_admin.accounts.models import ApiToken, User
from gateway_admin.accounts.queries import find_token
from tests.gateway_admin.builders import a_token, a_user
from tests.gateway_admin.ui.builders import one_of_each

from .cases import BAD_TOKENS, BAD_USERS, GOOD_TOKENS, GOOD_USERS


def shown_once(response):
    assert "no-store" in response["Cache-Control"]
    return re.search(r'id="once"[^>]*>([^<]+)<', response.text)[1]


# --- Tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", GOOD_TOKENS)
def test_a_token_is_shown_once_and_works(alice, browser, data):
    page = browser(alice)
    text = shown_once(page.post(reverse("token-new"), data | {"lasts": "90"}))
    token = find_token(text)

    assert (token.user, token.name, token.scope, token.kinds) == (
        alice,
        data["name"],
        data["scope"],
        data.get("kinds") and sorted(data["kinds"], key=token.kinds.index),
    )
    assert timedelta(days=89) < token.expires_at - timezone.now() < timedelta(days=91)
    listed = page.get(reverse("tokens")).text
    assert token.prefix in listed
    assert text not in listed
    assert "<b>" not in listed.replace("<b>No tokens", "")


@pytest.mark.parametrize(("data", "field"), BAD_TOKENS)
def test_what_is_wrong_with_a_token_stands_at_its_field(alice, browser, data, field):
    response = browser(alice).post(reverse("token-new"), data | {"lasts": "90"})

    assert (response.status_code, set(response.context["form"].errors)) == (400, {field})
    assert not ApiToken.objects.exists()


def test_a_token_may_last_until_it_is_revoked(bob, browser):
    text = shown_once(browser(bob).post(reverse("token-new"), {"name": "ci", "scope": "write", "lasts": ""}))
    assert find_token(text).expires_at is None


@pytest.mark.parametrize(("role", "scopes"), [("viewer", 1), ("operator", 2), ("admin", 3)])
def test_only_scopes_within_ones_role_are_offered(db, browser, role, scopes):
    page = browser(a_user("dora", role=role))
    assert len(page.get(reverse("token-new")).context["form"].fields["scope"].choices) == scopes
    if role != "admin":
        assert page.post(reverse("token-new"), {"name": "ci", "scope": "admin", "lasts": "30"}).status_code == 400


def test_one_revokes_ones_own_and_an_admin_everybodys(alice, bob, charlie, browser):
    texts = [a_token(user, name=user.username) for user in (bob, charlie)]
    bobs, charlies = ApiToken.objects.order_by("pk")

    assert browser(bob).post(reverse("token-revoke", args=[charlies.pk])).status_code == 404
    assert browser(bob).get(reverse("token-revoke", args=[charlies.pk])).status_code == 404
    assert browser(bob).get(reverse("token-revoke", args=[bobs.pk])).status_code == 200
    assert all(map(find_token, texts))
    browser(bob).post(reverse("token-revoke", args=[bobs.pk]))
    browser(alice).post(reverse("token-revoke", args=[charlies.pk]))
    assert not any(map(find_token, texts))


def test_the_list_says_whose_and_in_which_state(alice, bob, browser):
    a_token(bob, name="old", expires_at=timezone.now() - timedelta(days=1))
    a_token(alice, name="mine", kinds=["routes"])

    text = browser(alice).get(reverse("tokens")).text
    assert "ended" in text
    assert '<span class="chip">routes</span>' in text
    assert "mine" not in browser(bob).get(reverse("tokens")).text


# --- People ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", GOOD_USERS)
def test_a_new_user_signs_in_with_the_password_that_is_shown_once(alice, browser, client, data):
    password = shown_once(browser(alice).post(reverse("person-new"), data))

    assert User.objects.get(username=data["username"]).role == data["role"]
    assert client.post(reverse("login"), {"username": data["username"], "password": password}).status_code == 302


@pytest.mark.parametrize(("data", "field"), BAD_USERS)
def test_what_is_wrong_with_a_user_stands_at_its_field(alice, browser, data, field):
    response = browser(alice).post(reverse("person-new"), data)

    assert (response.status_code, set(response.context["form"].errors)) == (400, {field})
    assert User.objects.count() == 1


def test_an_admin_changes_role_and_state(alice, bob, browser):
    browser(alice).post(reverse("person", args=[bob.pk]), {"role": "viewer", "is_superuser": "on", "username": "root"})

    bob.refresh_from_db()
    assert (bob.username, bob.role, bob.is_active, bob.is_superuser) == ("bob", "viewer", False, False)


def test_the_last_admin_cannot_leave_and_is_told_so(alice, browser):
    page = browser(alice)
    response = page.post(reverse("person", args=[alice.pk]), {"role": "viewer", "active": "on"})

    assert response.status_code == 400
    assert "alice is the last active admin; make another one first" in response.text
    assert page.get(reverse("people")).status_code == 200


def test_a_new_password_ends_the_sessions_of_its_user(alice, bob, browser):
    tab = browser(bob)
    password = shown_once(browser(alice).post(reverse("person-password", args=[bob.pk])))

    bob.refresh_from_db()
    assert bob.check_password(password)
    assert tab.get(reverse("overview")).status_code == 302
    assert browser(alice).post(reverse("person-password", args=[alice.pk])).status_code == 404


# --- What is offered -------------------------------------------------------------------------------------------------


WRITING = re.compile(r">(New \w+|Edit|Delete|Clone|Enable|Disable|Save weights|Delete selected)<")


def everything(page):
    rows = one_of_each()
    addresses = [reverse("overview"), *(reverse("entity-list", args=[kind]) for kind in rows)]
    addresses += [reverse("entity", args=[kind, row.pk]) for kind, row in rows.items()]
    return " ".join(page.get(address).text for address in addresses)


def test_a_viewer_is_offered_nothing_that_would_be_refused(charlie, browser):
    text = everything(browser(charlie))
    assert WRITING.findall(text) == []
    assert 'name="pick"' not in text
    assert reverse("people") not in text


def test_an_operator_is_offered_edits_and_no_people(bob, browser):
    text = everything(browser(bob))
    assert {"New upstream", "Edit", "Delete", "Clone", "Disable", "Save weights"} <= set(WRITING.findall(text))
    assert reverse("people") not in text


def test_an_admin_is_offered_people(alice, browser):
    assert reverse("people") in browser(alice).get(reverse("overview")).text
