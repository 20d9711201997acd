"""The generic methods, for every kind that has addresses at the root."""

import uuid

import pytest

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.kong_api.entities import ENDPOINTS
from gateway_admin.kong_api.representation import names
from tests.gateway_admin.builders import a_route, a_service, a_target, an_upstream, to
from tests.gateway_admin.catalog.cases import BAD, GOOD, name_of, whole

pytestmark = pytest.mark.django_db

AT_THE_ROOT = [kind for kind, endpoint in ENDPOINTS.items() if endpoint.segment]
UNKNOWN = "11111111-2222-4333-8444-555555555555"


def at(kind, key=None):
    return f"/{ENDPOINTS[kind].segment}" + ("" if key is None else f"/{key}")


def kongs(kind, values):
    return {name: value for name, value in values.items() if name in names(kind)}


@pytest.mark.parametrize("kind", AT_THE_ROOT)
def test_an_entity_is_made_read_listed_changed_and_deleted(kong, kind):
    made = kong.post(at(kind), whole(kind, {}))
    assert made.status_code == 201, made.content
    entity, key = made.json(), made.json()["id"]
    assert entity.keys() >= set(names(kind))
    assert int(made["X-Gateway-Version"]) > 0
    assert kong.get(at(kind, key)).json() == entity
    assert kong.get(at(kind)).json() == {"data": [entity], "next": None}

    patched = kong.patch(at(kind, key), {"tags": ["a"]})
    assert (patched.status_code, patched.json()["tags"]) == (200, ["a"])
    assert kong.get(at(kind, key)).json() == patched.json()

    gone = kong.delete(at(kind, key))
    assert (gone.status_code, gone.content) == (204, b"")
    assert "Content-Type" not in gone
    assert kong.get(at(kind, key)).status_code == 404
    assert kong.delete(at(kind, key)).status_code == 204


@pytest.mark.parametrize("kind", AT_THE_ROOT)
def test_put_under_an_id_of_the_client_makes_and_replaces(kong, kind):
    body = whole(kind, {"id": UNKNOWN, "tags": ["a"], "created_at": 1700000000})
    made = kong.put(at(kind, UNKNOWN.upper()), body)
    assert (made.status_code, made.json()["id"], made.json()["created_at"]) == (200, UNKNOWN, 1700000000)
    again = kong.put(at(kind, UNKNOWN), {name: value for name, value in body.items() if name != "tags"})
    assert (again.status_code, again.json()["tags"]) == (200, None), again.content


@pytest.mark.parametrize("kind", AT_THE_ROOT)
def test_what_was_read_can_be_written_back(kong, kind):
    entity = kong.post(at(kind), whole(kind, {"tags": ["a"]})).json()
    put = kong.put(at(kind, entity["id"]), entity)
    assert put.status_code == 200, put.content
    moves = ("updated_at", "password")  # a password is hashed anew, as in Kong
    assert [(name, put.json()[name]) for name in entity if name not in moves] == [
        (name, value) for name, value in entity.items() if name not in moves
    ]


@pytest.mark.parametrize("kind", AT_THE_ROOT)
def test_an_absent_entity_is_told_apart_by_method(kong, kind):
    assert kong.get(at(kind, UNKNOWN)).status_code == 404
    patched = kong.patch(at(kind, UNKNOWN), {})
    assert patched.status_code == 404
    if kind != "plugins":
        message = f"""could not find the entity with primary key '{{id="{UNKNOWN}"}}'"""
        assert patched.json() == {"code": 6, "name": "not found", "message": message, "fields": {"id": UNKNOWN}}


@pytest.mark.parametrize("case", [case for case in GOOD if case.kind in AT_THE_ROOT], ids=name_of)
def test_good_values_are_taken(kong, case):
    values = whole(case.kind, case.values)
    made = kong.post(at(case.kind), kongs(case.kind, values))
    assert made.status_code == 201, made.content


@pytest.mark.parametrize("case", [case for case in BAD if case.kind in AT_THE_ROOT], ids=name_of)
def test_bad_values_are_refused_with_the_field(kong, case):
    answer = kong.post(at(case.kind), whole(case.kind, case.values))
    assert (answer.status_code, answer.json()["name"]) in {(400, "schema violation"), (400, "foreign key violation")}
    first = case.field.partition(".")[0]
    assert first in answer.json()["fields"]
    assert kong.get(at(case.kind)).json()["data"] == []


