"""What this dialect takes beside the spec's fields."""

import pytest

from tests.gateway_admin.builders import a_service, a_target, an_upstream

pytestmark = pytest.mark.django_db


def details(answer):
    return {detail["field"]: detail["message"] for detail in answer.json()["error"]["details"]}


# --- Services --------------------------------------------------------------------------------------------


def test_url_stands_for_protocol_host_port_and_path(api):
    data = api.post("/api/services", {"url": "https://example.com/v2"}).json()["data"]

    assert (data["protocol"], data["host"], data["port"], data["path"]) == ("https", "example.com", 443, "/v2")


@pytest.mark.parametrize("url", ["", 7, "http://user@a/", "http://a/?x=1", "http://a:99999"])
def test_a_bad_url_is_refused(api, url):
    assert "url" in details(api.post("/api/services", {"url": url}))


def test_a_service_names_its_upstream_by_id_by_name_or_as_host(api):
    upstream = an_upstream(name="pool")

    for body in ({"upstreamId": str(upstream.pk)}, {"upstreamId": "pool"}, {"host": "pool"}):
        data = api.post("/api/services", body).json()["data"]
        assert (data["host"], data["upstreamId"]) == ("pool", str(upstream.pk))
    assert api.post("/api/services", {"host": "example.com"}).json()["data"]["upstreamId"] is None


def test_an_upstream_that_is_none_is_refused(api):
    refused = api.post("/api/services", {"upstreamId": "nobody"})

    assert refused.json()["error"]["code"] == "RELATION_ERROR"
    assert "nobody" in details(refused)["upstreamId"]
    assert "upstreamId" in details(api.post("/api/services", {"upstreamId": 7}))


def test_host_and_upstream_must_agree(api):
    an_upstream(name="pool")

    assert "upstreamId" in details(api.post("/api/services", {"host": "example.com", "upstreamId": "pool"}))


# --- Routes ----------------------------------------------------------------------------------------------


def test_a_route_names_its_service_by_id_or_name(api):
    service = a_service(name="orders")

    for key in (str(service.pk), "orders"):
        data = api.post("/api/routes", {"paths": ["/"], "serviceId": key}).json()["data"]
        assert data["serviceId"] == str(service.pk)
    assert "serviceId" in details(api.post("/api/routes", {"paths": ["/"], "serviceId": "nobody"}))


def test_a_closing_star_is_a_prefix_and_other_stars_are_refused(api):
    assert api.post("/api/routes", {"paths": ["/api/v1/*", "/*"]}).json()["data"]["paths"] == ["/api/v1/", "/"]
    assert "paths.1" in details(api.post("/api/routes", {"paths": ["/a", "/api/*/users"]}))


def test_a_header_may_be_one_value(api):
    data = api.post("/api/routes", {"headers": {"X-Region": "eu", "x-a": ["b", "c"]}}).json()["data"]

    assert data["headers"] == {"X-Region": ["eu"], "x-a": ["b", "c"]}


# --- Upstreams -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "algorithm", "hash_on"),
    [
        ({}, "round-robin", "none"),
        ({"algorithm": "round-robin"}, "round-robin", "none"),
        ({"algorithm": "weighted-round-robin"}, "round-robin", "none"),
        ({"algorithm": "least-connections"}, "least-connections", "none"),
        ({"algorithm": "health-aware"}, "least-connections", "none"),
        ({"algorithm": "random"}, "random", "none"),
        ({"algorithm": "hash"}, "consistent-hashing", "ip"),
        ({"algorithm": "ip-hash"}, "consistent-hashing", "ip"),
        ({"algorithm": "consistent-hashing"}, "consistent-hashing", "ip"),
        ({"algorithm": "hash", "hashOn": "path"}, "consistent-hashing", "path"),
        ({"algorithm": "hash", "hashOn": "uri"}, "consistent-hashing", "path"),
        ({"hashOn": "ip"}, "consistent-hashing", "ip"),
        ({"algorithm": "round-robin", "hashOn": "ip"}, "round-robin", "ip"),
    ],
)
def test_every_name_of_an_algorithm_is_understood(api, body, algorithm, hash_on):
    data = api.post("/api/upstreams", {"name": "pool"} | body).json()["data"]

    assert (data["algorithm"], data["hashOn"]) == (algorithm, hash_on)


