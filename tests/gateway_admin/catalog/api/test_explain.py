"""``POST /api/explain``: what it tells, what it refuses, who may ask."""

import json

import pytest

from tests.gateway_admin.builders import a_route, a_service, a_target, a_token, a_user, an_upstream, to

from .conftest import RestClient
from .test_openapi import conforms

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool():
    upstream = an_upstream(name="pool", algorithm="least-connections")
    service = a_service(name="orders", host="pool", path="/up", retries=2)
    a_route(name="orders", paths=["/api"], methods=["GET"], service=to(service))
    a_route(name="other", hosts=["b.test"], paths=["/api"])
    return upstream


def told(api, **body):
    answer = api.post("/api/explain", body)
    assert answer.status_code == 200, answer.json()
    return answer.json()["data"]


def test_timeouts_are_those_of_the_upstream_where_it_has_its_own(api):
    rules = {"connections": {"connect_timeout": 500}, "retry": {"statuses": [503], "total_timeout": 900}}
    upstream = an_upstream(name="pool", **rules)
    a_target(upstream)
    a_route(paths=["/api"], service=to(a_service(host="pool")))

    forwarding = told(api, url="http://a.test:8000/api/x")["forwarding"]

    assert (forwarding["connectTimeout"], forwarding["readTimeout"]) == (500, 60000)
    assert (forwarding["totalTimeout"], forwarding["retriedStatuses"]) == (900, [503])


def test_it_tells_the_whole_way_of_a_request(api, pool):
    target = a_target(pool, target="10.0.0.1:81", path="/base")
    off = a_target(pool, target="10.0.0.2:81", enabled=False)

    data = told(api, url="http://a.test:8000/api/x?q=1")

    assert data["request"] == {
        "method": "GET",
        "host": "a.test:8000",
        "path": "/api/x?q=1",
        "scheme": "http",
        "port": 8000,
        "clientIp": "127.0.0.1",
    }
    assert (data["route"]["name"], data["considered"], data["answer"]) == ("orders", 2, None)
    assert [(route["name"], route["outcome"], route["reasons"]) for route in data["routes"]] == [
        ("orders", "won", []),
        ("other", "refused", ["host a.test (port 8000) is not one of b.test"]),
    ]
    forwarding = data["forwarding"]
    assert forwarding["service"]["name"] == "orders"
    assert forwarding["upstream"] == {"id": str(pool.pk), "name": "pool", "algorithm": "least-connections"}
    assert (forwarding["path"], forwarding["hashedTo"]) == ("/up/x?q=1", None)
    assert (forwarding["retries"], forwarding["connectTimeout"]) == (2, 60000)
    assert sorted(forwarding["targets"], key=lambda each: each["target"]) == [
        {
            "id": str(target.pk),
            "target": "10.0.0.1:81",
            "address": "10.0.0.1:81",
            "eligible": True,
            "probability": 100.0,
            "reasons": [],
            "path": "/base/up/x?q=1",
            "host": "10.0.0.1:81",
        },
        {
            "id": str(off.pk),
            "target": "10.0.0.2:81",
            "address": "10.0.0.2:81",
            "eligible": False,
            "probability": 0.0,
            "reasons": ["disabled"],
            "path": "/up/x?q=1",
            "host": "10.0.0.2:81",
        },
    ]


def test_it_tells_what_the_gateway_answers_itself(api, pool):
    data = told(api, path="/elsewhere")

    assert (data["route"], data["forwarding"]) == (None, None)
    assert data["answer"] == {
        "status": 404,
        "message": "no Route matched with those values",
        "reason": "no route holds for this request",
        "location": None,
    }


def test_a_wrong_request_is_a_good_question(api):
    assert told(api, path="/a b")["answer"]["status"] == 400
    assert told(api, path="/", host="a b")["answer"]["reason"] == "malformed Host header"
    assert told(api, path="/", headers={"Content-Length": ["1", "2"]})["answer"]["status"] == 400


