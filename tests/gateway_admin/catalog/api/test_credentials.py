"""API keys and password logins under one address, each with the rules of its own kind."""

import uuid

import pytest

from gateway_admin.catalog.api.credentials import KIND_OF_TYPE
from gateway_admin.catalog.kinds import KINDS
from tests.gateway_admin.builders import a_consumer, a_key, a_login, a_token, a_user
from tests.gateway_admin.catalog.cases import BAD, name_of

from .conftest import RestClient

pytestmark = pytest.mark.django_db
PATH = "/api/credentials"
OF_THESE = [case for case in BAD if case.kind in KIND_OF_TYPE.values()]
GOOD = {
    "api_key": ({"key": "open-sesame"}, {"key": "open-sesame", "expiresAt": None}),
    "basic_auth": ({"username": "al", "password": "correct horse"}, {"username": "al"}),
}


def a_body(kind="api_key", **more):
    return {
        "consumerId": a_consumer(username="alice").username,
        "credentialType": kind,
        "credential": GOOD[kind][0],
    } | more


@pytest.mark.parametrize("kind", KIND_OF_TYPE)
def test_each_type_lives_a_whole_life(api, kind):
    created = api.post(PATH, a_body(kind, tags=["a"]))
    assert created.status_code == 201, created.content
    data = created.json()["data"]
    assert data["credential"].items() >= GOOD[kind][1].items()
    assert (data["credentialType"], data["tags"]) == (kind, ["a"])
    key = f"{PATH}/{data['id']}"

    assert api.get(key).json()["data"] == data
    assert api.put(key, data).json()["data"] == data
    assert api.patch(key, {"tags": ["b"]}).json()["data"]["tags"] == ["b"]
    assert api.get(f"/api/{KIND_OF_TYPE[kind]}/{data['id']}").json()["data"]["tags"] == ["b"]
    assert api.delete(key).json()["data"]["deleted"] is True
    assert api.get(key).status_code == 404


@pytest.mark.parametrize("case", OF_THESE, ids=name_of)
def test_bad_values_are_refused_at_their_place(api, case):
    kind = next(name for name, kind in KIND_OF_TYPE.items() if kind == case.kind)
    ((field, value),) = case.values.items()
    body = a_body(kind)
    if field == "consumer":
        body["consumerId"], place = value, "consumerId"
    else:
        place = "credential." + {"expires_at": "expiresAt"}.get(field, field)
        body["credential"] = body["credential"] | {place.removeprefix("credential."): value}

    refused = api.post(PATH, body)

    assert refused.status_code == 400, refused.content
    assert place in [detail["field"] for detail in refused.json()["error"]["details"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"credentialType": "jwt"}, "credentialType"),
        ({"credentialType": None}, "credentialType"),
        ({"credentialType": ["api_key"]}, "credentialType"),
        ({"credential": "open-sesame"}, "credential"),
        ({"credential": {"username": "al"}}, "credential.username"),
        ({"key": "open-sesame"}, "key"),
        ({"consumerId": "nobody"}, "consumerId"),
        ({"consumerId": {"id": 1}}, "consumerId"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_of_no_type_is_refused_by_name(api, change, field):
    refused = api.post(PATH, a_body() | change)

    assert refused.status_code == 400
    assert [detail["field"] for detail in refused.json()["error"]["details"]] == [field]
    assert not any(KINDS[kind].model.objects.exists() for kind in KIND_OF_TYPE.values())


def test_a_type_never_changes(api):
    key = a_key().pk

    refused = api.patch(f"{PATH}/{key}", {"credentialType": "basic_auth"})

    assert refused.status_code == 400
    assert api.patch(f"{PATH}/{key}", {"credentialType": "api_key"}).status_code == 200


def test_lists_mix_the_types_in_order_and_pages(api):
    consumer = a_consumer(username="alice")
    rows = [make(consumer) for make in (a_key, a_login, a_key, a_login, a_key)]
    a_key()
    wanted = [str(row.pk) for row in reversed(rows)]

    def found(query):
        answer = api.get(f"{PATH}?consumerId=alice&{query}")
        assert answer.status_code == 200, answer.content
        return [item["id"] for item in answer.json()["data"]]

    assert found("") == wanted
    assert found("limit=2") + found("limit=2&page=2") + found("limit=2&page=3") == wanted
    assert found("orderBy=createdAt&limit=1&offset=1") == wanted[-2:-1]
    assert found("orderBy=id") == sorted(wanted)
    assert found("credentialType=basic_auth") == [wanted[1], wanted[3]]
    assert found("credentialType=basic_auth&username=nobody") == []
    total = api.get(f"{PATH}?limit=4").json()["meta"]["pagination"]
    assert total == {"page": 1, "limit": 4, "offset": 0, "total": 6, "totalPages": 2}


@pytest.mark.parametrize("query", ["credentialType=jwt", "orderBy=key", "colour=red", "limit=0", "key=open-sesame"])
def test_lists_refuse_nonsense(api, query):
    assert api.get(f"{PATH}?{query}").status_code == 400


@pytest.mark.parametrize("key", [uuid.uuid4(), "open-sesame", "%00"])
def test_what_does_not_exist_is_not_found(api, key):
    a_key(key="open-sesame")

    for answer in (api.get(f"{PATH}/{key}"), api.patch(f"{PATH}/{key}", {}), api.delete(f"{PATH}/{key}")):
        assert answer.status_code == 404


def test_secrets_are_for_editors_and_tokens_stay_within_their_kinds(api):
    key, login = a_key(key="open-sesame"), a_login()
    viewer = RestClient(a_token(a_user("vera", role="viewer")))
    limited = RestClient(a_token(a_user("olga", role="operator"), kinds=["keyauth_credentials"]))

    assert "open-sesame" not in viewer.get(PATH).content.decode()
    assert viewer.get(f"{PATH}/{key.pk}").json()["data"]["credential"]["key"] == "******"
    assert viewer.delete(f"{PATH}/{key.pk}").status_code == 403
    assert [item["id"] for item in limited.get(PATH).json()["data"]] == [str(key.pk)]
    assert limited.get(f"{PATH}/{login.pk}").status_code == 403
    assert limited.delete(f"{PATH}/{login.pk}").status_code == 403
    assert limited.patch(f"{PATH}/{key.pk}", {"tags": ["a"]}).json()["data"]["credential"]["key"] == "open-sesame"
    assert RestClient().get(PATH).status_code == 401
