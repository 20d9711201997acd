"""Who gets in, from where, and what stands on every answer. Alice has a token, Bob a session, Charlie nothing."""

import pytest
from django.db import OperationalError

from gateway_admin.kong_api import entity_views
from gateway_admin.kong_api.urls import ADDRESSES
from tests.gateway_admin.builders import a_key, a_service, a_token, a_user

from .conftest import KongClient

pytestmark = pytest.mark.django_db
EVIL = "https://evil.example"


@pytest.fixture
def bob():
    client = KongClient(enforce_csrf_checks=True)
    client.force_login(a_user("bob"))
    return client


@pytest.fixture
def charlie():
    return KongClient()


@pytest.mark.parametrize("path", [address.path for address in ADDRESSES] + ["/nothing"])
def test_strangers_learn_nothing_at_any_address(charlie, path):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = charlie.generic(method, path)
        assert answer.status_code == 401, method
        assert list(answer.json()) == ["message"]
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_both_headers_carry_a_token(kong, charlie):
    assert charlie.get("/services", HTTP_AUTHORIZATION=f"Bearer {kong.token}").status_code == 200
    assert charlie.get("/services", HTTP_KONG_ADMIN_TOKEN=kong.token).status_code == 200
    refused = charlie.get("/services", HTTP_KONG_ADMIN_TOKEN="wrong")
    assert (refused.status_code, list(refused.json())) == (401, ["message"])


def test_a_session_writes_with_a_csrf_token_only(bob):
    assert bob.get("/services").status_code == 200
    assert bob.form("POST", "/services", "host=a").status_code == 403
    bob.cookies["gatehouse_csrf"] = "x" * 32
    assert bob.form("POST", "/services", "host=a", HTTP_X_CSRFTOKEN="x" * 32).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": EVIL},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://testserver:3000"},  # the same site to a browser, cookies and all
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
def test_pages_of_other_origins_cannot_use_the_session(kong, bob, headers):
    assert bob.get("/services", **headers).status_code == 401
    bob.cookies["gatehouse_csrf"] = "x" * 32
    assert bob.form("POST", "/services", "host=a", HTTP_X_CSRFTOKEN="x" * 32, **headers).status_code == 401
    assert kong.get("/services", **headers).status_code == 200  # a token they were given


def test_pages_of_other_origins_cannot_use_the_open_door_of_this_machine(charlie, settings):
    settings.ADMIN_API_ANONYMOUS = "loopback"
    assert charlie.form("POST", "/services", "host=a").status_code == 201
    assert charlie.form("POST", "/services", "host=a", HTTP_ORIGIN=EVIL).status_code == 401


def test_our_own_pages_are_no_foreigners(bob):
    own = {"HTTP_ORIGIN": "http://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"}
    assert bob.get("/services", **own).status_code == 200


def test_a_viewer_reads_without_secrets_and_writes_nothing(db):
    key = a_key(key="open-sesame")
    viewer = KongClient(a_token(a_user("victor", role="viewer")))
    assert viewer.get(f"/key-auths/{key.pk}").json()["key"] == "******"
    assert viewer.get("/key-auths").json()["data"][0]["key"] == "******"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = viewer.send(method, "/services" if method == "POST" else "/services/a", {"host": "a"})
        assert (answer.status_code, list(answer.json())) == (403, ["message"]), method


def test_a_viewer_does_not_find_out_by_guessing_which_keys_there_are(kong, caplog):
    key = a_key(key="hush")
    viewer = KongClient(a_token(a_user("victor", role="viewer")))
    owner = f"/consumers/{key.consumer_id}/key-auth"
    for path in ("/key-auths/hush", "/key-auths/nobody", f"{owner}/hush", "/key-auths/hush/consumer"):
        assert viewer.get(path).status_code == 403, path
    assert len([line for line in caplog.messages if line.startswith("denied to 'victor")]) == 4
    for path in (f"/key-auths/{key.pk}", f"{owner}/{key.pk}", f"/key-auths/{key.pk}/consumer"):
        assert viewer.get(path).status_code == 200, path
    assert kong.get("/key-auths/hush").status_code == 200


