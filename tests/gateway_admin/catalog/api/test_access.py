"""Who gets in: Alice by token, Bob by session, Charlie not at all."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gateway_admin.accounts.models import ApiToken
from tests.gateway_admin.builders import a_token, a_user

from .conftest import RestClient

pytestmark = pytest.mark.django_db
PATHS = ["/api/services", "/api/routes", "/api/upstreams", "/api/targets", "/api/changes", "/api/config/versions"]


@pytest.fixture
def alice():
    return RestClient(a_token(a_user("alice")))


@pytest.fixture
def bob():
    client = RestClient(enforce_csrf_checks=True)
    client.force_login(a_user("bob"))
    return client


@pytest.fixture
def charlie():
    return RestClient()


@pytest.mark.parametrize("path", PATHS)
def test_alice_and_bob_read_and_charlie_does_not(alice, bob, charlie, path):
    assert alice.get(path).status_code == 200
    assert bob.get(path).status_code == 200
    refused = charlie.get(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_alice_writes_bob_needs_a_csrf_token_and_charlie_is_refused(alice, bob, charlie):
    assert alice.post("/api/services", {"host": "a"}).status_code == 201
    assert charlie.post("/api/services", {"host": "a"}).status_code == 401
    refused = bob.post("/api/services", {"host": "a"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "FORBIDDEN")

    bob.cookies["gatehouse_csrf"] = "x" * 32
    assert bob.post("/api/services", {"host": "a"}, HTTP_X_CSRFTOKEN="x" * 32).status_code == 201


def test_kongs_header_carries_the_token_too(alice, charlie):
    assert charlie.get("/api/services", HTTP_KONG_ADMIN_TOKEN=alice.token).status_code == 200
    assert charlie.get("/api/services", HTTP_AUTHORIZATION=f"bearer {alice.token}").status_code == 200


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Bearer \udcff", "Bearer \x00"])
def test_a_wrong_token_is_refused_even_with_a_good_session(bob, header):
    assert bob.get("/api/services", HTTP_AUTHORIZATION=header).status_code == 401
    assert bob.get("/api/config/versions", HTTP_AUTHORIZATION=header).status_code == 401


def test_other_schemes_are_not_ours(bob):
    assert bob.get("/api/services", HTTP_AUTHORIZATION="Basic YTpi").status_code == 200


def test_tokens_end_with_their_time_their_row_and_their_user(charlie):
    alice = a_user("alice")
    ended = a_token(alice, expires_at=timezone.now() - timedelta(seconds=1))
    good = a_token(alice, expires_at=timezone.now() + timedelta(hours=1))

    assert charlie.get("/api/services", HTTP_AUTHORIZATION=f"Bearer {ended}").status_code == 401
    assert charlie.get("/api/services", HTTP_AUTHORIZATION=f"Bearer {good}").status_code == 200
    alice.is_active = False
    alice.save()
    assert charlie.get("/api/services", HTTP_AUTHORIZATION=f"Bearer {good}").status_code == 401
    ApiToken.objects.all().delete()
    assert charlie.get("/api/services", HTTP_AUTHORIZATION=f"Bearer {good}").status_code == 401


def test_nobody_is_anonymous_unless_the_setting_says_so(charlie, settings):
    assert charlie.get("/api/services").status_code == 401
    settings.ADMIN_API_ANONYMOUS = "loopback"
    assert charlie.get("/api/services").status_code == 200
    assert charlie.post("/api/services", {"host": "a"}).status_code == 201
    assert charlie.get("/api/config/versions").status_code == 200


@pytest.mark.parametrize(
    "meta",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": "::ffff:192.0.2.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"},
        {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
def test_loopback_means_this_machine_and_no_proxy_or_foreign_page_on_it(charlie, settings, meta):
    settings.ADMIN_API_ANONYMOUS = "loopback"

    assert charlie.get("/api/services", **meta).status_code == 401


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_every_spelling_of_loopback_is_loopback(charlie, settings, address):
    settings.ADMIN_API_ANONYMOUS = "loopback"

    assert charlie.get("/api/services", REMOTE_ADDR=address).status_code == 200


def test_schema_and_documentation_are_open_to_all(charlie):
    assert Client().get("/api/schema/").status_code == 200
    assert Client().get("/api/docs/").status_code == 200