# --- Names -------------------------------------------------------------------------------------------------


def test_a_name_in_the_address_does_as_well_as_an_id(kong):
    service = a_service(name="café")
    assert kong.get("/services/caf%C3%A9").json()["id"] == str(service.pk)
    assert kong.get("/services/café/").json()["id"] == str(service.pk)
    assert kong.patch("/services/café", {"retries": 1}).json()["retries"] == 1
    assert kong.delete("/services/café").status_code == 204
    assert kong.get("/services").json()["data"] == []


def test_put_by_name_keeps_the_id_and_overrides_the_name(kong):
    service = a_service(name="orders", retries=1)
    put = kong.put("/services/orders", {"name": "other", "host": "b", "id": UNKNOWN}).json()
    assert (put["id"], put["name"], put["host"], put["retries"]) == (str(service.pk), "orders", "b", 5)
    made = kong.put("/services/fresh", {"host": "c"})
    assert (made.status_code, made.json()["name"]) == (200, "fresh")
    uuid.UUID(made.json()["id"])


def test_put_by_id_without_a_name_clears_it(kong):
    service = a_service(name="orders")
    assert kong.put(f"/services/{service.pk}", {"host": "b"}).json()["name"] is None


def test_what_nothing_can_be_called_is_a_bad_request_by_any_method(kong):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = kong.send(method, "/services/a%20b", {} if method in ("PUT", "PATCH") else None)
        assert (answer.status_code, answer.json()["code"]) == (400, 10), method
    told = kong.put("/upstreams/1.2.3.4", {}).json()
    assert told == {
        "code": 10,
        "name": "invalid unique name",
        "message": "Invalid name ('1.2.3.4'); no ip addresses allowed",
    }


def test_kinds_without_a_name_are_addressed_by_id_only(kong):
    answer = kong.get("/acls/gold")
    assert (answer.status_code, answer.json()["code"]) == (400, 1)
    assert answer.json()["fields"] == {"id": "expected a valid UUID"}


# --- Values ------------------------------------------------------------------------------------------------


def test_every_field_is_shown_and_nothing_of_ours(kong):
    shown = kong.post("/upstreams", {"name": "pool"}).json()
    assert shown["hash_on_header"] is None
    assert not {name for name, field in KINDS["upstreams"].spec.fields.items() if field.ours} & shown.keys()
    assert type(shown["created_at"]) is int
    assert type(shown["healthchecks"]["active"]["timeout"]) is int


def test_fields_of_ours_are_unknown_here_and_survive_a_put(kong):
    upstream = an_upstream(name="pool", when_all_unhealthy="use_all")
    refused = kong.patch("/upstreams/pool", {"when_all_unhealthy": "refuse"})
    assert (refused.status_code, refused.json()["fields"]) == (400, {"when_all_unhealthy": "unknown field"})
    assert kong.post("/upstreams", {"name": "x", "when_all_unhealthy": "refuse", "slots": 1}).json()["fields"] == {
        "slots": "value should be between 10 and 65536",
        "when_all_unhealthy": "unknown field",
    }
    assert kong.put("/upstreams/pool", {"slots": 20}).json()["slots"] == 20
    upstream.refresh_from_db()
    assert upstream.when_all_unhealthy == "use_all"


def test_patch_merges_records_and_replaces_lists(kong):
    an_upstream(name="pool", healthchecks={"active": {"timeout": 3, "unhealthy": {"http_statuses": [500]}}})
    checks = kong.patch("/upstreams/pool", {"healthchecks": {"active": {"unhealthy": {"http_failures": 2}}}}).json()
    assert checks["healthchecks"]["active"]["timeout"] == 3
    assert checks["healthchecks"]["active"]["unhealthy"]["http_statuses"] == [500]
    assert checks["healthchecks"]["active"]["unhealthy"]["http_failures"] == 2


def test_null_unsets_and_required_fields_refuse_it(kong):
    a_service(name="orders", path="/x")
    assert kong.patch("/services/orders", {"path": None}).json()["path"] is None
    refused = kong.patch("/services/orders", {"port": None}).json()
    assert refused["message"] == "schema violation (port: required field missing)"


