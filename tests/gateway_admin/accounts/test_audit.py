"""What becomes a row of the audit, and who may read it."""

import pytest
from django.test import Client
from django.urls import reverse

from gateway_admin.accounts import people
from gateway_admin.accounts.actions import Author, ensure_first_user, issue_token
from gateway_admin.accounts.models import ApiToken, User
from gateway_admin.common.audit_entry import AuditEntry
from gateway_admin.common.problems import EntityInvalid

NEW_PASSWORD = "a brand new password"


def rows(*columns):
    return [*AuditEntry.objects.order_by("id").values_list(*columns)]


def test_changes_of_people_and_tokens_are_rows(alice, bob, script):
    send = script(alice)
    send("POST", "/api/users", {"username": "dora", "role": "viewer"})
    send("PATCH", f"/api/users/{bob.pk}", {"role": "viewer", "password": NEW_PASSWORD})
    _, made = send("POST", "/api/tokens", {"name": "ci", "scope": "read"})
    send("DELETE", f"/api/tokens/{made['data']['id']}")

    assert rows("actor", "via", "address", "what", "on_whom", "outcome") == [
        ("alice (token script)", "api", "127.0.0.1", what, whom, "done")
        for what, whom in (
            ("made the user dora, role viewer", "dora"),
            ("changed of the user bob: role viewer, password", "bob"),
            ("made the token ci of alice, scope read", "alice"),
            ("revoked the token ci of alice", "alice"),
        )
    ]
    assert NEW_PASSWORD not in str(rows("what", "reason"))
    assert made["data"]["token"] not in str(rows("what", "reason"))


def test_a_changed_password_of_ones_own_is_a_row(alice, browser):
    typed = {"old_password": "correct horse", "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    browser(alice).post(reverse("password"), typed)
    assert rows("actor", "via", "what", "on_whom") == [("alice", "ui", "changed their own password", "alice")]


def test_the_first_user_is_a_row(db):
    ensure_first_user(username="admin", token="given-from-outside")
    assert rows("actor", "via", "on_whom") == [("gatehouse", "system", "admin")] * 2
    assert "given-from-outside" not in str(rows("what"))


def test_what_was_not_done_is_no_row(alice):
    with pytest.raises(EntityInvalid):
        people.change_user(user_id=alice.pk, values={"role": "viewer"}, author=Author("alice"))
    assert rows() == []


def test_what_cannot_be_audited_is_not_done(alice, monkeypatch):
    """One transaction: a change without its trace would be worse than none."""

    def fails(self, what, *names, on=""):
        raise RuntimeError("no trace")

    monkeypatch.setattr(Author, "did", fails)
    with pytest.raises(RuntimeError):
        issue_token(user=alice, values={"name": "ci", "scope": "read"}, author=Author("alice"))
    with pytest.raises(RuntimeError):
        people.create_user(values={"username": "dora", "role": "viewer"}, author=Author("alice"))
    assert not ApiToken.objects.exists()
    assert User.objects.count() == 1


def test_a_wrong_password_is_a_row_without_it(alice):
    for name in ("alice", "hunter2-typed-here"):
        Client().post(reverse("login"), {"username": name, "password": "hunter2hunter2"})
    assert rows("actor", "via", "what", "outcome", "reason") == [
        (actor, "ui", "POST /admin-ui/login/", "denied", "the password is wrong")
        for actor in ("alice", "an unknown user")
    ]
    assert "hunter2" not in str(rows("actor", "what", "reason", "on_whom"))


def test_a_refused_token_is_a_row_without_it(db):
    Client().get("/services", headers={"Kong-Admin-Token": "gh_nearly"})
    assert rows("actor", "via", "what", "reason") == [
        ("a stranger", "kong", "GET /services", "this token is not valid"),
    ]


def test_a_forbidden_action_is_a_row_however_often_it_is_tried(charlie, browser):
    page = browser(charlie)
    for _ in range(5):
        page.get("/admin-ui/people/")
    assert rows("actor", "what", "reason") == [
        ("charlie", "GET /admin-ui/people/", "to read users one needs the role admin"),
    ]


def test_control_characters_of_a_path_stay_out(charlie, script):
    script(charlie)("DELETE", "/api/services/a%0A%00b")
    (what,) = rows("what")[0]
    assert what.isprintable()


# --- Reading it ------------------------------------------------------------------------------------------------------


@pytest.fixture
def some(alice, charlie, browser, script):
    script(alice)("POST", "/api/users", {"username": "dora", "role": "viewer"})
    browser(charlie).get("/admin-ui/people/")
    return alice


def test_only_admins_read_it(bob, charlie, browser, script):
    for user in (bob, charlie):
        assert browser(user).get(reverse("audit")).status_code == 403
        assert script(user)("GET", "/api/audit")[0] == 403
        assert reverse("audit") not in browser(user).get(reverse("overview")).text
    assert Client().get("/api/audit").status_code == 401


def test_the_page_shows_and_narrows(some, browser):
    page = browser(some)
    text = page.get(reverse("audit")).text
    assert "made the user dora, role viewer" in text
    assert "to read users one needs the role admin" in text
    for query, found in (("?outcome=denied", 1), ("?q=DORA", 1), ("?via=api", 1), ("?actor=charlie", 1), ("?q=zzz", 0)):
        assert len(page.get(reverse("audit") + query).context["page"].object_list) == found


def test_the_page_says_what_a_url_says_wrong(some, browser):
    answer = browser(some).get(reverse("audit") + "?since=yesterday")
    assert answer.status_code == 400
    assert "expected a date and time" in answer.text


def test_hostile_texts_stay_text(alice, browser):
    Client().get("/services/%3Cb%3Ex", headers={"Kong-Admin-Token": "x"})
    text = browser(alice).get(reverse("audit")).text
    assert "GET /services/&lt;b&gt;x" in text
    assert "<b>x" not in text


def test_rest_answers_pages_newest_first(some, script):
    send = script(some)
    status, answer = send("GET", "/api/audit?limit=1&page=2")
    assert status == 200
    assert answer["meta"]["pagination"]["total"] == 2
    (entry,) = answer["data"]
    assert (entry["what"], entry["onWhom"], entry["outcome"]) == ("made the user dora, role viewer", "dora", "done")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=denied", 1), ("via=api", 1), ("actor=charlie", 1), ("q=dora", 1),
        ("since=2020-01-01T00:00:00Z", 2), ("until=2020-01-01T00:00:00Z", 0),
    ],
)  # fmt: skip
def test_rest_narrows(some, script, query, found):
    assert len(script(some)("GET", f"/api/audit?{query}")[1]["data"]) == found


@pytest.mark.parametrize("query", ["outcome=x", "via=x", "since=yesterday", "q=", "actor=%00", "page=0", "other=1"])
def test_rest_refuses_what_makes_no_sense(some, script, query):
    status, answer = script(some)("GET", f"/api/audit?{query}")
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
