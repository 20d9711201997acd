"""Narrowing lists: of each kind by what people know of it, and all of them by text and tags."""

import pytest

from gateway_admin.catalog import actions
from gateway_admin.catalog.kinds import KINDS
from tests.gateway_admin.builders import ALICE, a_consumer, a_group, a_key, a_login, a_plugin, a_route, a_service, to
from tests.gateway_admin.catalog.cases import whole

pytestmark = pytest.mark.django_db


def found(api, path):
    answer = api.get(path)
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["data"]]


@pytest.mark.parametrize("query", ["username=alice", "customId=c-1", "search=LIC", "search=c-1"])
def test_consumers(api, query):
    consumer = a_consumer(username="alice", custom_id="c-1")
    a_consumer(username="bob")

    assert found(api, f"/api/consumers?{query}") == [str(consumer.pk)]


@pytest.mark.parametrize(
    ("kind", "make"), [("keyauth_credentials", a_key), ("basicauth_credentials", a_login), ("acls", a_group)]
)
def test_what_belongs_to_a_consumer(api, kind, make):
    consumer = a_consumer(username="alice")
    own = make(consumer)
    make(a_consumer())

    for key in ("alice", consumer.pk):
        assert found(api, f"/api/{kind}?consumerId={key}") == [str(own.pk)]
    assert found(api, f"/api/{kind}?consumerId=nobody") == []


def test_plugins(api):
    service, route = a_service(name="orders"), a_route(name="list")
    of_service = a_plugin(name="cors", service=to(service), enabled=False)
    of_route = a_plugin(name="key-auth", route=to(route), instance_name="one")

    for query in ("name=cors", "enabled=false", "enabled=0", "serviceId=orders", f"serviceId={service.pk}"):
        assert found(api, f"/api/plugins?{query}") == [str(of_service.pk)]
    for query in ("name=key-auth", "enabled=true", "routeId=list", "instanceName=one", "search=ONE"):
        assert found(api, f"/api/plugins?{query}") == [str(of_route.pk)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_by_tags_and_text(api, kind):
    key = str(actions.create(kind=kind, values=whole(kind, {"tags": ["team-a", "näh"]}), actor=ALICE).pk)

    assert found(api, f"/api/{kind}?tags=team-a,n%C3%A4h") == [key]
    assert found(api, f"/api/{kind}?tags=team-a,b") == []
    assert found(api, f"/api/{kind}?search=TEAM-") == [key]
    assert found(api, f"/api/{kind}?search=n%C3%A4") == [key]
    assert found(api, f"/api/{kind}?search=") == [key]
    assert found(api, f"/api/{kind}?search=%25") == found(api, f"/api/{kind}?search=zzz") == []


@pytest.mark.parametrize("column", [{"name": "xyz"}, {"hosts": ["xyz.example.com"]}, {"paths": ["/v1/xyz"]}])
def test_routes_are_searched_in_names_hosts_and_paths(api, column):
    key = str(a_route(**column).pk)
    a_route()

    assert found(api, "/api/routes?search=XYZ") == [key]


@pytest.mark.parametrize("query", ["search=" + "a" * 256, "name=" + "a" * 256, "search=%00", "tags=" + "a%2C" * 1])
def test_texts_have_a_length(api, query):
    """SQLite refuses long patterns with an error of the database."""
    expected = 200 if query.startswith("tags") else 400

    assert api.get(f"/api/services?{query}").status_code == expected


def test_many_tags_are_refused(api):
    many = ",".join(f"t{number}" for number in range(51))

    refused = api.get(f"/api/services?tags={many}")

    assert refused.status_code == 400
    assert refused.json()["error"]["details"] == [{"field": "tags", "message": "at most 50 tags"}]