def test_url_is_a_shorthand_and_not_echoed(kong):
    made = kong.post("/services", {"url": "https://a.test/x", "port": 1}).json()
    assert (made["protocol"], made["host"], made["port"], made["path"]) == ("https", "a.test", 443, "/x")
    assert "url" not in made
    told = kong.form("POST", "/services", {"url": "invalid url"}).json()["message"]
    assert told == "2 schema violations (host: required field missing; path: should start with: /)"


# --- Uniqueness and references -----------------------------------------------------------------------------


def test_a_taken_name_is_a_conflict(kong):
    a_service(name="orders")
    answer = kong.post("/services", {"name": "orders", "host": "a"})
    assert (answer.status_code, answer.json()) == (
        409,
        {
            "code": 5,
            "name": "unique constraint violation",
            "message": """UNIQUE violation detected on '{name="orders"}'""",
            "fields": {"name": "orders"},
        },
    )


def test_a_taken_id_is_a_primary_key_violation(kong):
    service = a_service()
    answer = kong.post("/services", {"id": str(service.pk), "host": "a"})
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_a_plugin_is_unique_in_its_scope_nulls_included(kong):
    service = a_service()
    body = {"name": "basic-auth", "service": to(service)}
    assert kong.post("/plugins", body).status_code == 201
    answer = kong.post("/plugins", body)
    key = f"""{{consumer=null,name="basic-auth",route=null,service={{id="{service.pk}"}}}}"""
    assert (answer.status_code, answer.json()["message"]) == (409, f"UNIQUE violation detected on '{key}'")
    assert answer.json()["fields"] == {"name": "basic-auth", "service": to(service), "route": None, "consumer": None}


def test_a_reference_to_nothing_is_a_foreign_key_violation(kong):
    answer = kong.post("/routes", {"paths": ["/"], "service": {"id": UNKNOWN}})
    key = f"""{{id="{UNKNOWN}"}}"""
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "code": 4,
            "name": "foreign key violation",
            "message": f"the foreign key '{key}' does not reference an existing 'services' entity.",
            "fields": {"service": {"id": UNKNOWN}},
        },
    )


def test_a_reference_may_be_a_name_or_the_whole_other_entity(kong):
    service = kong.post("/services", {"name": "orders", "host": "a"}).json()
    for given in ({"name": "orders"}, service, {"id": service["id"], "name": "anything"}):
        made = kong.post("/routes", {"paths": ["/"], "service": given})
        assert (made.status_code, made.json()["service"]) == (201, {"id": service["id"]}), made.content
    assert kong.form("POST", "/routes", "paths[]=/&service.name=orders").json()["service"] == {"id": service["id"]}


@pytest.mark.parametrize(
    ("given", "code", "fields"),
    [
        ({}, 2, {"service": {"id": "missing primary key"}}),
        ({"host": "a"}, 2, {"service": {"id": "missing primary key"}}),
        ({"id": "x"}, 2, {"service": {"id": "expected a valid UUID"}}),
        ({"id": UNKNOWN, "hots": "a"}, 2, {"service": {"hots": "unknown field"}}),
        ({"id": UNKNOWN, "port": "80"}, 2, {"service": {"port": "expected an integer"}}),
        ("orders", 2, {"service": "expected a record"}),
    ],
)
def test_what_is_no_reference_is_a_schema_violation(kong, given, code, fields):
    answer = kong.post("/routes", {"paths": ["/"], "service": given})
    assert (answer.status_code, answer.json()["code"], answer.json()["fields"]) == (400, code, fields)


def test_a_name_that_leads_nowhere_is_unresolved(kong):
    answer = kong.post("/routes", {"paths": ["/"], "service": {"name": "x"}}).json()
    assert answer["code"] == 13
    assert answer["message"] == (
        "foreign key unresolved (service.name: the foreign key cannot be resolved "
        """with '{name="x"}' for an existing 'services' entity)"""
    )


def test_what_others_refer_to_stays(kong):
    route = a_route(service=to(a_service(name="orders")))
    answer = kong.delete("/services/orders")
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "code": 4,
            "name": "foreign key violation",
            "message": "an existing 'routes' entity references this 'services' entity",
            "fields": {"@referenced_by": "routes"},
        },
    )
    kong.delete(f"/routes/{route.pk}")
    assert kong.delete("/services/orders").status_code == 204


def test_an_upstream_takes_its_targets_along(kong):
    a_target(an_upstream(name="pool"))
    assert kong.delete("/upstreams/pool").status_code == 204
    assert not KINDS["targets"].model.objects.exists()
