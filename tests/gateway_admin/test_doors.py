"""Every page, every address of REST and every socket has a rule, and keeps to it for everybody.

Alice is an admin, Bob an operator, Charlie a viewer; the stranger is nobody. A route that is added without a rule fails
here, also one that nobody thought of testing.
"""

from types import SimpleNamespace

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import path
from rest_framework.views import APIView

from gateway_admin.catalog.api import versions
from gateway_admin.common.envelope import not_found
from gateway_admin.common.roles import RULES, may
from gateway_admin.monitoring.routing import websocket_urlpatterns
from gateway_admin.monitoring.sockets import NoSocket
from tests.gateway_admin.builders import a_token, a_user

from .doors import doors, has_rule

CAST = {"alice": "admin", "bob": "operator", "charlie": "viewer"}

# What strangers may see: the door itself, our own health, and a document that tells nothing the source does not.
OPEN_TO_ALL = {"/healthz", "/readyz", "/admin-ui/login/", "/admin-ui/logout/", "/api/schema", "/api/docs"}
ASKING = [door for door in doors() if door.rules()]
EVERY_DOOR = pytest.mark.parametrize("door", ASKING, ids=lambda door: door.address)


@pytest.fixture(autouse=True)
def no_failures_counted():
    caches["local"].clear()


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    """Of the test, inside its transaction: a view that lets go of its thread would close it."""

    async def stay():
        pass

    monkeypatch.setattr(versions, "_let_go_of_thread", stay)


def test_every_address_has_a_rule_or_is_known_to_be_open():
    without = {door.address for door in doors() if not door.is_guarded and door.view is not not_found}
    assert without == OPEN_TO_ALL


@EVERY_DOOR
def test_every_rule_is_in_the_table(door):
    for action, kind in door.rules().values():
        assert has_rule(action, kind), (door, action, kind)


def test_every_socket_says_what_it_tells():
    classes = {pattern.callback.consumer_class for pattern in websocket_urlpatterns} - {NoSocket}
    assert classes
    for found in classes:
        assert has_rule("read", found.kind), found


def test_the_walk_sees_pages_and_rest():
    seen = {door.address for door in ASKING}
    assert {"/admin-ui/", "/admin-ui/services/", "/admin-ui/people/", "/api/services", "/api/users"} <= {
        address.rstrip("/") if address.startswith("/api") else address for address in seen
    }


class Undeclared(APIView):
    def get(self, request):
        raise AssertionError("never reached")


class Open(APIView):
    permission_classes = ()


def test_a_route_that_was_forgotten_is_found():
    plain, unguarded, undeclared = doors(
        [path("a/", lambda request: None), path("b/", Open.as_view()), path("c/", Undeclared.as_view())]
    )
    assert (plain.is_guarded, unguarded.is_guarded, undeclared.is_guarded) == (False, False, True)
    assert not has_rule(*undeclared.rules()["GET"])


def test_a_view_that_declares_nothing_lets_nobody_in(db, rf):
    token = a_token(a_user())
    response = Undeclared.as_view()(rf.get("/", headers={"Authorization": f"Bearer {token}"}))
    assert response.status_code == 403


@pytest.fixture
def people(db):
    return {name: a_user(name, role=role) for name, role in CAST.items()}


def a_browser_or_script(door, user):
    client = Client(raise_request_exception=False)
    headers = {}
    if user is not None and door.is_rest:
        headers = {"Authorization": f"Bearer {a_token(user)}"}
    elif user is not None:
        client.force_login(user)

    def ask(method):
        return client.generic(method, door.address, "{}", "application/json", headers=headers).status_code

    return ask


@EVERY_DOOR
def test_each_of_the_cast_is_let_in_or_refused_as_the_table_says(people, door):
    for name, user in people.items():
        ask = a_browser_or_script(door, user)
        for method, (action, kind) in door.rules().items():
            status, expected = ask(method), may(user, None, action, kind)
            assert (status != 403) == expected, (name, method, status)
            assert status not in (401, 500), (name, method)


@EVERY_DOOR
def test_a_stranger_is_asked_who_they_are(db, door):
    ask = a_browser_or_script(door, None)
    for method in door.rules():
        assert ask(method) == (401 if door.is_rest else 302), method


@EVERY_DOOR
def test_a_token_that_reads_does_not_write(people, door):
    if not door.is_rest:
        return
    client = Client(headers={"Authorization": f"Bearer {a_token(people['alice'], scope='read')}"})
    for method, (action, kind) in door.rules().items():
        status = client.generic(method, door.address, "{}", "application/json").status_code
        assert (status != 403) == may(people["alice"], SimpleNamespace(scope="read", kinds=None), action, kind), method


def test_no_rule_is_there_that_nothing_asks():
    asked = {has for door in ASKING for has in door.rules().values()}
    kinds = {kind for _, kind in asked}
    for kind, _ in RULES:
        assert kind == "entities" or kind in kinds, kind
