"""Checked values → the frozen specs that the engine reads."""

from __future__ import annotations

import dataclasses

import pytest

from proxy_engine import spec
from tests.proxy_engine.builders import a_route, a_service, a_target, an_id, an_upstream, values


def test_a_service_keeps_every_field():
    service = a_service(name="orders", host="pool.test", port=81, path="/v2", retries=0, tags=["a"], tls_verify=None)
    assert (service.name, service.host, service.port, service.path) == ("orders", "pool.test", 81, "/v2")
    assert (service.retries, service.connect_timeout, service.enabled, service.tags) == (0, 60000, True, ("a",))


def test_a_route_holds_tuples_where_json_has_lists_and_maps():
    route = a_route(
        hosts=["a.test", "b.test"],
        headers={"X-A": ["b", "c"], "X-D": ["e"]},
        service={"id": an_id(5)},
        paths=None,
        methods=[],
    )
    assert route.hosts == ("a.test", "b.test")
    assert route.headers == (("X-A", ("b", "c")), ("X-D", ("e",)))
    assert route.service_id == an_id(5)
    assert route.paths == route.methods == ()
    assert route.protocols == ("http", "https")


def test_a_route_may_lead_nowhere():
    assert a_route(paths=["/"]).service_id is None


def test_peers_become_pairs():
    route = a_route(protocols=["tcp"], paths=None, sources=[{"ip": "10.0.0.0/8"}, {"port": 5}])
    assert route.sources == (("10.0.0.0/8", None), (None, 5))


def test_an_upstream_has_its_checks_typed():
    active = {"healthy": {"interval": 5, "successes": 1}, "headers": {"X-A": ["b"]}}
    upstream = an_upstream(healthchecks={"active": active, "passive": {"unhealthy": {"http_failures": 3}}})
    checks = upstream.healthchecks
    assert checks.active.is_on
    assert checks.active.healthy == spec.HealthyRule(5, frozenset({200, 302}), 1)
    assert checks.active.headers == (("X-A", ("b",)),)
    assert checks.passive.is_on
    assert checks.passive.unhealthy == spec.UnhealthyRule(0, frozenset({429, 500, 503}), 0, 0, 3)
    assert checks.passive.healthy.interval == 0


def test_checks_are_off_by_default():
    checks = an_upstream().healthchecks
    assert not checks.active.is_on
    assert not checks.passive.is_on


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("a.test", "a.test", 8000),
        ("10.0.0.1:81", "10.0.0.1", 81),
        ("[::1]:81", "0000:0000:0000:0000:0000:0000:0000:0001", 81),
    ],
)
def test_a_target_knows_its_host_and_port(target, host, port):
    built = a_target(target=target, weight=0, enabled=False, scheme="https", path="/v2")
    assert (built.host, built.port) == (host, port)
    assert (built.weight, built.enabled, built.scheme, built.path) == (0, False, "https", "/v2")


ACTIVE_FAILS = {"active": {"healthy": {"interval": 1}, "unhealthy": {"timeouts": 1}}}


@pytest.mark.parametrize(
    ("healthchecks", "can_judge"),
    [
        ({}, False),
        ({"active": {"healthy": {"interval": 1}}}, False),
        (ACTIVE_FAILS, True),
        ({"active": {"unhealthy": {"interval": 1, "timeouts": 1}}}, False),
        ({"active": {"healthy": {"interval": 1}, "unhealthy": {"http_failures": 1, "http_statuses": []}}}, False),
        ({"active": {"type": "tcp", "healthy": {"interval": 1}, "unhealthy": {"http_failures": 1}}}, False),
        (
            {
                "active": {
                    "type": "grpc",
                    "healthy": {"interval": 1},
                    "unhealthy": {"http_failures": 1, "http_statuses": []},
                }
            },
            True,
        ),
        ({"passive": {"unhealthy": {"http_failures": 1, "http_statuses": []}}}, False),
        ({"passive": {"healthy": {"successes": 1}}}, False),
        ({"passive": {"unhealthy": {"tcp_failures": 1}}}, True),
        ({"passive": {"unhealthy": {"timeouts": 1}}}, True),
        ({"passive": {"unhealthy": {"http_failures": 1}}}, True),
        (ACTIVE_FAILS | {"passive": {"unhealthy": {"http_failures": 1}}}, True),
    ],
)
def test_checks_can_judge_when_some_failure_has_a_limit(healthchecks, can_judge):
    assert an_upstream(healthchecks=healthchecks).healthchecks.can_judge is can_judge


@pytest.mark.parametrize("kind", spec.BUILT_KINDS)
def test_a_spec_cannot_be_changed_and_can_be_a_key(kind):
    built = spec.to_spec(kind, values(kind))
    with pytest.raises(dataclasses.FrozenInstanceError):
        built.id = "other"
    assert {built: 1}[built] == 1


@pytest.mark.parametrize("kind", spec.BUILT_KINDS)
def test_fields_of_a_newer_control_plane_are_ignored(kind):
    known = values(kind)
    assert spec.to_spec(kind, known | {"of_tomorrow": [1]}) == spec.to_spec(kind, known)


@pytest.mark.parametrize("kind", spec.BUILT_KINDS)
@pytest.mark.parametrize("broken", [{}, {"id": "x"}])
def test_unchecked_values_raise_what_the_engine_isolates(kind, broken):
    with pytest.raises((KeyError, TypeError, ValueError)):
        spec.to_spec(kind, broken)


def test_a_target_that_was_not_normalised_is_refused():
    with pytest.raises(ValueError, match=r"not a normalised target: 'a\.test'"):
        spec.to_spec("targets", values("targets") | {"target": "a.test"})