@pytest.mark.parametrize(
    ("hash_on", "selector", "detail"),
    [
        ("header:X-User", "header", {"hashOnHeader": "X-User"}),
        ("cookie:sid", "cookie", {"hashOnCookie": "sid"}),
        ("query:user", "query_arg", {"hashOnQueryArg": "user"}),
        ("uri-capture:id", "uri_capture", {"hashOnUriCapture": "id"}),
    ],
)
def test_the_input_of_the_hash_may_name_its_source(api, hash_on, selector, detail):
    data = api.post("/api/upstreams", {"name": "pool", "algorithm": "hash", "hashOn": hash_on}).json()["data"]

    assert {"hashOn": data["hashOn"]} | {name: data[name] for name in detail} == {"hashOn": selector} | detail


def test_the_fallback_may_name_its_source_as_well(api):
    body = {"name": "pool", "hashOn": "header:X-User", "hashFallback": "query:user"}
    data = api.post("/api/upstreams", body).json()["data"]

    assert (data["hashFallback"], data["hashFallbackQueryArg"]) == ("query_arg", "user")


@pytest.mark.parametrize("hash_on", ["planet", "header:", "planet:x", 7])
def test_an_unknown_input_of_the_hash_is_refused(api, hash_on):
    assert "hashOn" in details(api.post("/api/upstreams", {"name": "pool", "hashOn": hash_on}))


def test_a_patch_of_the_algorithm_leaves_everything_else_alone(api):
    created = api.post("/api/upstreams", {"name": "pool", "slots": 100, "tags": ["a"], "hashOn": "ip"}).json()["data"]

    patched = api.patch("/api/upstreams/pool", {"algorithm": "least-connections"}).json()["data"]

    assert patched | {"updatedAt": ""} == created | {"algorithm": "least-connections", "updatedAt": ""}


def test_health_checks_merge_deeply_under_both_names(api):
    api.post("/api/upstreams", {"name": "pool", "healthcheck": {"active": {"httpPath": "/up", "timeout": 2}}})

    patched = api.patch("/api/upstreams/pool", {"healthchecks": {"active": {"healthy": {"interval": 5}}}})

    active = patched.json()["data"]["healthcheck"]["active"]
    assert (active["httpPath"], active["timeout"], active["healthy"]["interval"]) == ("/up", 2, 5)


def test_records_of_ours_merge_deeply_in_camel_case(api):
    api.post("/api/upstreams", {"name": "pool", "retry": {"statuses": [502], "budget": 20}})

    data = api.patch("/api/upstreams/pool", {"retry": {"onReadTimeout": True}}).json()["data"]
    wrong = api.patch("/api/upstreams/pool", {"circuitBreaker": {"openTime": 0}, "connections": {"maxRequests": -1}})
    misspelt = api.patch("/api/upstreams/pool", {"circuitBreaker": {"open_time": 1}})

    assert data["retry"] == {
        "statuses": [502], "onReadTimeout": True, "backoff": 0, "maxBackoff": 1000, "totalTimeout": 0,
        "budget": 20, "budgetMin": 3,
    }  # fmt: skip
    assert set(details(wrong)) == {"circuitBreaker.openTime", "connections.maxRequests"}
    assert set(details(misspelt)) == {"circuitBreaker.open_time"}


def test_problems_of_health_checks_are_named_in_the_clients_words(api):
    body = {"name": "pool", "healthcheck": {"active": {"httpPath": "up", "unhealthy": {"tcpFailures": 256}}}}
    found = details(api.post("/api/upstreams", body))
    assert set(found) == {"healthcheck.active.httpPath", "healthcheck.active.unhealthy.tcpFailures"}

    body = {"name": "pool", "healthcheck": {"active": {"http_path": "/"}, "actve": {}}}
    assert set(details(api.post("/api/upstreams", body))) == {"healthcheck.active.http_path", "healthcheck.actve"}

    both = api.post("/api/upstreams", {"name": "pool", "healthcheck": {}, "healthchecks": {}})
    assert details(both) == {"healthcheck": "given twice, under two names"}


# --- Targets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelling", "target", "scheme", "path"),
    [
        ("http://server-a:5000", "server-a:5000", "http", None),
        ("http://server-a", "server-a:80", "http", None),
        ("https://server-a", "server-a:443", "https", None),
        ("https://Server-A:8443/base/", "server-a:8443", "https", "/base"),
        ("http://[2001:db8::1]:80/", "[2001:0db8:0000:0000:0000:0000:0000:0001]:80", "http", None),
        ("10.0.0.1:5000", "10.0.0.1:5000", None, None),
        ("server-a", "server-a:8000", None, None),
        ("[2001:db8::1]:80", "[2001:0db8:0000:0000:0000:0000:0000:0001]:80", None, None),
    ],
)
def test_every_spelling_of_a_target_is_understood(api, spelling, target, scheme, path):
    upstream = an_upstream()

    created = api.post("/api/targets", {"target": spelling, "upstreamId": str(upstream.pk)})

    assert created.status_code == 201, created.content
    data = created.json()["data"]
    assert (data["target"], data["scheme"], data["path"]) == (target, scheme, path)