def test_headers_come_alone_or_as_lists(api):
    a_route(name="v2", paths=["/"], headers={"x-version": ["2"]})

    for headers in ({"X-Version": "2"}, {"x-version": ["1", "2"]}):
        assert told(api, path="/", headers=headers)["route"]["name"] == "v2"
    assert told(api, path="/", headers={"X-Version": "1"})["route"] is None


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"url": "https://a.test"}, ("a.test", "/", "https", 443)),
        ({"url": "HTTP://a.test?q"}, ("a.test", "/?q", "http", 80)),
        ({"url": "http://[::1]:81/x", "host": "b.test"}, ("b.test", "/x", "http", 81)),
        ({"path": "/x", "host": "b.test:82"}, ("b.test:82", "/x", "http", 82)),
        ({"path": "/x", "scheme": "https"}, ("localhost", "/x", "https", 443)),
        ({"path": "/x", "host": "b.test:82", "port": 8000}, ("b.test:82", "/x", "http", 8000)),
    ],
)
def test_what_is_left_out_follows_from_the_rest(api, body, asked):
    request = told(api, **body)["request"]

    assert (request["host"], request["path"], request["scheme"], request["port"]) == asked


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "path"),
        ([], "@entity"),
        ({"path": 1}, "path"),
        ({"path": "/a\r\nX: 1"}, "path"),
        ({"path": "/", "url": "http://a.test/"}, "path"),
        ({"scheme": "http", "url": "http://a.test/"}, "scheme"),
        ({"url": "ftp://a.test/"}, "url"),
        ({"url": "http://user@a.test/"}, "url"),
        ({"url": "/x"}, "url"),
        ({"url": "http://a.test/#here"}, "url"),
        ({"path": "/", "method": ""}, "method"),
        ({"path": "/", "method": "GET\n"}, "method"),
        ({"path": "/", "scheme": "ws"}, "scheme"),
        ({"path": "/", "port": "80"}, "port"),
        ({"path": "/", "port": 0}, "port"),
        ({"path": "/", "clientIp": "here"}, "clientIp"),
        ({"path": "/", "client_ip": "10.0.0.1"}, "client_ip"),
        ({"path": "/", "headers": ["a: b"]}, "headers"),
        ({"path": "/", "headers": {"x-a": 1}}, "headers.x-a"),
        ({"path": "/", "headers": {"x-a": ["1", "2\r\n"]}}, "headers.x-a.1"),
        ({"path": "/", "headers": {"x:a": "1"}}, "headers.x:a"),
        ({"path": "/", "headers": {"Host": "b.test"}}, "headers.Host"),
    ],
)
def test_what_is_no_question_is_refused_by_the_name_of_its_field(api, body, field):
    refused = api.post("/api/explain", body)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in refused.json()["error"]["details"]] == [field]


def test_alice_asks_bob_needs_a_csrf_token_and_charlie_is_refused():
    alice, bob, charlie = RestClient(a_token(a_user("alice"))), RestClient(enforce_csrf_checks=True), RestClient()
    bob.force_login(a_user("bob"))

    assert alice.post("/api/explain/", {"path": "/"}).status_code == 200
    assert bob.post("/api/explain", {"path": "/"}).status_code == 403
    assert charlie.post("/api/explain", {"path": "/"}).status_code == 401
    bob.cookies["gatehouse_csrf"] = "x" * 32
    assert bob.post("/api/explain", {"path": "/"}, HTTP_X_CSRFTOKEN="x" * 32).status_code == 200


def test_it_is_asked_by_post_only(api):
    assert api.get("/api/explain").status_code == 405


def test_answers_are_as_described(api, client, pool):
    document = json.loads(client.get("/api/schema/?format=json").content)
    described = document["paths"]["/api/explain"]["post"]
    a_route(name="direct", paths=["/direct"], service=to(a_service(host="10.0.0.9")))
    a_target(pool)

    for body in ({"path": "/api"}, {"path": "/direct"}, {"path": "/"}, {"path": "/a b"}):
        conforms(api.post("/api/explain", body).json(), described["responses"]["200"], document)
    conforms(api.post("/api/explain", {}).json(), described["responses"]["400"], document)


def test_the_described_question_names_every_field(client):
    document = json.loads(client.get("/api/schema/?format=json").content)
    question = document["components"]["schemas"]["Question"]

    assert set(question["properties"]) == {"method", "url", "path", "host", "headers", "scheme", "port", "clientIp"}
    assert all(field["description"] for field in question["properties"].values())
