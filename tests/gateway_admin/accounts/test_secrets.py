"""Keys and passwords in the configuration: for those who could replace them, and for nobody in the history."""

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.actions import Actor
from gateway_admin.catalog.secrecy import MASK

ALICE = Actor("alice", "api", "192.0.2.1")
KEY = "a-planted-secret"


@pytest.fixture
def credential(db):
    consumer = actions.create(kind="consumers", values={"username": "shop"}, actor=ALICE)
    values = {"consumer": {"id": str(consumer.pk)}, "key": KEY}
    return actions.create(kind="keyauth_credentials", values=values, actor=ALICE)


@pytest.mark.parametrize("path", ["/api/keyauth_credentials", "/key-auths", "/consumers/shop/key-auth"])
def test_viewers_and_reading_tokens_get_a_mask(credential, alice, bob, charlie, script, path):
    for user, scope, is_shown in [
        (alice, "admin", True),
        (bob, "write", True),
        (bob, "read", False),
        (alice, "read", False),
        (charlie, "admin", False),
    ]:
        status, answer = script(user, scope=scope)("GET", path)
        assert status == 200
        assert (KEY in str(answer), MASK in str(answer)) == (is_shown, not is_shown), (user.username, scope)


def test_the_history_tells_it_to_nobody(credential, alice, browser, script):
    _, answer = script(alice)("GET", "/api/changes")

    assert MASK in str(answer)
    assert KEY not in str(answer)
    assert "g1:" not in str(answer)
