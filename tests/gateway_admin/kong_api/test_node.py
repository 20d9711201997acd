"""What a node tells of itself, and the schemas that deck takes its defaults from."""

import re

import pytest

from gateway_admin.kong_api.entities import ENDPOINTS
from proxy_engine.spec import PLUGINS
from tests.gateway_admin.builders import a_plugin
from tests.gateway_admin.catalog.cases import whole

pytestmark = pytest.mark.django_db


def test_the_root_tells_what_kongs_clients_look_for(kong):
    a_plugin(name="cors")
    root = kong.get("/").json()
    assert re.fullmatch(r"3\.\d+\.\d+", root["version"])
    assert root["edition"] == "community"
    assert "Gatehouse" in root["tagline"]
    assert root["configuration"]["database"] == "postgres"
    assert root["plugins"]["enabled_in_cluster"] == ["cors"]
    assert root["plugins"]["available_on_server"].keys() == PLUGINS.keys()
    assert root["plugins"]["available_on_server"]["key-auth"]["priority"] == 1250


def test_browsers_are_led_to_the_dashboard(client):
    answer = client.get("/", HTTP_ACCEPT="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (answer.status_code, answer["Location"]) == (302, "/admin-ui/")
    assert client.get("/", HTTP_ACCEPT="*/*").status_code == 401


def test_the_status_counts_what_engines_report(kong):
    status = kong.get("/status").json()
    assert status["database"] == {"reachable": True}
    assert status["server"]["total_requests"] == 0
    assert status["memory"]["workers_lua_vms"][0]["http_allocated_gc"].endswith(" MiB")
    as_number = kong.get("/status?unit=b").json()["memory"]["workers_lua_vms"][0]
    assert isinstance(as_number["http_allocated_gc"], int)
    bad = kong.get("/status?unit=V")
    assert (bad.status_code, bad.json()) == (400, {"message": "invalid unit 'V' (expected 'k/K', 'm/M', or 'g/G')"})


def test_all_addresses_are_listed(kong):
    listed = kong.get("/endpoints").json()["data"]
    assert listed[0] == "/"
    assert {"/services/{services}/routes", "/upstreams/{upstreams}/targets/{targets}/healthy"} <= set(listed)


def test_a_file_is_for_nodes_without_a_database(kong):
    told = {"message": "this endpoint is only available when Kong is configured to not use a database"}
    for answer in (kong.get("/config"), kong.post("/config", {})):
        assert (answer.status_code, answer.json()) == (400, told)


def test_plugins_are_listed(kong):
    assert kong.get("/plugins/enabled").json() == {"enabled_plugins": sorted(PLUGINS)}


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_every_kind_has_a_schema_and_is_judged_by_it(kong, kind):
    assert kong.get(f"/schemas/{kind}").json()["fields"]
    judged = kong.post(f"/schemas/{kind}/validate", whole(kind, {}))
    assert (judged.status_code, judged.json()) == (200, {"message": "schema validation successful"}), judged.content
    refused = kong.post(f"/schemas/{kind}/validate", whole(kind, {"nonsense": 1, "id": "x"}))
    assert (refused.status_code, refused.json()["fields"]) == (
        400,
        {"nonsense": "unknown field", "id": "expected a valid UUID"},
    )
    if ENDPOINTS[kind].segment:
        assert kong.get(f"/{ENDPOINTS[kind].segment}").json()["data"] == [] or kind in ("consumers", "certificates")


def test_what_an_entity_refers_to_need_not_exist_to_judge_it(kong):
    for service in ({"id": "11111111-2222-4333-8444-555555555555"}, {"name": "x"}):
        body = {"paths": ["/"], "service": service}
        assert kong.post("/schemas/routes/validate", body).status_code == 200


def test_plugins_are_judged_by_their_own_schema(kong):
    assert kong.post("/schemas/plugins/validate", {"name": "acl", "config": {"allow": ["x"]}}).status_code == 200
    refused = kong.post("/schemas/plugins/validate", {"name": "key-auth", "config": {"nonsense": 1}}).json()
    assert refused["fields"] == {"config": {"nonsense": "unknown field"}}


def test_schemas_of_nothing_are_not_found(kong):
    assert kong.get("/schemas/x").json() == {"message": "No entity named 'x'"}
    assert kong.post("/schemas/x/validate", {}).json() == {"message": "No entity named 'x'"}
    assert kong.get("/schemas/plugins/x").json() == {"message": "No plugin named 'x'"}


@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_has_a_schema_with_its_settings(kong, name):
    fields = kong.get(f"/schemas/plugins/{name}").json()["fields"]
    (config,) = [field["config"] for field in fields if "config" in field]
    assert config["type"] == "record"
    assert kong.get(f"/plugins/schema/{name}").json() == config


@pytest.mark.parametrize(
    "path", ["/consumer_groups", "/vaults", "/keys", "/key-sets", "/filter-chains", "/partials", "/oauth2", "/jwts"]
)
def test_kinds_that_we_do_not_have_are_not_found_which_deck_takes_for_an_answer(kong, path):
    answer = kong.get(f"{path}?size=1000")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})
