"""Targets below their upstream, their health, and the switches that overrule it."""

import pytest

from gateway_admin.catalog.source import read_health
from gateway_admin.monitoring.actions import record_engine
from gateway_admin.monitoring.models import HealthEvent, TargetHealth
from tests.gateway_admin.builders import a_target, an_upstream, to
from tests.gateway_admin.monitoring.builders import a_report

pytestmark = pytest.mark.django_db
CHECKS = {"passive": {"unhealthy": {"http_failures": 1}}}
UNKNOWN = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def pool(db):
    return an_upstream(name="pool", healthchecks=CHECKS)


def test_a_target_is_named_by_id_or_address(kong, pool):
    target = a_target(pool, target="10.0.0.1:80")
    for name in (target.pk, "10.0.0.1:80", "10.0.0.1%3A80"):
        assert kong.get(f"/upstreams/pool/targets/{name}").json()["id"] == str(target.pk)
    v6 = kong.post("/upstreams/pool/targets", {"target": "[::1]:80"}).json()
    assert v6["target"] == "[0000:0000:0000:0000:0000:0000:0000:0001]:80"
    assert kong.get("/upstreams/pool/targets/[::1]:80").json()["id"] == v6["id"]
    assert kong.post("/upstreams/pool/targets", {"target": "host"}).json()["target"] == "host:8000"
    assert kong.get("/upstreams/pool/targets/host").json()["target"] == "host:8000"


def test_times_of_targets_have_fractions(kong, pool):
    assert isinstance(kong.post("/upstreams/pool/targets", {"target": "a:1"}).json()["created_at"], float)


