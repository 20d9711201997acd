"""The document tells the truth about people and tokens, and no body makes the server fail."""

import json
from string import printable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_admin.accounts.models import User
from tests.gateway_admin.catalog.api.test_openapi import conforms

WORDS = st.sampled_from(["admin", "viewer", "read", "write", "dora", "services", "", "\x00", "2030-01-01T00:00:00Z"])
NUMBERS = st.integers() | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(printable) | st.text() | WORDS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
NAMES = ["name", "scope", "kinds", "expiresAt", "username", "role", "password", "active", "id", "user"]
BODIES = VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES)


@pytest.fixture
def document(client, db):
    return json.loads(client.get("/api/schema/?format=json").content)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/me", None, 200),
        ("GET", "/api/audit", None, 200),
        ("GET", "/api/tokens", None, 200),
        ("POST", "/api/tokens", {"name": "ci", "scope": "read", "kinds": ["routes"]}, 201),
        ("POST", "/api/tokens", {"name": ""}, 400),
        ("GET", "/api/tokens/{token_id}", None, 200),
        ("GET", "/api/users", None, 200),
        ("POST", "/api/users", {"username": "dora", "role": "viewer"}, 201),
        ("POST", "/api/users", {"username": "alice", "role": "viewer"}, 409),
        ("GET", "/api/users/{user_id}", None, 200),
        ("PATCH", "/api/users/{user_id}", {"role": "operator"}, 200),
        ("PATCH", "/api/users/{user_id}", {"role": "root"}, 400),
        ("DELETE", "/api/tokens/{token_id}", None, 200),
    ],
)
def test_answers_are_as_described(alice, bob, script, document, method, path, body, status):
    ask = script(alice)
    address = path.format(token_id=alice.api_tokens.get().pk, user_id=bob.pk)
    found, answer = ask(method, address, body)

    assert found == status
    conforms(answer, document["paths"][path][method.lower()]["responses"][str(status)], document)


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_makes_the_server_fail_or_an_admin_of_bob(alice, bob, script, body):
    if not hasattr(script, "ask"):
        script.ask = {name: script(user) for name, user in (("alice", alice), ("bob", bob))}
    for name, method, path, statuses in [
        ("alice", "POST", "/api/tokens", {201, 400}),
        ("alice", "POST", "/api/users", {201, 400, 409}),
        ("alice", "PATCH", "/api/users/999999", {400, 404}),
        ("bob", "POST", "/api/users", {403}),
        ("bob", "PATCH", f"/api/users/{bob.pk}", {403}),
    ]:
        assert script.ask[name](method, path, body)[0] in statuses
    assert User.objects.get(pk=bob.pk).role == "operator"
