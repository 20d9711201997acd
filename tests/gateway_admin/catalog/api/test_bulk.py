"""Many entities at once: all of them or none, one batch, each refusal at its id."""

import uuid

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change, Service, Target, Upstream
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, a_token, a_user, an_upstream, to
from tests.gateway_admin.catalog.cases import whole

from .conftest import RestClient

pytestmark = pytest.mark.django_db
SWITCHED = [kind for kind in KINDS if "enabled" in KINDS[kind].spec.fields]


def stored(kind, **values):
    return actions.create(kind=kind, values=whole(kind, values), actor=ALICE)


def ids(*entities):
    return [str(entity.pk) for entity in entities]


def details(refused):
    assert refused.json()["success"] is False
    return [(detail["field"], detail["message"]) for detail in refused.json()["error"]["details"]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_tagged_untagged_and_deleted(api, kind):
    key, path = str(stored(kind, tags=["a"]).pk), f"/api/{kind}"

    tagged = api.post(f"{path}/bulk", {"action": "tag", "ids": [key], "tags": ["b", "a", "b"]})
    assert tagged.status_code == 200, tagged.content
    assert tagged.json()["data"] == {"action": "tag", "changed": [key], "unchanged": [], "alsoDeleted": []}
    assert api.get(f"{path}/{key}").json()["data"]["tags"] == ["a", "b"]
    again = api.post(f"{path}/bulk", {"action": "tag", "ids": [key], "tags": ["b"]})
    assert again.json()["data"]["unchanged"] == [key]

    assert api.post(f"{path}/bulk", {"action": "untag", "ids": [key], "tags": ["a", "b"]}).status_code == 200
    assert api.get(f"{path}/{key}").json()["data"]["tags"] == []
    assert api.post(f"{path}/bulk", {"action": "delete", "ids": [key]}).json()["data"]["changed"] == [key]
    assert api.get(f"{path}/{key}").status_code == 404


@pytest.mark.parametrize("kind", SWITCHED)
def test_what_has_a_switch_is_switched(api, kind):
    key = str(stored(kind).pk)

    for action, state in (("disable", False), ("enable", True)):
        assert api.post(f"/api/{kind}/bulk", {"action": action, "ids": [key.upper()]}).status_code == 200
        assert api.get(f"/api/{kind}/{key}").json()["data"]["enabled"] is state


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SWITCHED])
def test_what_has_no_switch_is_not(api, kind):
    refused = api.post(f"/api/{kind}/bulk", {"action": "disable", "ids": ids(stored(kind))})

    assert refused.status_code == 400
    assert details(refused) == [("action", "expected one of: delete, tag, untag")]


def test_it_is_one_batch_and_tells_its_version(api):
    services = [a_service() for _ in range(700)]

    done = api.post("/api/services/bulk", {"action": "tag", "ids": ids(*services), "tags": ["x"]})

    changes = Change.objects.filter(after__tags=["x"])
    assert changes.count() == 700
    assert changes.values("batch").distinct().count() == 1
    assert done["X-Gateway-Version"] == str(head_version())
    assert {(change.actor, change.via) for change in changes} == {("alice (token ci)", "api")}


def test_one_bad_id_refuses_all_and_is_named(api):
    good, held = a_service(), a_service()
    a_route(name="list", service=to(held))
    before = head_version()

    refused = api.post("/api/services/bulk", {"action": "delete", "ids": ids(good, held)})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "RELATION_ERROR")
    ((field, message),) = details(refused)
    assert field == "ids.1"
    assert "route list" in message

    unknown = api.post("/api/services/bulk", {"action": "delete", "ids": [*ids(good), str(uuid.uuid4())]})
    assert unknown.status_code == 400
    assert details(unknown) == [("ids.1", "there is no service with this id")]
    assert Service.objects.count() == 2
    assert head_version() == before


def test_what_goes_along_is_told_and_who_loses_his_upstream(api):
    upstream = an_upstream(name="pool")
    target = a_target(upstream, target="a:80")
    a_service(name="orders", host="pool")

    done = api.post("/api/upstreams/bulk", {"action": "delete", "ids": ids(upstream)}).json()

    assert done["data"]["changed"] == ids(upstream)
    assert done["data"]["alsoDeleted"] == [{"kind": "targets", "id": str(target.pk), "label": "a:80"}]
    assert "service orders" in done["meta"]["warnings"][0]


def test_below_an_upstream_only_its_own_targets_are_touched(api):
    own, foreign = a_target(an_upstream(name="pool")), a_target(an_upstream())

    path = "/api/upstreams/pool/targets/bulk"
    refused = api.post(path, {"action": "disable", "ids": ids(own, foreign)})
    assert details(refused) == [("ids.1", "there is no target with this id")]
    assert api.post(path, {"action": "disable", "ids": ids(own)}).status_code == 200
    assert list(Target.objects.filter(enabled=True)) == [foreign]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "@entity"),
        ({}, "action"),
        ({"action": "delete"}, "ids"),
        ({"action": "delete", "ids": []}, "ids"),
        ({"action": "delete", "ids": "all"}, "ids"),
        ({"action": "delete", "ids": [None]}, "ids.0"),
        ({"action": "delete", "ids": [7]}, "ids.0"),
        ({"action": "delete", "ids": ["orders"]}, "ids.0"),
        ({"action": "delete", "ids": ["a\x00b"]}, "ids.0"),
        ({"action": "delete", "ids": ["00000000-0000-0000-0000-000000000001"] * 2}, "ids.1"),
        ({"action": "delete", "ids": [str(uuid.UUID(int=number)) for number in range(1001)]}, "ids"),
        ({"action": "delete", "ids": [str(uuid.UUID(int=1))], "tags": ["a"]}, "tags"),
        ({"action": "tag", "ids": [str(uuid.UUID(int=1))]}, "tags"),
        ({"action": "tag", "ids": [str(uuid.UUID(int=1))], "tags": []}, "tags"),
        ({"action": "tag", "ids": [str(uuid.UUID(int=1))], "tags": ["a,b"]}, "tags.0"),
        ({"action": "explode", "ids": [str(uuid.UUID(int=1))]}, "action"),
        ({"action": "delete", "ids": [str(uuid.UUID(int=1))], "force": True}, "force"),
    ],
)
def test_nonsense_is_refused_by_name(api, body, field):
    refused = api.post("/api/services/bulk", body)

    assert refused.status_code == 400
    assert field in [found for found, _ in details(refused)]


def test_an_entity_that_is_called_bulk_is_found_by_its_id(api):
    service = a_service(name="bulk")

    assert api.get(f"/api/services/{service.pk}").json()["data"]["name"] == "bulk"
    assert api.delete("/api/services/bulk").status_code == 405


def test_charlie_and_viewers_change_nothing(api):
    body = {"action": "delete", "ids": ids(an_upstream())}

    assert RestClient().post("/api/upstreams/bulk", body).status_code == 401
    viewer = RestClient(a_token(a_user("vera", role="viewer")))
    assert viewer.post("/api/upstreams/bulk", body).status_code == 403
    limited = RestClient(a_token(a_user("olga", role="operator"), kinds=["services"]))
    assert limited.post("/api/upstreams/bulk", body).status_code == 403
    assert Upstream.objects.count() == 1
