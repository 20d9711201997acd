"""Who may not edit sees that there is a secret, and nothing of it: in answers, lists and the change log."""

import pytest

from gateway_admin.catalog import actions
from tests.gateway_admin.builders import ALICE, a_token, a_user
from tests.gateway_admin.catalog.cases import whole

from .conftest import RestClient

pytestmark = pytest.mark.django_db
SECRET = "open-sesame-0815"
REDIS = {"policy": "redis", "minute": 5, "redis": {"host": "127.0.0.1", "password": SECRET}}
CASES = [
    ("keyauth_credentials", {"key": SECRET}, lambda data: data["key"]),
    ("basicauth_credentials", {"password": SECRET}, lambda data: data["password"]),
    ("certificates", {}, lambda data: data["key"]),
    ("plugins", {"name": "rate-limiting", "config": REDIS}, lambda data: data["config"]["redis"]["password"]),
]


@pytest.fixture
def viewer(db):
    return RestClient(a_token(a_user("vera", role="viewer")))


@pytest.mark.parametrize(("kind", "values", "secret_of"), CASES, ids=[case[0] for case in CASES])
def test_editors_see_what_viewers_do_not(api, viewer, kind, values, secret_of):
    entity = actions.create(kind=kind, values=whole(kind, values), actor=ALICE)
    paths = [f"/api/{kind}/{entity.pk}", f"/api/{kind}", f"/api/{kind}?search=a", "/api/changes"]

    secret = secret_of(api.get(paths[0]).json()["data"])
    assert len(secret) >= len(SECRET)
    assert secret_of(viewer.get(paths[0]).json()["data"]) == "******"
    for path in paths:
        answer = viewer.get(path)
        assert answer.status_code == 200
        assert secret.split("\n")[-2 if "\n" in secret else 0] not in answer.content.decode()
        assert SECRET not in answer.content.decode()


def test_a_read_token_of_an_editor_sees_none_either(api):
    """Its scope is what could be stolen with it."""
    key = actions.create(kind="keyauth_credentials", values=whole("keyauth_credentials", {"key": SECRET}), actor=ALICE)
    reader = RestClient(a_token(a_user("olga", role="operator"), scope="read"))

    assert reader.get(f"/api/keyauth_credentials/{key.pk}").json()["data"]["key"] == "******"
