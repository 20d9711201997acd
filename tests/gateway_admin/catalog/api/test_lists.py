"""Lists: filters before pages, stable order, and no guessing at misspelt parameters."""

import pytest

from tests.gateway_admin.builders import a_route, a_service, a_target, an_upstream, to

pytestmark = pytest.mark.django_db


def names(answer):
    return [item["name"] for item in answer.json()["data"]]


def test_pages_are_cut_and_counted(api):
    for number in range(5):
        a_service(name=f"s{number}")

    page = api.get("/api/services?limit=2&page=2&orderBy=name")

    assert names(page) == ["s2", "s3"]
    assert page.json()["meta"]["pagination"] == {"page": 2, "limit": 2, "offset": 2, "total": 5, "totalPages": 3}
    assert names(api.get("/api/services?limit=2&offset=3&orderBy=name")) == ["s3", "s4"]
    assert names(api.get("/api/services?page=9")) == []


def test_filters_run_before_the_page_is_cut(api):
    for number in range(30):
        a_service(name=f"s{number}", protocol="https" if number < 3 else "http")

    page = api.get("/api/services?protocol=https")

    assert page.json()["meta"]["pagination"]["total"] == 3
    assert api.get("/api/services").json()["meta"]["pagination"]["limit"] == 20


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=x", "limit=-1", "limit=1.5", "limit=%D9%A1", "page=0", "offset=-1",
        "page=99999999999999999999", "page=1&offset=0", "orderBy=colour", "orderBy=tags", "orderDirection=up",
        "nmae=x", "enabled=maybe", "name=%00",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(api, query):
    refused = api.get(f"/api/services?{query}")

    assert refused.status_code == 400
    assert query.split("&")[-1].split("=")[0] in [detail["field"] for detail in refused.json()["error"]["details"]]


def test_the_newest_comes_first_unless_asked_otherwise(api):
    for name in ("b", "c", "a"):
        a_service(name=name)

    assert names(api.get("/api/services")) == ["a", "c", "b"]
    assert names(api.get("/api/services?orderBy=name")) == ["a", "b", "c"]
    assert names(api.get("/api/services?orderBy=name&orderDirection=desc")) == ["c", "b", "a"]
    assert names(api.get("/api/services?orderBy=createdAt&orderDirection=asc")) == ["b", "c", "a"]


def test_services_by_name_protocol_host_state_and_upstream(api):
    an_upstream(name="pool")
    a_service(name="orders", host="pool")
    a_service(name="Old-Orders", protocol="https", enabled=False)

    assert names(api.get("/api/services?name=ORDERS&orderBy=name")) == ["Old-Orders", "orders"]
    assert names(api.get("/api/services?protocol=https")) == ["Old-Orders"]
    assert names(api.get("/api/services?host=pool")) == ["orders"]
    assert names(api.get("/api/services?enabled=false")) == names(api.get("/api/services?enabled=0")) == ["Old-Orders"]
    assert names(api.get("/api/services?upstreamId=pool")) == ["orders"]
    assert names(api.get("/api/services?upstreamId=nobody")) == []


def test_routes_by_service_method_host_and_path(api):
    service = a_service(name="orders")
    a_route(name="r1", service=to(service), methods=["GET", "PUT"], hosts=["a.example.com"], paths=["/a"])
    a_route(name="r2")

    for query in (f"serviceId={service.pk}", "serviceId=orders", "method=PUT", "host=a.example.com", "path=/a"):
        assert names(api.get(f"/api/routes?{query}")) == ["r1"]
    assert names(api.get("/api/routes?method=PU")) == []


def test_targets_of_one_upstream(api):
    target = a_target(an_upstream(name="pool"))
    a_target()

    for key in (target.upstream_id, "pool"):
        assert [item["id"] for item in api.get(f"/api/targets?upstreamId={key}").json()["data"]] == [str(target.pk)]
    assert api.get("/api/targets?upstreamId=nobody").json()["data"] == []


def test_tags_select_what_has_all_of_them(api):
    a_service(name="both", tags=["team-a", "näh"])
    a_service(name="one", tags=["team-a"])
    a_service(name="none")

    assert names(api.get("/api/services?tags=team-a&orderBy=name")) == ["both", "one"]
    assert names(api.get("/api/services", {"tags": "team-a,näh"})) == ["both"]
    assert names(api.get("/api/services?tags=team")) == []


def test_the_number_of_statements_does_not_grow_with_the_page(api, django_assert_num_queries):
    for _ in range(20):
        upstream = an_upstream()
        a_target(upstream)
        a_route(service=to(a_service(host=upstream.name)))
    api.get("/api/services")  # the token's use is noted now and then

    for kind, statements in {"services": 4, "routes": 3, "upstreams": 6, "targets": 7}.items():
        with django_assert_num_queries(statements):
            assert len(api.get(f"/api/{kind}").json()["data"]) == 20


def test_targets_and_upstreams_are_found_by_what_only_we_have(api):
    upstream = an_upstream(name="brave", when_all_unhealthy="use_all")
    a_target(upstream, target="a:1")
    a_target(upstream, target="b:1", priority=2)
    an_upstream(name="careful")

    assert names(api.get("/api/upstreams?whenAllUnhealthy=use_all")) == ["brave"]
    assert [item["target"] for item in api.get("/api/targets?priority=2").json()["data"]] == ["b:1"]
    ordered = api.get("/api/targets?orderBy=priority&orderDirection=desc").json()["data"]
    assert [item["priority"] for item in ordered] == [2, 0]
    assert api.get("/api/targets?priority=first").status_code == 400
