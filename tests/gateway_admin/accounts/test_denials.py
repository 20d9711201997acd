"""Refusals: told to who asked, and logged: who, what, from where, in one line that nobody can forge."""

import pytest
from django.test import Client

from gateway_admin.accounts.throttle import WRONG_TOKENS
from tests.gateway_admin.builders import a_token, a_user


def denials(caplog):
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("denied")]


def test_a_denied_token_is_told_why_and_named_in_the_log(charlie, script, caplog):
    status, answer = script(charlie)("POST", "/api/services", {"host": "a"})

    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")
    assert answer["error"]["message"] == "to change services one needs the role operator or admin"
    start = "denied to 'charlie (token script)' from '127.0.0.1': 'POST /api/services': "
    assert denials(caplog) == [start + "to change services one needs the role operator or admin"]


def test_a_page_says_who_one_is_and_what_is_missing(charlie, browser, caplog):
    response = browser(charlie).get("/admin-ui/people/")

    assert response.status_code == 403
    assert "You are signed in as charlie, viewer: to read users one needs the role admin." in response.text
    assert denials(caplog) == [
        "denied to 'charlie' from '127.0.0.1': 'GET /admin-ui/people/': to read users one needs the role admin"
    ]


def test_strangers_are_logged_too(db, caplog):
    Client().get("/api/services")
    assert len(denials(caplog)) == 1
    assert "a stranger" in denials(caplog)[0]


@pytest.mark.parametrize("path", ["/api/services/a%0Adenied%20to%20'alice'", "/api/services/%1b[31m" + "x" * 5000])
def test_no_line_can_be_forged(charlie, script, caplog, path):
    script(charlie)("DELETE", path)

    (line,) = denials(caplog)
    assert line.isprintable()
    assert len(line) < 500


def test_a_wrong_token_is_refused_and_logged_without_itself(db, caplog):
    response = Client().get("/api/services", headers={"Authorization": "Bearer gh_nearly"})

    assert response.status_code == 401
    assert denials(caplog) == ["denied to 'a stranger' from '127.0.0.1': 'GET /api/services': this token is not valid"]


def test_a_wrong_password_is_logged_without_itself(alice, caplog):
    Client().post("/admin-ui/login/", {"username": "alice\nforged", "password": "hunter2hunter2"})

    assert denials(caplog) == [
        r"denied to 'alice\nforged' from '127.0.0.1': 'POST /admin-ui/login/': the password is wrong"
    ]


def test_a_missing_csrf_token_is_logged(alice, caplog):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    strict.post("/api/services", "{}", content_type="application/json")

    assert denials(caplog)[0].startswith("denied to 'alice' from '127.0.0.1': 'POST /api/services': CSRF Failed")


def test_a_button_that_one_may_no_longer_press_loads_the_page_again(charlie, browser):
    here = "http://testserver/admin-ui/upstreams/"
    page = browser(charlie)
    response = page.post("/admin-ui/services/delete/", headers={"HX-Request": "true", "HX-Current-URL": here})

    assert (response.status_code, response["HX-Redirect"]) == (403, "/admin-ui/upstreams/")
    assert "You may not do this: to change services one needs the role operator or admin." in page.get(here).text


@pytest.mark.parametrize("path", ["/api/services", "/api/config/versions", "/services"])
def test_a_guesser_has_to_pause_even_with_the_right_token(db, path, caplog):
    right = a_token(a_user())
    for number in range(WRONG_TOKENS):
        assert Client().get(path, headers={"Kong-Admin-Token": f"guess-{number}"}).status_code == 401
    response = Client().get(path, headers={"Kong-Admin-Token": right})

    assert response.status_code == 429
    assert len(denials(caplog)) == WRONG_TOKENS + 1
    assert int(response["Retry-After"]) >= 300
    elsewhere = Client(REMOTE_ADDR="192.0.2.9").get(path, headers={"Kong-Admin-Token": right})
    assert elsewhere.status_code == 200


@pytest.mark.parametrize("path", ["/api/services", "/api/config/versions", "/services"])
def test_a_guesser_does_not_keep_out_who_was_there_before(db, path):
    """Behind a reverse proxy all come from one address."""
    right = {"Kong-Admin-Token": a_token(a_user())}
    assert Client().get(path, headers=right).status_code == 200
    for number in range(WRONG_TOKENS + 1):
        Client().get(path, headers={"Kong-Admin-Token": f"guess-{number}"})

    assert Client().get(path, headers={"Kong-Admin-Token": "another"}).status_code == 429
    assert Client().get(path, headers=right).status_code == 200


def test_the_same_wrong_token_is_logged_each_time(db, caplog):
    for _ in range(3):
        Client().get("/api/services", headers={"Authorization": "Bearer revoked"})
    assert len(denials(caplog)) == 3