def test_deprecated_names_of_settings_tell_a_viewer_no_more(kong):
    config = {"minute": 1, "policy": "redis", "redis": {"host": "r.test", "password": "hush-hush"}}
    made = kong.post("/plugins", {"name": "rate-limiting", "config": config})
    assert made.json()["config"]["redis"]["password"] == "hush-hush", made.content
    viewer = KongClient(a_token(a_user("victor", role="viewer")))
    assert b"hush-hush" not in viewer.get("/plugins").content


def test_a_token_for_some_kinds_reaches_no_others(db):
    a_service(name="s")
    token = a_token(a_user("dora"), kinds=["routes"])
    dora = KongClient(token)
    assert dora.get("/routes").status_code == 200
    assert dora.get("/services").status_code == 403
    assert dora.get("/services/s/routes").status_code == 403  # whether the parent exists is the parent's business
    assert kinds_of(dora.get("/tags").json()) <= {"routes"}


def kinds_of(page):
    return {row["entity_name"] for row in page["data"]}


# --- What stands on every answer ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/services", "/services/nobody", "/nothing", "/services?size=x"])
def test_every_answer_has_kongs_headers(kong, path):
    answer = kong.get(path, HTTP_ORIGIN=EVIL)
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert answer["Server"].startswith("kong/3.")
    assert int(answer["X-Kong-Admin-Latency"]) >= 0
    assert answer["Access-Control-Allow-Origin"] == EVIL
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer["Vary"]
    assert "no-store" in answer["Cache-Control"]
    assert kong.get(path)["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/services", "GET, HEAD, OPTIONS, POST"),
        ("/services/", "GET, HEAD, OPTIONS, POST"),
        ("/services/a", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/routes/a/service", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/upstreams/a/targets/b/healthy", "OPTIONS, PUT"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/tags", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tell_the_methods_without_asking_who(charlie, path, methods):
    answer = charlie.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Allow"] == answer["Access-Control-Allow-Methods"] == methods
    assert answer["Access-Control-Allow-Headers"] == "Content-Type"
    asked = charlie.options(path, HTTP_ACCESS_CONTROL_REQUEST_HEADERS="kong-admin-token")
    assert asked["Access-Control-Allow-Headers"] == "kong-admin-token"


def test_nothing_is_nowhere_by_any_method(kong):
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = kong.generic(method, "/nothing/here")
        assert answer.status_code == 404, method
        assert method == "HEAD" or answer.json() == {"message": "Not found"}


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/services"), ("POST", "/services/a"), ("POST", "/status")])
def test_other_methods_are_not_allowed(kong, method, path):
    answer = kong.generic(method, path)
    assert (answer.status_code, answer.json()) == (405, {"message": "Method not allowed"})
    assert "GET" in answer["Allow"]


def test_head_is_get(kong):
    a_service(name="s")
    assert kong.generic("HEAD", "/services/s").status_code == 200
    assert kong.generic("HEAD", "/services/x").status_code == 404


def test_a_line_end_is_no_end_of_an_address(kong):
    assert kong.get("/services%0A").status_code == 404


def test_addresses_of_the_dashboard_and_rest_stay_theirs(kong):
    assert kong.get("/admin-ui")["Location"] == "/admin-ui/"
    assert "success" in kong.get("/api/nothing").json()
    assert kong.get("/healthz").json() == {"status": "ok"}


# --- When it fails -----------------------------------------------------------------------------------------


def test_a_failure_of_ours_is_told_in_kongs_words(kong, monkeypatch, caplog):
    monkeypatch.setattr(entity_views.Collection, "rows", lambda view: 1 / 0)
    answer = kong.get("/services")
    assert (answer.status_code, answer.json()) == (500, {"message": "An unexpected error occurred"})
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_is_away_is_no_failure_of_the_request(kong, monkeypatch):
    def away(view):
        raise OperationalError("database is locked")

    monkeypatch.setattr(entity_views.Collection, "rows", away)
    answer = kong.get("/services")
    assert (answer.status_code, list(answer.json())) == (503, ["message"])
    assert int(answer["Retry-After"]) > 0
