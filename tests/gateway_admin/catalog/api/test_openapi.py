"""The OpenAPI document: valid, complete, and true to what the API answers."""

import json

import jsonschema
import pytest
from drf_spectacular.validation import validate_schema

from gateway_admin.catalog import actions
from gateway_admin.catalog.api.names import names_out
from gateway_admin.catalog.api.schemas import component_name
from gateway_admin.catalog.kinds import KINDS
from tests.gateway_admin.builders import ALICE, a_route, a_service, a_target, to
from tests.gateway_admin.catalog.cases import whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(client):
    return json.loads(client.get("/api/schema/?format=json").content)


def test_the_document_is_valid(document):
    validate_schema(document)


def test_every_kind_has_its_operations(document):
    for kind in KINDS:
        assert set(document["paths"][f"/api/{kind}"]) == {"get", "post"}
        assert set(document["paths"][f"/api/{kind}/{{key}}"]) == {"get", "put", "patch", "delete"}
    for path in ("/api/upstreams/{upstream}/targets", "/api/changes", "/api/config/versions/{version}"):
        assert path in document["paths"]


def test_every_operation_has_its_own_name_and_asks_for_a_token(document):
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["security"] for operation in operations)


def test_fields_carry_the_ranges_defaults_and_words_of_the_spec(document):
    target = document["components"]["schemas"]["TargetInput"]
    weight = target["properties"]["weight"]

    assert (weight["type"], weight["minimum"], weight["maximum"], weight["default"]) == ("integer", 0, 65535, 100)
    assert weight["description"]
    assert target["additionalProperties"] is False
    assert "health" not in target["properties"]
    assert document["components"]["schemas"]["Target"]["properties"]["health"]["readOnly"] is True


def test_answers_are_as_described(api, document):
    a_route(name="r", service=to(a_service(host="pool", tags=["a"])), headers={"x-a": ["b"]})
    a_target(weight=3)
    for kind in KINDS.keys() - {"services", "routes", "upstreams", "targets"}:
        actions.create(kind=kind, values=whole(kind, {}), actor=ALICE)

    for kind in KINDS:
        listed = api.get(f"/api/{kind}").json()
        assert listed["data"]
        conforms(listed, document["paths"][f"/api/{kind}"]["get"]["responses"]["200"], document)
        one = api.get(f"/api/{kind}/{listed['data'][0]['id']}").json()
        conforms(one, document["paths"][f"/api/{kind}/{{key}}"]["get"]["responses"]["200"], document)
        described = document["components"]["schemas"][component_name(kind)]["properties"]
        assert set(one["data"]) == set(described) >= set(names_out(kind).values())


def test_refusals_and_changes_are_as_described(api, document):
    refused = api.post("/api/services", {}).json()
    conforms(refused, document["paths"]["/api/services"]["post"]["responses"]["400"], document)
    a_service()
    changes = api.get("/api/changes").json()
    conforms(changes, document["paths"]["/api/changes"]["get"]["responses"]["200"], document)


def conforms(answer, response, document):
    schema = response["content"]["application/json"]["schema"]
    jsonschema.validate(answer, json_schema(schema) | {"components": json_schema(document["components"])})


def json_schema(schema):
    """OpenAPI 3.0 says ``nullable`` where JSON Schema has a list of types."""
    if isinstance(schema, list):
        return [json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {name: json_schema(value) for name, value in schema.items() if name != "nullable"}
    if schema.get("nullable") is True:
        converted = {"anyOf": [converted, {"type": "null"}]}
    return converted


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(client, document):
    page = client.get("/api/docs/").content.decode()

    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
