"""Coming and going."""

import pytest
from django.core.cache import caches
from django.urls import reverse

from gateway_admin.accounts import throttle

from .conftest import PASSWORD

LOGIN = "/admin-ui/login/"


@pytest.fixture(autouse=True)
def empty_local_counts(settings):
    """Failed attempts of one test are not those of the next."""
    settings.CACHES = {
        name: {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"} for name in ("default", "local")
    }
    caches["default"].clear()


def sign_in(client, password=PASSWORD, **data):
    return client.post(LOGIN, {"username": "alice", "password": password, **data})


def test_the_right_password_leads_to_the_overview(client, alice):
    assert sign_in(client)["Location"] == "/admin-ui/"


def test_one_comes_back_to_where_one_wanted_to_go(client, alice):
    assert sign_in(client, next="/admin-ui/routes/?q=a")["Location"] == "/admin-ui/routes/?q=a"


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_one_is_never_led_to_a_foreign_site(client, alice, address):
    assert sign_in(client, next=address)["Location"] == "/admin-ui/"


def test_a_wrong_password_says_so_without_telling_which_half_is_wrong(client, alice):
    response = sign_in(client, "guess")
    assert response.status_code == 200
    assert "User name and password do not match." in response.text


def test_after_too_many_failures_even_the_right_password_has_to_wait(client, alice):
    for _ in range(throttle.FAILURES):
        sign_in(client, "guess")
    response = sign_in(client)
    assert response.status_code == 429
    assert "Try again in 5 minutes" in response.text


def test_a_success_ends_the_count(client, alice):
    for _ in range(throttle.FAILURES - 1):
        sign_in(client, "guess")
    sign_in(client)
    client.logout()
    assert sign_in(client, "guess").status_code == 200


def test_signing_out_is_a_deed_not_an_address(page):
    assert page.client.get(reverse("logout")).status_code == 405
    assert page.client.post(reverse("logout"))["Location"] == LOGIN
    assert page.get("overview").status_code == 302


def test_colours_are_remembered_and_come_with_the_next_page(page):
    response = page.post("theme", theme="dark", next="/admin-ui/routes/")
    assert response["Location"] == "/admin-ui/routes/"
    assert 'data-theme="dark"' in page.get("overview").text


def test_unknown_colours_mean_the_systems(page):
    page.post("theme", theme='dark" onload="x')
    assert "data-theme" not in page.get("overview").text


def test_after_choosing_colours_one_stays_on_this_site(page):
    assert page.post("theme", theme="dark", next="https://evil.example/")["Location"] == "/admin-ui/"