@pytest.mark.parametrize(
    "spelling",
    [
        "ftp://a",
        "http://",
        "http://user@a",
        "http://a/?q=1",
        "http://a?",
        "http://a#f",
        "http://a:99999",
        "http://a:x",
        "http://a b",
        "http://a\tb",
        "http://[::1",
        "http://a//b",
        "a:0",
        "a b",
        7,
        ["a"],
    ],
)
def test_a_target_that_is_none_is_refused(api, spelling):
    refused = api.post("/api/targets", {"target": spelling, "upstreamId": str(an_upstream().pk)})

    assert refused.status_code == 400
    assert set(details(refused)) <= {"target", "path"}


def test_a_target_names_its_upstream_by_id_or_name(api):
    upstream = an_upstream(name="pool")

    for number, key in enumerate((str(upstream.pk), "pool")):
        data = api.post("/api/targets", {"target": f"a:{number + 1}", "upstreamId": key}).json()["data"]
        assert data["upstreamId"] == str(upstream.pk)
    assert "upstreamId" in details(api.post("/api/targets", {"target": "b:1"}))
    assert "upstreamId" in details(api.post("/api/targets", {"target": "b:1", "upstreamId": "nobody"}))


def test_targets_are_also_below_their_upstream(api):
    upstream, other = an_upstream(name="pool"), a_target(target="other:1")
    created = api.post("/api/upstreams/pool/targets", {"target": "a:80"}).json()["data"]

    assert created["upstreamId"] == str(upstream.pk)
    assert [item["id"] for item in api.get("/api/upstreams/pool/targets").json()["data"]] == [created["id"]]
    for key in (created["id"], "a:80"):
        assert api.get(f"/api/upstreams/pool/targets/{key}").json()["data"]["id"] == created["id"]
    assert api.patch("/api/upstreams/pool/targets/a:80", {"weight": 3}).json()["data"]["weight"] == 3
    assert api.put("/api/upstreams/pool/targets/a:80", {"target": "a:81"}).json()["data"]["weight"] == 100
    assert api.get(f"/api/upstreams/pool/targets/{other.pk}").status_code == 404
    assert api.get("/api/upstreams/nobody/targets").status_code == 404
    assert api.delete("/api/upstreams/pool/targets/a:81").status_code == 200


def test_the_weight_is_100_unless_given(api):
    an_upstream(name="pool")

    assert api.post("/api/targets", {"target": "a", "upstreamId": "pool"}).json()["data"]["weight"] == 100


def test_an_upstreams_check_as_one_url(api):
    body = {"name": "pool", "checkUrl": "http://_/up?interval=2s", "healthcheck": {"threshold": 10}}
    answer = api.post("/api/upstreams", body)
    assert answer.status_code == 201
    found = answer.json()["data"]
    assert (found["healthcheck"]["active"]["httpPath"], found["healthcheck"]["threshold"]) == ("/up", 10)
    assert "checkUrl" not in found
    changed = api.patch("/api/upstreams/pool", {"checkUrl": "tcp://_:81"}).json()["data"]
    assert (changed["healthcheck"]["active"]["type"], changed["probe"]["port"]) == ("tcp", 81)
    assert changed["healthcheck"]["threshold"] == 10


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"checkUrl": "http://_/?x=1"}, "unknown parameter 'x'"),
        ({"checkUrl": 5}, "expected a string"),
        ({"checkUrl": "http://_/", "probe": {}}, "leave healthcheck.active and probe out"),
        ({"checkUrl": "http://_/", "healthcheck": {"active": {}}}, "leave healthcheck.active and probe out"),
    ],
)
def test_a_check_url_that_cannot_be_read(api, body, words):
    answer = api.post("/api/upstreams", {"name": "pool"} | body)
    assert answer.status_code == 400
    [detail] = answer.json()["error"]["details"]
    assert detail["field"] == "checkUrl"
    assert words in detail["message"]


def test_checks_that_cannot_act_are_told_with_the_write(api):
    body = {"name": "pool", "healthcheck": {"active": {"healthy": {"interval": 5}}}}
    [warning] = api.post("/api/upstreams", body).json()["meta"]["warnings"]
    assert warning.startswith("healthcheck.active.healthy.interval: Off: checks run but can never take a target out")
    fixed = {"checkUrl": "http://_/"}
    assert "warnings" not in api.patch("/api/upstreams/pool", fixed).json()["meta"]
