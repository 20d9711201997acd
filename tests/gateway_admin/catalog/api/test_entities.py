"""The entities over REST: the same for each kind, and fed the same inputs as the actions."""

import uuid

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.api.names import field_of, names_out
from gateway_admin.catalog.changes import head_version
from gateway_admin.catalog.kinds import KINDS
from gateway_admin.catalog.models import Change
from proxy_engine import spec
from proxy_engine.spec import Problem
from tests.gateway_admin.builders import ALICE
from tests.gateway_admin.catalog.cases import BAD, GOOD, contains, name_of, whole

pytestmark = pytest.mark.django_db


def spoken(kind, values):
    """Values in the words of this dialect."""
    fields = KINDS[kind].spec.fields
    return {names_out(kind)[name]: _spoken(fields[name], value) for name, value in values.items()}


def _spoken(field, value):
    if isinstance(field, spec.Reference):
        return value and value["id"]
    if isinstance(field, spec.Record) and isinstance(value, dict):
        return {_camel(name): _spoken(field.fields[name], inner) for name, inner in value.items()}
    if isinstance(field, spec.Object) and isinstance(value, dict):
        return {_camel(name): inner for name, inner in value.items()}
    if isinstance(field, (spec.Array, spec.Map)) and value is None:
        return []
    return value


def _camel(name):
    return "".join(word.capitalize() if number else word for number, word in enumerate(name.split("_")))


def stored(kind, **values):
    return actions.create(kind=kind, values=whole(kind, values), actor=ALICE)


@pytest.mark.parametrize("case", GOOD, ids=name_of)
def test_good_values_are_created_and_read_back(api, case):
    created = api.post(f"/api/{case.kind}", spoken(case.kind, whole(case.kind, case.values)))

    assert created.status_code == 201, created.content
    data = created.json()["data"]
    assert contains(data, spoken(case.kind, case.values | case.stored))
    assert api.get(f"/api/{case.kind}/{data['id']}").json()["data"] == data
    assert KINDS[case.kind].model.objects.get(pk=data["id"])


@pytest.mark.parametrize("case", BAD, ids=name_of)
def test_bad_values_are_refused_with_the_field_and_nothing_is_stored(api, case):
    body, before = spoken(case.kind, whole(case.kind, case.values)), head_version()

    refused = api.post(f"/api/{case.kind}", body)

    assert refused.status_code == 400
    error = refused.json()["error"]
    path = tuple(int(step) if step.isdecimal() else step for step in case.field.split("."))
    assert field_of(case.kind, Problem(path, "")) in [detail["field"] for detail in error["details"]]
    assert (refused.json()["success"], error["code"]) == (False, "VALIDATION_ERROR")
    assert head_version() == before


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_of_every_kind_answers_in_the_envelope(api, kind):
    body = spoken(kind, whole(kind, {"tags": ["a"]}))

    created = api.post(f"/api/{kind}", body)
    key = created.json()["data"]["id"]
    listed = api.get(f"/api/{kind}")
    patched = api.patch(f"/api/{kind}/{key}", {"tags": ["b"]})
    replaced = api.put(f"/api/{kind}/{key}", body)
    deleted = api.delete(f"/api/{kind}/{key}")
    missing = api.get(f"/api/{kind}/{key}")

    assert [answer.status_code for answer in (created, listed, patched, replaced, deleted, missing)] == [
        201, 200, 200, 200, 200, 404,
    ]  # fmt: skip
    assert listed.json()["data"][0] == created.json()["data"]
    assert patched.json()["data"]["tags"] == ["b"]
    assert replaced.json()["data"]["tags"] == ["a"]
    assert deleted.json()["data"] == {"id": key, "deleted": True, "alsoDeleted": []}
    assert missing.json()["error"]["code"] == "NOT_FOUND"
    for answer in (created, listed, patched, replaced, deleted):
        assert answer.json()["success"] is True
        assert answer.json()["meta"]["timestamp"].endswith("Z")


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_answer_can_be_sent_back_and_changes_nothing(api, kind):
    key = stored(kind, tags=["a"]).pk
    answer, before = api.get(f"/api/{kind}/{key}").json()["data"], head_version()

    assert api.put(f"/api/{kind}/{key}", answer).status_code == 200
    assert api.patch(f"/api/{kind}/{key}", answer).status_code == 200

    assert api.get(f"/api/{kind}/{key}").json()["data"] == answer
    assert head_version() == before


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_are_refused_by_name(api, kind):
    key = stored(kind).pk

    for refused in (
        api.post(f"/api/{kind}", spoken(kind, whole(kind, {})) | {"wieght": 3}),
        api.patch(f"/api/{kind}/{key}", {"wieght": 3}),
        api.put(f"/api/{kind}/{key}", spoken(kind, whole(kind, {})) | {"wieght": 3}),
    ):
        assert refused.status_code == 400
        assert refused.json()["error"]["details"] == [{"field": "wieght", "message": "unknown field"}]


