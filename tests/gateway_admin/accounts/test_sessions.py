"""Sessions: new at sign-in, ended with the password, and never enough for a write without the CSRF token."""

import pytest
from django.test import Client
from django.urls import reverse

from gateway_admin.accounts.throttle import FAILURES
from tests.gateway_admin.builders import a_user

OLD, NEW = "correct horse", "battery staple 9"
SESSION = "gatehouse_session"


@pytest.fixture
def dora(db):
    return a_user("dora", role="viewer")


def sign_in(client, password=OLD):
    return client.post(reverse("login"), {"username": "dora", "password": password})


def change(client, old=OLD, new=NEW, again=None):
    data = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    return client.post(reverse("password"), data)


def test_the_session_is_a_new_one_after_signing_in(dora, client):
    planted = Client()
    sign_in(planted)
    planted.post(reverse("logout"))
    client.cookies[SESSION] = "planted0planted0planted0planted0"
    sign_in(client)

    assert client.cookies[SESSION].value != "planted0planted0planted0planted0"
    before = client.cookies[SESSION].value
    assert client.get(reverse("overview")).status_code == 200
    client.post(reverse("logout"))
    client.cookies[SESSION] = before
    assert client.get(reverse("overview")).status_code == 302


def test_a_new_password_ends_all_other_sessions_and_keeps_this_one(dora):
    here, there = Client(), Client()
    sign_in(here), sign_in(there)
    old_key = here.cookies[SESSION].value
    assert change(here).status_code == 303

    assert here.get(reverse("overview")).status_code == 200
    assert there.get(reverse("overview")).status_code == 302
    assert here.cookies[SESSION].value != old_key
    assert sign_in(Client(), NEW).status_code == 302
    assert sign_in(Client(), OLD).status_code == 200


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"old": "guess"}, "old_password"),
        ({"new": "short"}, "new_password2"),
        ({"new": "password12"}, "new_password2"),
        ({"again": "other"}, "new_password2"),
        ({"new": "", "again": ""}, "new_password1"),
    ],
)
def test_a_password_is_not_changed_to_anything(dora, client, data, field):
    client.force_login(dora)
    response = change(client, **data)

    assert response.status_code == 400
    assert field in response.context["form"].errors
    dora.refresh_from_db()
    assert dora.check_password(OLD)


def test_a_borrowed_session_cannot_guess_the_password(dora, client):
    client.force_login(dora)
    for _ in range(FAILURES):
        assert change(client, old="guess").status_code == 400
    response = change(client)

    assert (response.status_code, response["Retry-After"]) == (429, "300")
    dora.refresh_from_db()
    assert dora.check_password(OLD)


def test_signing_in_pauses_over_all_names(dora, client, monkeypatch):
    monkeypatch.setattr("gateway_admin.accounts.throttle.FAILURES_OF_ADDRESS", 3)
    for number in range(3):
        client.post(reverse("login"), {"username": f"user-{number}", "password": "Summer2026!"})

    response = sign_in(client)
    assert (response.status_code, response["Retry-After"]) == (429, "300")


@pytest.mark.parametrize("name", ["token-new", "person-new", "password"])
def test_forms_about_people_need_the_csrf_token(db, name):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(a_user("alice"))

    assert (
        strict.post(reverse(name), {"name": "ci", "scope": "read", "username": "x", "role": "admin"}).status_code == 403
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/tokens"), ("POST", "/api/users"), ("DELETE", "/api/tokens/1"), ("POST", "/services")],
)
def test_rest_by_session_needs_the_csrf_token(db, method, path):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(a_user("alice"))

    refused = strict.generic(method, path, "{}", "application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.text


def test_names_that_exist_are_not_told_from_those_that_do_not(dora, client):
    known, unknown = sign_in(client, "guess"), client.post(reverse("login"), {"username": "dorx", "password": "guess"})

    assert known.status_code == unknown.status_code == 200
    for response in (known, unknown):
        assert "User name and password do not match." in response.text


def test_who_is_switched_off_is_told_no_more_than_strangers(dora, client):
    dora.is_active = False
    dora.save()

    assert "User name and password do not match." in sign_in(client).text
