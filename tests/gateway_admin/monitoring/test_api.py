"""Health, events and engines over REST: what is answered, to whom, and what is refused."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from gateway_admin.accounts.models import User
from gateway_admin.catalog.changes import head_version
from gateway_admin.common.envelope import timestamp
from gateway_admin.common.installation import redis_urls
from gateway_admin.monitoring.actions import Source, mark_targets, record_engine
from gateway_admin.monitoring.api import openapi
from gateway_admin.monitoring.checks.load import TOTALS
from gateway_admin.monitoring.models import EngineNode
from tests.gateway_admin.monitoring.builders import a_flip, a_report, a_target, an_ejection, an_upstream, edit

pytestmark = [pytest.mark.django_db, pytest.mark.urls("gateway_admin.monitoring.api.urls")]

NOTHING_OUT = {"draining": [], "ramping": [], "ejected": [], "unresolved": []}
ADDRESSES = ["/upstreams/pool/health", "/health-events", "/engines", "/health-checks"]


@pytest.fixture
def client():
    client = APIClient()
    client.force_authenticate(User.objects.create_user("alice", role="viewer"))
    return client


@pytest.fixture
def upstream():
    return an_upstream("pool")


@pytest.fixture
def target(upstream):
    return a_target(upstream, "10.0.0.1:8080")


def data(response):
    assert response.status_code == 200, response.content
    return response.json()["data"]


def refusal(response):
    return response.status_code, response.json()["error"]["details"]


# --- The checks themselves ---------------------------------------------------------------------------------


def test_how_the_checks_keep_up(client, store):
    store.hset(TOTALS, "tick_ms", round(time.time() * 1000))
    found = data(client.get("/health-checks"))
    assert (found["state"], found["targets"], found["lost"]) == ("idle", 0, 0)
    assert found["lagMs"] == {"p50": 0.0, "p99": 0.0, "max": 0}
    schema = openapi.HEALTH_CHECKS["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(found) == set(schema["properties"]["data"]["properties"])


def test_without_redis_nobody_knows(client, settings, tmp_path):
    settings.REDIS = redis_urls(f"unix://{tmp_path}/nobody.sock", None)
    assert data(client.get("/health-checks")) == {"state": "unknown"}


# --- Upstreams ---------------------------------------------------------------------------------------------


def test_the_health_of_an_upstream(client, target):
    other = a_target(target.upstream, "10.0.0.2:8080")
    mark_targets([a_flip(target)], source=Source.ACTIVE)
    found = data(client.get("/upstreams/pool/health"))
    assert (found["health"], found["balancerHealth"]) == ("HEALTHY", "HEALTHY")
    assert found["weight"] == {"total": 200, "available": 100, "unavailable": 100}
    up, down = found["targets"]
    assert (up["id"], up["health"], up["cause"], up["since"]) == (str(other.pk), "HEALTHY", "", None)
    assert (down["target"], down["health"]) == ("10.0.0.1:8080", "UNHEALTHY")
    assert down["cause"] == "3 of 3 HTTP failures: 503, 503, 503"
    assert down["since"].endswith("Z")


def test_whether_anything_is_judged_is_told_with_the_health(client, upstream):
    active = data(client.get("/upstreams/pool/health"))["checks"]["active"]
    assert active["on"]
    assert active["says"].startswith("GET / every 1 s; out after 3 bad statuses")
    edit(upstream, healthchecks={"active": {"healthy": {"interval": 0}}})
    assert not data(client.get("/upstreams/pool/health"))["checks"]["active"]["on"]


def test_an_upstream_by_its_id(client, upstream):
    assert data(client.get(f"/upstreams/{upstream.pk}/health/"))["name"] == "pool"


@pytest.mark.parametrize("key", ["nobody", "00000000-0000-4000-8000-000000000001"])
def test_an_upstream_that_does_not_exist(client, key):
    assert client.get(f"/upstreams/{key}/health").status_code == 404


# --- A person's mark ---------------------------------------------------------------------------------------


@pytest.fixture
def operator(client):
    client.force_authenticate(User.objects.create_user("bob", role="operator"))
    return client


def set_health(client, target, body):
    return client.put(f"/targets/{target.pk}/health", body, format="json")


def test_a_person_marks_a_target_and_takes_it_back(operator, target):
    found = data(set_health(operator, target, {"healthy": False}))
    assert (found["health"], found["cause"]) == ("UNHEALTHY", "set unhealthy by bob")
    assert data(set_health(operator, target, {"healthy": True}))["health"] == "HEALTHY"


def test_the_operators_switch_leaves_health_alone(operator, target):
    data(set_health(operator, target, {"healthy": False}))
    edit(target, enabled=False)
    edit(target, enabled=True)
    [found] = data(operator.get("/upstreams/pool/health"))["targets"]
    assert (found["health"], found["cause"]) == ("UNHEALTHY", "set unhealthy by bob")


@pytest.mark.parametrize("body", [{}, {"healthy": "no"}, {"healthy": None}, {"healthy": True, "x": 1}, []])
def test_a_mark_is_true_or_false(operator, target, body):
    status, [detail] = refusal(set_health(operator, target, body))
    assert (status, detail["field"]) == (400, "healthy")


def test_without_checks_nothing_would_keep_a_mark(operator):
    target = a_target(an_upstream("off", interval=0))
    status, [detail] = refusal(set_health(operator, target, {"healthy": False}))
    assert (status, detail["field"]) == (400, "healthy")
    assert "healthchecks are off for upstream off" in detail["message"]


@pytest.mark.parametrize("name", ["nobody", "00000000-0000-4000-8000-000000000009"])
def test_a_target_that_is_none_cannot_be_marked(operator, name):
    assert operator.put(f"/targets/{name}/health", {"healthy": True}, format="json").status_code == 404


def test_a_viewer_marks_nobody(client, target):
    assert set_health(client, target, {"healthy": False}).status_code == 403


# --- Events ------------------------------------------------------------------------------------------------


def test_events_newest_first(client, target):
    mark_targets([a_flip(target)], source=Source.ACTIVE)
    mark_targets([a_flip(target, healthy=True, cause="2 of 2 successes: 200, 200")], source=Source.ACTIVE)
    back, out = data(client.get("/health-events"))
    assert (back["seq"], back["healthy"], back["cause"]) == (2, True, "2 of 2 successes: 200, 200")
    assert (out["targetId"], out["target"], out["source"]) == (str(target.pk), "10.0.0.1:8080", "active")


def test_events_of_one_upstream_or_target(client, target):
    other = a_target(an_upstream())
    mark_targets([a_flip(target), a_flip(other)], source=Source.ACTIVE)
    [event] = data(client.get(f"/health-events?upstreamId={target.upstream_id}"))
    assert event["targetId"] == str(target.pk)
    [event] = data(client.get(f"/health-events?targetId={other.pk}"))
    assert event["targetId"] == str(other.pk)


def test_events_come_in_pages(client, target):
    mark_targets([a_flip(target)], source=Source.ACTIVE)
    pagination = client.get("/health-events?limit=1").json()["meta"]["pagination"]
    assert (pagination["total"], pagination["totalPages"]) == (1, 1)


def test_who_did_it_and_how_long_it_had_been_otherwise(client, target):
    mark_targets([replace(a_flip(target), actor="bob")], source=Source.MANUAL)
    [event] = data(client.get("/health-events"))
    assert (event["source"], event["actor"], event["episode"]) == ("manual", "bob", None)
    assert event["beforeSince"] == timestamp(target.created_at)


def test_an_ejection_is_an_episode(client, target):
    report = a_report(ejected=([an_ejection(target)],))
    record_engine(report)
    [event] = data(client.get("/health-events?source=ejection"))
    assert event["episode"] == {"nodeId": report.node_id, "workers": 1, "times": 1, "endedAt": None}
    assert (event["actor"], event["cause"]) == ("engine-1", "5 failures in a row: connection refused")


def test_events_by_what_found_out_what_it_became_and_when(client, target):
    mark_targets([a_flip(target)], source=Source.ACTIVE, at=datetime(2026, 1, 1, tzinfo=UTC))
    mark_targets([a_flip(target, healthy=True)], source=Source.PASSIVE, at=datetime(2026, 1, 2, tzinfo=UTC))

    def found(query):
        return [event["seq"] for event in data(client.get(f"/health-events?{query}"))]

    assert found("source=active") == [1]
    assert found("healthy=true") == [2]
    assert found("since=2026-01-02T00:00:00Z") == [2]
    assert found("until=2026-01-02T00:00:00Z") == [1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("source=magic", "expected one of: active, passive, manual, config, ejection, dns"),
        ("healthy=yes", "expected true or false"),
        ("since=2026-01-02", "expected a date and time with its zone, such as 2027-01-31T12:00:00Z"),
        ("until=2026-02-31T00:00:00Z", "expected a date and time with its zone, such as 2027-01-31T12:00:00Z"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(client, query, expected):
    problem = {"field": query.partition("=")[0], "message": expected}
    assert refusal(client.get(f"/health-events?{query}")) == (400, [problem])


@pytest.mark.parametrize("name", ["upstreamId", "targetId"])
def test_a_filter_takes_ids_only(client, name):
    problem = {"field": name, "message": "expected a valid UUID"}
    assert refusal(client.get(f"/health-events?{name}=pool")) == (400, [problem])


# --- Engines -----------------------------------------------------------------------------------------------


def test_engines_and_how_far_they_are_behind(client, upstream):
    report = a_report(version=head_version() - 1, problems=["route r1: bad pattern"])
    record_engine(report)
    [engine] = data(client.get("/engines"))
    assert (engine["nodeId"], engine["live"], engine["behind"]) == (report.node_id, True, 1)
    [worker] = engine["workers"]
    assert worker == {"pid": 4001, "version": 0, "requests": 10, "active": 1, "connections": 2} | NOTHING_OUT
    assert engine["problems"] == ["route r1: bad pattern"]


def test_what_the_workers_of_an_engine_keep_out(client, upstream):
    target = a_target(upstream)
    record_engine(a_report(ejected=([an_ejection(target)], [an_ejection(target, until=None)])))
    out, on_trial = (worker["ejected"][0] for worker in data(client.get("/engines"))[0]["workers"])
    assert out == {
        "targetId": str(target.pk), "state": "open", "cause": "5 failures in a row: connection refused",
        "since": "2023-11-14T22:13:20.000Z", "until": "2023-11-14T22:13:30.000Z",
    }  # fmt: skip
    assert (on_trial["state"], on_trial["until"]) == ("half-open", None)


def test_a_worker_that_an_older_release_recorded_keeps_nothing_out(client, upstream):
    record_engine(a_report())
    EngineNode.objects.update(workers=[{"pid": 1, "version": 0, "requests": 1, "active": 0, "connections": 0}])
    assert data(client.get("/engines"))[0]["workers"][0]["ejected"] == []


# --- All of them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_refused(address):
    assert APIClient().get(address).status_code == 401


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_can_be_written(client, upstream, address):
    assert client.post(address, {}, format="json").status_code == 405


@pytest.mark.parametrize("address", ADDRESSES)
def test_unknown_parameters_are_refused(client, upstream, address):
    problem = {"field": "colour", "message": "unknown query parameter"}
    assert refusal(client.get(f"{address}?colour=red")) == (400, [problem])


def schema_of(operation):
    return operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"]


def test_the_document_names_what_is_answered(client, target):
    record_engine(a_report())
    mark_targets([a_flip(target)], source=Source.ACTIVE)
    upstream = schema_of(openapi.UPSTREAM_HEALTH)
    answer = data(client.get("/upstreams/pool/health"))
    assert set(answer) == set(upstream["required"])
    assert set(answer["targets"][0]) == set(upstream["properties"]["targets"]["items"]["required"])
    for address, operation in (("/health-events", openapi.HEALTH_EVENTS), ("/engines", openapi.ENGINES)):
        assert set(data(client.get(address))[0]) == set(schema_of(operation)["items"]["required"])