@pytest.mark.parametrize("kind", ["services", "routes", "upstreams"])
def test_entities_are_found_by_id_in_either_case_and_by_name(api, kind):
    entity = stored(kind, name="orders")

    for key in (entity.pk, str(entity.pk).upper(), "orders"):
        assert api.get(f"/api/{kind}/{key}").json()["data"]["id"] == str(entity.pk)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", [uuid.uuid4(), "nobody", "%00", "%ff%fe", "a" * 3000])
def test_what_does_not_exist_is_not_found(api, kind, key):
    for answer in (
        api.get(f"/api/{kind}/{key}"),
        api.patch(f"/api/{kind}/{key}", {}),
        api.put(f"/api/{kind}/{key}", {}),
        api.delete(f"/api/{kind}/{key}"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("kind", ["services", "routes", "upstreams"])
def test_a_taken_name_is_a_duplicate(api, kind):
    stored(kind, name="orders")

    refused = api.post(f"/api/{kind}", spoken(kind, whole(kind, {"name": "orders"})))

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "DUPLICATE")
    assert refused.json()["error"]["details"][0]["field"] == "name"


def test_a_service_with_routes_cannot_go(api):
    service = stored("services", name="orders")
    stored("routes", name="list", service={"id": str(service.pk)})

    refused = api.delete("/api/services/orders")

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "RELATION_ERROR")
    assert "route list" in refused.json()["error"]["message"]


def test_an_upstream_goes_with_its_targets_and_the_answer_names_them(api):
    target = stored("targets", target="a:80")
    stored("services", name="orders", host=target.upstream.name)

    deleted = api.delete(f"/api/upstreams/{target.upstream.name}").json()

    assert deleted["data"]["alsoDeleted"] == [{"kind": "targets", "id": str(target.pk), "label": "a:80"}]
    assert "service orders" in deleted["meta"]["warnings"][0]


def test_renaming_an_upstream_that_services_name_is_done_with_a_warning(api):
    stored("upstreams", name="pool")
    stored("services", name="orders", host="pool")

    renamed = api.patch("/api/upstreams/pool", {"name": "pond"})

    assert renamed.status_code == 200
    assert "service orders names the upstream pool" in renamed.json()["meta"]["warnings"][0]
    assert "warnings" not in api.patch("/api/upstreams/pond", {"slots": 100}).json()["meta"]


def test_writes_tell_their_version_and_reads_their_etag(api):
    created = api.post("/api/services", {"host": "a"})
    key = created.json()["data"]["id"]
    patched = api.patch(f"/api/services/{key}", {"port": 81})
    same = api.patch(f"/api/services/{key}", {"port": 81})
    read = api.get(f"/api/services/{key}")
    deleted = api.delete(f"/api/services/{key}")

    versions = [answer["X-Gateway-Version"] for answer in (created, patched, same, deleted)]
    assert versions == ["1", "2", "2", "3"]
    assert read["ETag"] == '"2"'


def test_a_stale_etag_is_a_failed_precondition(api):
    service = stored("services")
    seen = api.get(f"/api/services/{service.pk}")["ETag"]
    assert api.patch(f"/api/services/{service.pk}", {"port": 81}, HTTP_IF_MATCH=seen).status_code == 200

    for refused in (
        api.patch(f"/api/services/{service.pk}", {"port": 82}, HTTP_IF_MATCH=seen),
        api.put(f"/api/services/{service.pk}", {"host": "a"}, HTTP_IF_MATCH=seen),
        api.delete(f"/api/services/{service.pk}", HTTP_IF_MATCH=seen),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (412, "PRECONDITION_FAILED")
    assert api.patch(f"/api/services/{service.pk}", {"port": 82}, HTTP_IF_MATCH="*").status_code == 200
    assert api.patch(f"/api/services/{service.pk}", {"port": 83}, HTTP_IF_MATCH="yesterday").status_code == 400


def test_the_log_names_user_token_and_address(api):
    api.post("/api/services", {"host": "a"})

    change = Change.objects.get()
    assert (change.actor, change.via, change.address) == ("alice (token ci)", "api", "127.0.0.1")


def test_a_closing_slash_is_accepted(api):
    key = api.post("/api/services/", {"host": "a"}).json()["data"]["id"]

    assert api.patch(f"/api/services/{key}/", {"port": 81}).json()["data"]["port"] == 81


def test_unknown_methods_and_addresses_answer_in_the_envelope(api):
    wrong = api.patch("/api/services", {})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "POST" in wrong["Allow"]
    nowhere = api.get("/api/nowhere")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "NOT_FOUND")