def test_put_changes_and_never_makes(kong, pool):
    target = a_target(pool, target="a:1", weight=7, tags=["x"])
    put = kong.put("/upstreams/pool/targets/a:1", {"weight": 8})
    assert (put.status_code, put.json()["weight"], put.json()["tags"]) == (200, 8, ["x"])
    for name in ("b:1", UNKNOWN, "a b", "a:99999"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = kong.send(method, f"/upstreams/pool/targets/{name}", {})
            assert (answer.status_code, answer.json()) == (404, {"message": "Not found"}), (method, name)
    assert kong.delete(f"/upstreams/pool/targets/{target.pk}").status_code == 204
    assert kong.delete(f"/upstreams/pool/targets/{target.pk}").status_code == 404


def test_a_target_of_another_upstream_is_not_here(kong, pool):
    target = a_target(an_upstream(name="other"))
    assert kong.get(f"/upstreams/pool/targets/{target.pk}").status_code == 404
    assert kong.patch(f"/upstreams/pool/targets/{target.pk}", {"weight": 1}).status_code == 404


def test_an_address_is_unique_in_its_upstream(kong, pool):
    a_target(pool, target="a:1")
    answer = kong.post("/upstreams/pool/targets", {"target": "a:1"})
    key = f"""{{target="a:1",upstream={{id="{pool.pk}"}}}}"""
    assert (answer.status_code, answer.json()["message"]) == (409, f"UNIQUE violation detected on '{key}'")
    assert answer.json()["fields"] == {"target": "a:1", "upstream": to(pool)}


def test_a_drain_survives_puts_and_counts_as_not_available(kong, pool):
    drain = {"since": 1, "until": 2, "then": "off", "keep_sticky": False}
    target = a_target(pool, target="a:1", drain=drain)
    a_target(pool, target="b:1", weight=7)
    assert "drain" not in kong.put("/upstreams/pool/targets/a:1", {"weight": 8}).json()
    target.refresh_from_db()
    assert target.drain == drain
    weights = [row["data"]["weight"]["available"] for row in kong.get("/upstreams/pool/health").json()["data"]]
    assert weights == [7, 0]
    balancer = kong.get("/upstreams/pool/health?balancer_health=1").json()["data"]
    assert balancer["details"]["weight"] == {"total": 7, "available": 7, "unavailable": 0}


def test_what_is_no_address_is_refused(kong, pool):
    told = kong.form("POST", "/upstreams/pool/targets", "target=a b").json()
    assert told["fields"] == {"target": "Invalid target; not a valid hostname or ip address"}


# --- Health ------------------------------------------------------------------------------------------------


def health(kong, **query):
    return kong.get("/upstreams/pool/health", query).json()


def test_a_name_without_an_address_is_a_dns_error(kong, pool):
    target = a_target(pool, target="lost.example:80")
    record_engine(a_report(unresolved=[[str(target.pk)]]))
    [found] = health(kong)["data"]
    assert (found["health"], found["data"]["addresses"]) == ("DNS_ERROR", [])
    assert found["data"]["dns"].startswith("dns server error")
    assert health(kong, balancer_health="1")["data"]["health"] == "UNHEALTHY"


def test_people_overrule_health(kong, pool):
    a_target(pool, target="10.0.0.1:80", weight=30), a_target(pool, target="10.0.0.2:80", weight=70)
    for word, state in (("unhealthy", "UNHEALTHY"), ("healthy", "HEALTHY")):
        marked = kong.put(f"/upstreams/pool/targets/10.0.0.1:80/{word}")
        assert (marked.status_code, marked.content) == (204, b"")
        states = {target["target"]: target["health"] for target in health(kong)["data"]}
        assert states == {"10.0.0.1:80": state, "10.0.0.2:80": "HEALTHY"}
        assert HealthEvent.objects.first().source == TargetHealth.Source.MANUAL


def test_healthy_reaches_the_engines_even_where_no_mark_says_otherwise(kong):
    """Only they know that a circuit breaker keeps it out."""
    target = a_target(an_upstream(name="broken", circuit_breaker={"consecutive_failures": 2}), target="a:1")
    for times in (1, 2):
        assert kong.put("/upstreams/broken/targets/a:1/healthy").status_code == 204
        seq, (fact,) = read_health(0)
        assert (seq, fact.target_id, fact.healthy, fact.by_person) == (times, str(target.pk), True, True)
    assert kong.put("/upstreams/broken/targets/a:1/unhealthy").status_code == 400


def test_one_address_may_be_marked(kong, pool):
    a_target(pool, target="10.0.0.1:80"), a_target(pool, target="name.test:80")
    assert kong.put("/upstreams/pool/targets/10.0.0.1:80/10.0.0.1:80/unhealthy").status_code == 204
    assert health(kong)["data"][1]["health"] == "UNHEALTHY"
    assert kong.put("/upstreams/pool/targets/10.0.0.1:80/10.0.0.9:80/unhealthy").status_code == 404
    shared = kong.put("/upstreams/pool/targets/name.test:80/10.0.0.1:80/unhealthy")
    assert (shared.status_code, list(shared.json())) == (400, ["message"])


def test_a_mark_needs_a_health_checker_a_target_and_an_upstream(kong, pool):
    a_target(an_upstream(name="off"), target="a:1")
    refused = kong.put("/upstreams/off/targets/a:1/unhealthy")
    assert (refused.status_code, list(refused.json())) == (400, ["message"])
    assert kong.put("/upstreams/pool/targets/a:1/unhealthy").status_code == 404
    assert kong.put("/upstreams/nobody/targets/a:1/unhealthy").status_code == 404
    assert not TargetHealth.objects.exists()


def test_health_is_listed_newest_first_with_weights(kong, pool):
    a_target(pool, target="10.0.0.1:80", weight=0, created_at=1)
    newest = a_target(pool, target="10.0.0.2:80", weight=5, created_at=2)
    page = health(kong)
    assert [target["health"] for target in page["data"]] == ["HEALTHY", "HEALTHCHECKS_OFF"]
    assert page["next"] is None
    assert page["node_id"] == kong.get("/").json()["node_id"]
    assert page["data"][0]["id"] == str(newest.pk)
    assert page["data"][0]["data"] == {
        "host": "10.0.0.2",
        "port": 80,
        "dns": "A",
        "nodeWeight": 5,
        "weight": {"total": 5, "available": 5, "unavailable": 0},
        "addresses": [{"ip": "10.0.0.2", "port": 80, "weight": 5, "health": "HEALTHY"}],
    }


def test_health_has_pages(kong, pool):
    for number in range(3):
        a_target(pool, target=f"10.0.0.{number}:80")
    first = health(kong, size=2)
    rest = health(kong, size=2, offset=first["offset"])
    assert [len(page["data"]) for page in (first, rest)] == [2, 1]
    assert "offset" not in rest


def test_the_health_of_the_whole_upstream(kong, pool):
    a_target(pool, target="10.0.0.1:80", weight=100)
    assert health(kong, balancer_health="1")["data"]["balancer_health"] == "HEALTHY"
    kong.put("/upstreams/pool/targets/10.0.0.1:80/unhealthy")
    data = health(kong, balancer_health="1")["data"]
    assert (data["id"], data["health"], data["balancer_health"]) == (str(pool.pk), "UNHEALTHY", "UNHEALTHY")
    assert data["details"]["weight"] == {"total": 100, "available": 0, "unavailable": 100}
    kong.patch("/upstreams/pool", {"healthchecks": {"passive": {"unhealthy": {"http_failures": 0}}}})
    assert health(kong, balancer_health="1")["data"]["health"] == "HEALTHCHECKS_OFF"
