"""Alice is an admin, Bob an operator, Charlie a viewer: each with a browser and a script."""

import json

import pytest
from django.core.cache import caches
from django.test import Client

from tests.gateway_admin.builders import a_token, a_user


@pytest.fixture(autouse=True)
def no_failures_counted():
    for name in ("default", "local"):
        caches[name].clear()


@pytest.fixture
def alice(db):
    return a_user("alice", role="admin")


@pytest.fixture
def bob(db):
    return a_user("bob", role="operator")


@pytest.fixture
def charlie(db):
    return a_user("charlie", role="viewer")


@pytest.fixture
def browser():
    """``browser(alice)`` is signed in as her."""

    def of(user):
        client = Client()
        client.force_login(user)
        return client

    return of


@pytest.fixture
def script():
    """``script(alice, scope="read")("POST", "/api/tokens", {...})``: the answer's status and JSON."""

    def of(user, **token):
        client = Client(headers={"Authorization": f"Bearer {a_token(user, name='script', **token)}"})

        def send(method, path, body=None):
            response = client.generic(method, path, "" if body is None else json.dumps(body), "application/json")
            return response.status_code, response.json()

        return send

    return of
