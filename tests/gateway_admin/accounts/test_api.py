"""People and tokens over REST: made, read, changed, revoked, by whom it may be and by nobody else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gateway_admin.accounts.actions import MOST_TOKENS
from gateway_admin.accounts.models import ApiToken, User
from gateway_admin.common.envelope import timestamp
from tests.gateway_admin.builders import a_token

from .cases import BAD_TOKENS, BAD_USERS, GOOD_TOKENS, GOOD_USERS

PASSWORD = "correct horse battery"


def fields(answer):
    return {detail["field"].partition(".")[0] for detail in answer["error"]["details"]}


# --- Tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", GOOD_TOKENS)
def test_a_token_is_answered_once_and_works(alice, script, body):
    status, answer = script(alice)("POST", "/api/tokens", body)
    made = answer["data"]

    assert status == 201
    assert (made["name"], made["scope"], made["kinds"]) == (body["name"], body["scope"], body.get("kinds"))
    assert made["token"].startswith(made["prefix"])
    assert Client().get("/", headers={"Kong-Admin-Token": made["token"]}).status_code == 200
    assert made["token"] not in str(script(alice)("GET", f"/api/tokens/{made['id']}"))
    assert made["token"] not in str(ApiToken.objects.values_list())


@pytest.mark.parametrize(("body", "field"), BAD_TOKENS)
def test_what_is_wrong_with_a_token_is_named(alice, script, body, field):
    ask = script(alice)
    status, answer = ask("POST", "/api/tokens", body)

    assert (status, fields(answer)) == (400, {field})
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"user": "alice"}, "user"),
        ({"userId": 1}, "userId"),
        ({"token": "mine"}, "token"),
        ({"digest": "0" * 64}, "digest"),
        ({"prefix": "gh_"}, "prefix"),
        ({"lastUsedAt": None}, "lastUsedAt"),
        ({"expires_at": "2030-01-01T00:00:00Z"}, "expires_at"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "2030-01-01T00:00:00"}, "expiresAt"),
        ({"expiresAt": "2030-02-31T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": 2**70}, "expiresAt"),
        ({"kinds": []}, "kinds"),
        ({"kinds": "services"}, "kinds"),
        ({"scope": ["admin"]}, "scope"),
        ({"name": {"x": 1}}, "name"),
    ],
)
def test_nothing_else_can_be_set(bob, script, more, field):
    status, answer = script(bob)("POST", "/api/tokens", {"name": "ci", "scope": "read"} | more)

    assert (status, fields(answer)) == (400, {field})


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_is_an_object(alice, script, body):
    assert script(alice)("POST", "/api/tokens", body)[0] == 400
    assert script(alice)("POST", "/api/users", body)[0] == 400
    assert script(alice)("PATCH", f"/api/users/{alice.pk}", body)[0] == 400


def test_a_token_is_never_wider_than_its_users_role(bob, charlie, script):
    status, answer = script(bob)("POST", "/api/tokens", {"name": "ci", "scope": "admin"})
    assert (status, answer["error"]["message"]) == (400, "scope: the role operator allows write at most")
    assert script(charlie)("POST", "/api/tokens", {"name": "ci", "scope": "write"})[0] == 400
    assert script(charlie)("POST", "/api/tokens", {"name": "ci", "scope": "read"})[0] == 201


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_narrow_token_makes_no_others(alice, script, scope):
    status, answer = script(alice, scope=scope)("POST", "/api/tokens", {"name": "ci", "scope": scope})

    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")
    assert ApiToken.objects.count() == 1


def test_a_token_makes_none_that_outlives_it(alice, script):
    end = timezone.now() + timedelta(hours=1)
    ask = script(alice, expires_at=end)
    body = {"name": "ci", "scope": "read"}

    assert ask("POST", "/api/tokens", body)[0] == 400
    assert ask("POST", "/api/tokens", body | {"expiresAt": timestamp(end + timedelta(days=1))})[0] == 400
    assert ask("POST", "/api/tokens", body | {"expiresAt": timestamp(end - timedelta(minutes=1))})[0] == 201


def test_there_is_an_end_to_tokens(bob, script):
    ask = script(bob)
    ApiToken.objects.bulk_create(
        ApiToken(user=bob, name="x", digest=str(number), prefix="x") for number in range(MOST_TOKENS)
    )

    assert ask("POST", "/api/tokens", {"name": "ci", "scope": "read"})[0] == 400


def test_one_sees_ones_own_tokens_and_admins_everybodys(alice, bob, charlie, script):
    asks = {name: script(user) for name, user in (("alice", alice), ("bob", bob), ("charlie", charlie))}
    seen = {name: {token["user"] for token in ask("GET", "/api/tokens")[1]["data"]} for name, ask in asks.items()}

    assert seen == {"alice": {"alice", "bob", "charlie"}, "bob": {"bob"}, "charlie": {"charlie"}}


def test_an_admins_narrow_token_sees_its_users_tokens_only(alice, bob, script):
    a_token(bob)

    found = script(alice, scope="read")("GET", "/api/tokens")[1]["data"]
    assert {token["user"] for token in found} == {"alice"}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_somebody_elses_token_is_answered_as_none(alice, bob, script, method):
    a_token(alice)
    theirs = ApiToken.objects.get().pk
    ask = script(bob)
    known, unknown = ask(method, f"/api/tokens/{theirs}"), ask(method, "/api/tokens/999999")

    assert known[0] == unknown[0] == 404
    assert str(known[1]).replace(str(theirs), "") == str(unknown[1]).replace("999999", "")
    assert ApiToken.objects.filter(pk=theirs).exists()


def test_a_revoked_token_is_refused_from_then_on(alice, bob, script, caplog):
    caplog.set_level("INFO")
    text = a_token(bob, name="old\nforged")
    row = ApiToken.objects.get()
    assert script(alice)("DELETE", f"/api/tokens/{row.pk}")[0] == 200

    assert Client().get("/api/services", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    line = next(record.getMessage() for record in caplog.records if "revoked" in record.getMessage())
    assert line == r"'alice (token script)' at '127.0.0.1' revoked the token 'old\nforged' of 'bob'"


def test_me_tells_who_one_is(charlie, script):
    _, answer = script(charlie, scope="read")("GET", "/api/me")

    assert (answer["data"]["username"], answer["data"]["role"]) == ("charlie", "viewer")
    assert answer["data"]["token"]["scope"] == "read"


def test_me_is_told_to_tokens_of_any_kind(charlie, script):
    assert script(charlie, scope="read", kinds=["snis"])("GET", "/api/me")[0] == 200


# --- Users -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", GOOD_USERS)
def test_a_user_is_made_with_a_password_that_is_told_once(alice, script, body):
    status, answer = script(alice)("POST", "/api/users", body)
    user = User.objects.get(pk=answer["data"]["id"])

    assert (status, user.username, user.role, user.is_active) == (201, body["username"], body["role"], True)
    assert user.check_password(answer["data"]["password"])
    assert not user.is_superuser
    assert "password" not in script(alice)("GET", f"/api/users/{user.pk}")[1]["data"]


@pytest.mark.parametrize(("body", "field"), BAD_USERS)
def test_what_is_wrong_with_a_user_is_named(alice, script, body, field):
    status, answer = script(alice)("POST", "/api/users", body)

    assert (status in (400, 409), fields(answer)) == (True, {field})
    assert User.objects.count() == 1


@pytest.mark.parametrize("password", ["short", "password12", "dora-dora-dora", "\x07" * 12, 12345678901, "x" * 1025])
def test_weak_and_impossible_passwords_are_refused(alice, script, password):
    body = {"username": "dora-dora-dora", "role": "viewer", "password": password}
    status, answer = script(alice)("POST", "/api/users", body)

    assert (status, fields(answer)) == (400, {"password"})


@pytest.mark.parametrize(
    "more", [{"isSuperuser": True}, {"is_staff": True}, {"active": False}, {"id": 1}, {"groups": []}]
)
def test_a_new_user_has_no_other_fields(alice, script, more):
    body = {"username": "dora", "role": "viewer"} | more
    assert fields(script(alice)("POST", "/api/users", body)[1]) == set(more)


@pytest.mark.parametrize("name", ["bob", "charlie"])
def test_nobody_but_admins_touches_users(alice, bob, charlie, script, name):
    user = User.objects.get(username=name)
    ask = script(user)
    requests = [
        ("GET", "/api/users", None),
        ("GET", f"/api/users/{user.pk}", None),
        ("POST", "/api/users", {"username": "dora", "role": "admin"}),
        ("PATCH", f"/api/users/{user.pk}", {"role": "admin"}),
        ("PATCH", f"/api/users/{alice.pk}", {"active": False}),
    ]
    assert [ask(*request)[0] for request in requests] == [403] * len(requests)
    user.refresh_from_db()
    assert (user.role, User.objects.count()) == ({"bob": "operator", "charlie": "viewer"}[name], 3)


def test_a_role_changes_what_one_may_at_once(alice, bob, script):
    ask = script(bob)
    assert ask("POST", "/api/services", {"host": "a"})[0] == 201
    assert script(alice)("PATCH", f"/api/users/{bob.pk}", {"role": "viewer"})[0] == 200

    assert ask("POST", "/api/services", {"host": "a"})[0] == 403
    assert ask("GET", "/api/services")[0] == 200


def test_who_is_switched_off_is_out(alice, bob, script, browser):
    ask, tab = script(bob), browser(bob)
    script(alice)("PATCH", f"/api/users/{bob.pk}", {"active": False})

    assert ask("GET", "/api/services")[0] == 401
    assert tab.get("/admin-ui/").status_code == 302


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"active": False}, {"role": "operator", "active": True}])
def test_the_last_active_admin_stays_one(alice, bob, script, change):
    User.objects.create_user("dora", role="admin", is_active=False)
    status, answer = script(alice)("PATCH", f"/api/users/{alice.pk}", change)

    assert status == 400
    assert "the last active admin" in answer["error"]["message"]
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == ("admin", True)


def test_with_another_admin_one_may_go(alice, bob, script):
    ask = script(alice)
    assert ask("PATCH", f"/api/users/{bob.pk}", {"role": "admin"})[0] == 200
    assert ask("PATCH", f"/api/users/{alice.pk}", {"role": "viewer"})[0] == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "root"}, "username"),
        ({"isSuperuser": True}, "isSuperuser"),
        ({"role": None}, "role"),
        ({"active": "no"}, "active"),
        ({"password": "short"}, "password"),
        ({"password": None}, "password"),
    ],
)
def test_of_a_user_only_three_things_change(alice, bob, script, body, field):
    status, answer = script(alice)("PATCH", f"/api/users/{bob.pk}", body)
    assert (status, fields(answer)) == (400, {field})


def test_a_borrowed_session_cannot_set_a_password_without_the_old_one(alice, browser):
    path, body = f"/api/users/{alice.pk}", f'{{"password": "{PASSWORD}"}}'
    response = browser(alice).generic("PATCH", path, body, "application/json")

    assert response.status_code == 400
    alice.refresh_from_db()
    assert not alice.check_password(PASSWORD)


@pytest.mark.parametrize("path", ["/api/users/999999", "/api/users/999999999999999999"])
def test_nobody_is_found_under_unknown_ids(alice, script, path):
    assert script(alice)("GET", path)[0] == 404
    assert script(alice)("PATCH", path, {"role": "viewer"})[0] == 404


def test_the_nameless_admin_of_this_machine_has_no_tokens(db, settings):
    settings.ADMIN_API_ANONYMOUS = "loopback"
    client = Client()

    assert client.get("/api/me").json()["data"] == {"username": "anonymous", "role": "admin", "token": None}
    made = client.post("/api/tokens", '{"name": "ci", "scope": "read"}', content_type="application/json")
    assert made.status_code == 400
    assert client.get("/api/users").status_code == 200
