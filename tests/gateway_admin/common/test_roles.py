"""The table of roles and scopes, row by row, and how refusals read."""

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser

from gateway_admin.accounts.authentication import LocalAdmin
from gateway_admin.common.roles import RULES, may, may_see_secrets, refusal

#                                   kind          viewer  operator           admin
TABLE = [
    pytest.param("services", "read", "read write", "read write admin"),
    pytest.param("targets", "read", "read write", "read write admin"),
    pytest.param("config", "read", "read", "read write admin"),
    pytest.param("users", "", "", "read write admin"),
    pytest.param("tokens", "read write", "read write", "read write admin"),
    pytest.param("account", "write", "write", "write"),
    pytest.param(None, "read", "read", "read"),
]


def a_person(role="admin", is_active=True):
    return SimpleNamespace(role=role, is_active=is_active)


def a_key(scope="admin", kinds=None):
    return SimpleNamespace(name="ci", scope=scope, kinds=kinds)


def allowed(user, auth, kind):
    return " ".join(action for action in ("read", "write", "admin") if may(user, auth, action, kind))


@pytest.mark.parametrize(("kind", "viewer", "operator", "admin"), TABLE)
def test_each_role_may_what_the_table_says(kind, viewer, operator, admin):
    for role, expected in {"viewer": viewer, "operator": operator, "admin": admin}.items():
        assert allowed(a_person(role), None, kind) == expected, role


@pytest.mark.parametrize(
    ("scope", "kind", "expected"),
    [
        ("read", "services", "read"),
        ("write", "services", "read write"),
        ("admin", "services", "read write admin"),
        ("write", "config", "read"),
        ("write", "users", ""),
        ("read", "tokens", "read"),
        ("write", "tokens", "read"),  # a token that could make tokens would never end
        ("write", "account", ""),
    ],
)
def test_a_token_caps_even_an_admin(scope, kind, expected):
    assert allowed(a_person("admin"), a_key(scope), kind) == expected


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_token_never_widens_a_role(role):
    for kind in ("services", "config", "users", "tokens", None):
        assert allowed(a_person(role), a_key("admin"), kind) == allowed(a_person(role), None, kind)


def test_a_token_of_some_kinds_has_no_others():
    user, token = a_person(), a_key("admin", ["routes", "services"])
    assert may(user, token, "write", "routes")
    for kind in ("upstreams", "config", "users", "tokens", "account"):
        assert not may(user, token, "read", kind), kind
    assert may(user, token, "read", None)
    assert not may(user, a_key("admin", []), "read", "routes")


@pytest.mark.parametrize(
    "user",
    [AnonymousUser(), None, a_person(role=""), a_person(role="root"), a_person(role=None), a_person(is_active=False)],
)
def test_who_has_no_role_may_nothing(user):
    assert not any(may(user, None, action, kind) for kind, action in RULES)


@pytest.mark.parametrize(("action", "kind"), [("read", "nothing"), ("own", "services"), ("write", None), ("read", "")])
def test_what_the_table_does_not_name_nobody_may(action, kind):
    assert not may(a_person(), None, action, kind)


def test_secrets_are_for_those_who_could_replace_them():
    seen = {role: may_see_secrets(a_person(role), None, "services") for role in ("viewer", "operator", "admin")}
    assert seen == {"viewer": False, "operator": True, "admin": True}
    assert not may_see_secrets(a_person(), a_key("read"), "services")


def test_whoever_sits_at_this_machine_is_an_admin_where_the_setting_lets_them_in():
    assert allowed(LocalAdmin(), None, "users") == "read write admin"


@pytest.mark.parametrize(
    ("user", "auth", "action", "kind", "text"),
    [
        (a_person("viewer"), None, "write", "routes", "to change routes one needs the role operator or admin"),
        (a_person("operator"), None, "read", "users", "to read users one needs the role admin"),
        (a_person(), a_key("read"), "write", "routes", "a token needs the scope write or admin; this one has read"),
        (a_person(), a_key("read", ["routes"]), "read", "services", "this token is limited to routes"),
        (a_person(), None, "read", "services", ""),
    ],
)
def test_a_refusal_says_what_is_missing(user, auth, action, kind, text):
    assert refusal(user, auth, action, kind).endswith(text)
    assert bool(refusal(user, auth, action, kind)) == bool(text)
