"""Explanations: what they tell, and that they tell what the data path does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_engine.balancing import ALGORITHMS, Balancer
from proxy_engine.errors import FailureKind
from proxy_engine.explain import Explanation, Replica, explain
from proxy_engine.health import TargetState
from proxy_engine.http.limits import MessageLimits
from proxy_engine.http.request import parse_head
from proxy_engine.proxy.forward import Peer
from proxy_engine.proxy.prepare import Refusal, prepare
from proxy_engine.sources import HealthFact, Snapshot
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.targets import a_response, answering

Entity = tuple[str, dict[str, Any]]


def to(entity: dict[str, Any]) -> dict[str, str]:
    return {"id": entity["id"]}


def a_snapshot(*entities: Entity, unhealthy: tuple[str, ...] = ()) -> Snapshot:
    tables: dict[str, list[dict]] = {"services": [], "routes": [], "upstreams": [], "targets": []}
    for kind, entity in entities:
        tables[kind].append(entity)
    return Snapshot(7, tables, [HealthFact(id, False, "3 of 3 checks failed", 0.0) for id in unhealthy])


def a_peer(scheme: str = "http", port: int = 8000) -> Peer:
    return Peer("192.0.2.7", scheme=scheme, port=port, is_trusted=False)


def a_head(target: str = "/", *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: a.test", *fields)).encode()


def asked(snapshot: Snapshot, raw_head: bytes | None = None, **peer: Any) -> Explanation:
    return explain(Replica(snapshot).runtime, a_peer(**peer), raw_head or a_head())


class Pool:
    """An upstream with targets behind a service and a route for every path."""

    def __init__(self, *targets: dict[str, Any], service: dict | None = None, route: dict | None = None, **upstream):
        self.upstream = values("upstreams", name="pool.test", **upstream)
        self.targets = [
            values("targets", **{"target": f"10.0.0.{n}:80", "upstream": to(self.upstream)} | given)
            for n, given in enumerate(targets, 1)
        ]
        self.service = values("services", **{"host": "pool.test"} | (service or {}))
        self.route = values("routes", **{"paths": ["/"], "service": to(self.service)} | (route or {}))

    @property
    def entities(self) -> list[Entity]:
        targets = [("targets", target) for target in self.targets]
        return [("upstreams", self.upstream), *targets, ("services", self.service), ("routes", self.route)]


class TestARequestThatIsForwarded:
    def test_it_tells_the_service_the_upstream_and_the_rewritten_path(self):
        pool = Pool({}, service={"name": "orders", "path": "/up"}, route={"paths": ["/api"], "name": "api"})

        told = asked(a_snapshot(*pool.entities), a_head("/api/%7ex?q=1"))

        assert (told.version, told.answer, told.routing.match.route.name) == (7, None, "api")
        assert told.forwarding.service.name == "orders"
        assert (told.forwarding.upstream.name, told.forwarding.upstream.algorithm) == ("pool.test", "round-robin")
        assert told.forwarding.path == b"/up/~x?q=1"

    def test_it_tells_each_targets_share_path_and_host(self):
        pool = Pool({"weight": 3}, {"weight": 1, "path": "/base/", "scheme": "https"})

        one, other = asked(a_snapshot(*pool.entities), a_head("/x?q")).forwarding.targets

        assert (one.address, one.percent, one.obstacles) == ("10.0.0.1:80", 75.0, ())
        assert (one.path, one.host) == (b"/x?q", b"10.0.0.1")
        assert (other.address, other.percent, other.obstacles) == ("https://10.0.0.2:80", 25.0, ())
        assert (other.path, other.host) == (b"/base/x?q", b"10.0.0.2:80")

    def test_it_tells_why_the_others_are_not_eligible(self):
        pool = Pool({}, {"weight": 0}, {"enabled": False}, {}, {"weight": 0, "enabled": False})

        told = asked(a_snapshot(*pool.entities, unhealthy=(pool.targets[3]["id"],)))

        assert [(chance.percent, chance.obstacles) for chance in told.forwarding.targets] == [
            (100.0, ()),
            (0.0, ("weight 0",)),
            (0.0, ("disabled",)),
            (0.0, ("unhealthy",)),
            (0.0, ("disabled", "weight 0")),
        ]

    def test_it_tells_who_is_a_reserve(self):
        pool = Pool({}, {"priority": 1}, {"priority": 2, "enabled": False})

        told = asked(a_snapshot(*pool.entities))

        assert [(chance.percent, chance.obstacles, chance.remark) for chance in told.forwarding.targets] == [
            (100.0, (), ""),
            (0.0, (), "reserve: priority 1, while a target of priority 0 is ready"),
            (0.0, ("disabled",), ""),
        ]

    def test_it_tells_that_a_reserve_is_in_use(self):
        pool = Pool({}, {"priority": 1})

        told = asked(a_snapshot(*pool.entities, unhealthy=(pool.targets[0]["id"],)))

        assert [(chance.percent, chance.obstacles, chance.remark) for chance in told.forwarding.targets] == [
            (0.0, ("unhealthy",), ""),
            (100.0, (), "reserve in use: priority 1, as no target of a lower one is ready"),
        ]

    def test_it_tells_that_all_are_used_whatever_their_health(self):
        pool = Pool({}, {}, {"enabled": False}, when_all_unhealthy="use_all")

        told = asked(a_snapshot(*pool.entities, unhealthy=tuple(target["id"] for target in pool.targets)))

        used = (50.0, ("unhealthy",), "used all the same: too few targets are healthy")
        assert told.answer is None
        assert [(chance.percent, chance.obstacles, chance.remark) for chance in told.forwarding.targets] == [
            used,
            used,
            (0.0, ("disabled", "unhealthy"), ""),
        ]

    def test_it_tells_the_host_that_is_kept_or_set(self):
        kept = Pool({}, route={"preserve_host": True})
        named = Pool({}, host_header="inner.test")

        assert asked(a_snapshot(*kept.entities)).forwarding.targets[0].host == b"a.test"
        assert asked(a_snapshot(*named.entities)).forwarding.targets[0].host == b"inner.test"

    def test_it_tells_retries_and_what_they_follow(self):
        snapshot = a_snapshot(*Pool({}, service={"retries": 2}).entities)

        read, write = asked(snapshot).forwarding, asked(snapshot, a_head(method="POST")).forwarding

        assert (read.tries, write.tries) == (3, 3)
        assert FailureKind.RESET in read.repeated_after
        assert write.repeated_after == (FailureKind.CONNECT, FailureKind.CONNECT_TIMEOUT)

    def test_it_tells_the_answers_that_are_tried_again(self):
        snapshot = a_snapshot(*Pool({}, retry={"statuses": [503, 502]}).entities)

        assert asked(snapshot).forwarding.repeated_statuses == (502, 503)
        assert asked(snapshot, a_head(method="POST")).forwarding.repeated_statuses == ()

    def test_it_tells_the_times_that_apply(self):
        rules = {"connections": {"connect_timeout": 500, "read_timeout": 700}, "retry": {"total_timeout": 900}}
        told = asked(a_snapshot(*Pool({}, service={"write_timeout": 601}, **rules).entities)).forwarding

        assert (told.connect_ms, told.write_ms, told.read_ms, told.total_ms) == (500, 601, 700, 900)

    def test_a_service_may_name_a_host_instead_of_an_upstream(self):
        service = values("services", host="origin.test", port=81)
        route = values("routes", service=to(service))

        told = asked(a_snapshot(("services", service), ("routes", route)))

        (only,) = told.forwarding.targets
        assert (told.forwarding.upstream, only.address, only.percent) == (None, "origin.test:81", 100.0)
        assert only.host == b"origin.test:81"

    def test_a_hash_tells_the_one_target_of_this_request(self):
        pool = Pool({}, {}, {}, algorithm="consistent-hashing", hash_on="header", hash_on_header="x-user")
        replica = Replica(a_snapshot(*pool.entities))

        def hashed(user):
            return explain(replica.runtime, a_peer(), a_head("/", f"X-User: {user}")).forwarding.hashed_to

        assert {hashed(n).target for n in range(50)} == {target["target"] for target in pool.targets}
        assert all(hashed(n) is hashed(n) for n in range(10))

    def test_the_whole_url_may_be_hashed(self):
        pool = Pool({}, {}, {}, algorithm="consistent-hashing", hash_on="url")
        replica = Replica(a_snapshot(*pool.entities))

        def hashed(url):
            return explain(replica.runtime, a_peer(), a_head(url)).forwarding.hashed_to.target

        assert {hashed(f"/a?x={n}") for n in range(50)} == {target["target"] for target in pool.targets}
        assert len({hashed(f"/{escaped}a") for escaped in ("", "%2e/", "./", "b/../", "x/../", "y/../") * 2}) > 1

    def test_a_cookie_that_would_be_issued_decides_nothing_yet(self):
        pool = Pool({}, {}, algorithm="consistent-hashing", hash_on="cookie", hash_on_cookie="who")
        snapshot = a_snapshot(*pool.entities)

        assert asked(snapshot).forwarding.hashed_to is None
        assert asked(snapshot, a_head("/", "Cookie: who=me")).forwarding.hashed_to is not None


class TestARequestThatTheGatewayAnswersItself:
    @pytest.mark.parametrize(
        ("raw_head", "bounds", "status"),
        [
            (a_head("/" + "x" * 1000), MessageLimits(request_line_bytes=1000), 414),
            (a_head("/", "X-A: " + "y" * 300), MessageLimits(field_bytes=256), 431),
            (a_head("/", *["X-A: b"] * 10), MessageLimits(fields=10), 431),
            (a_head("/", *["X-A: b"] * 200), MessageLimits(head_bytes=1024, fields=1000), 431),
        ],
        ids=lambda value: value[:20] if isinstance(value, bytes) else None,
    )
    def test_it_knows_the_limits_that_are_set(self, raw_head, bounds, status):
        runtime = Replica(a_snapshot(*Pool({}).entities)).runtime

        assert explain(runtime, a_peer(), raw_head, bounds=bounds).answer.status == status
        assert explain(runtime, a_peer(), raw_head, bounds=MessageLimits(fields=300)).answer is None

    @pytest.mark.parametrize(
        ("raw_head", "status", "reason"),
        [
            (a_head("/a b"), 400, "malformed request line"),
            (a_head("/", "Host: b.test"), 400, "more than one Host header"),
            (a_head("/../etc"), 400, "the path climbs above /"),
            (a_head("/" + "x" * 9000), 414, "the request line is too long"),
            (a_head("/", *(f"X-{n}: {'y' * 8000}" for n in range(5))), 431, "the head is longer than 32768 bytes"),
            (a_head(method="CONNECT"), 404, "no route holds for this request"),
        ],
        ids=lambda value: value[:20] if isinstance(value, bytes) else None,
    )
    def test_it_tells_the_status_and_why(self, raw_head, status, reason):
        told = asked(a_snapshot(), raw_head)

        assert (told.answer.status, told.answer.reason, told.forwarding) == (status, reason, None)

    def test_no_route_comes_with_what_each_route_lacks(self):
        told = asked(a_snapshot(*Pool({}, route={"paths": ["/api"]}).entities))

        assert (told.answer.status, told.answer.message) == (404, "no Route matched with those values")
        assert told.routing.verdicts[0].reasons == ("path / does not begin with /api",)

    def test_a_route_for_https_only(self):
        snapshot = a_snapshot(*Pool({}, route={"name": "r", "protocols": ["https"]}).entities)

        told = asked(snapshot)

        assert (told.answer.status, told.answer.message) == (426, "Please use HTTPS protocol")
        assert told.answer.reason == "the route r takes https, the request came over http"
        assert asked(snapshot, scheme="https").answer is None

    def test_a_route_that_redirects_to_https(self):
        pool = Pool({}, route={"protocols": ["https"], "https_redirect_status_code": 301})

        told = asked(a_snapshot(*pool.entities), a_head("/x?q"))

        assert (told.answer.status, told.answer.location) == (301, b"https://a.test/x?q")

    def test_a_route_without_service(self):
        told = asked(a_snapshot(("routes", values("routes", name="r"))), scheme="https")

        assert (told.answer.status, told.answer.reason) == (503, "the route r has no service")

    @pytest.mark.parametrize(
        ("targets", "upstream", "reason"),
        [
            ([], {}, "the upstream pool.test has no targets"),
            ([{"enabled": False}], {}, "no target of the upstream pool.test is ready"),
            (
                [{"weight": 99}, {"weight": 1}],
                {"healthchecks": {"threshold": 2.5}},
                "not more than 2.5 % of the weight of the upstream pool.test is available",
            ),
        ],
    )
    def test_an_upstream_that_may_not_be_used(self, targets, upstream, reason):
        pool = Pool(*targets, **upstream)

        told = asked(a_snapshot(*pool.entities, unhealthy=tuple(target["id"] for target in pool.targets[:1])))

        assert (told.answer.status, told.answer.reason) == (503, reason)
        assert [chance.percent for chance in told.forwarding.targets] == [0.0] * len(targets)


def test_health_is_brought_up_to_date():
    pool = Pool({}, {})
    replica = Replica(a_snapshot(*pool.entities))

    def percents():
        return [chance.percent for chance in explain(replica.runtime, a_peer(), a_head()).forwarding.targets]

    assert percents() == [50.0, 50.0]
    replica.set_health([HealthFact(pool.targets[0]["id"], False, "", 1.0)])
    assert percents() == [0.0, 100.0]
    replica.set_health([HealthFact(pool.targets[0]["id"], True, "", 2.0)])
    assert percents() == [50.0, 50.0]


class TestAgreementWithTheDataPath:
    async def test_with_a_real_gateway(self, gateway, target):
        origin = await target(answering(a_response(b"hello")))
        entities = _every_way(origin.address)
        gateway.load(*entities)
        runtime = Replica(a_snapshot(*entities)).runtime
        peer = Peer("127.0.0.1", scheme="http", port=gateway.port, is_trusted=False)

        seen = set()
        for raw_head in _HEADS:
            client = await gateway.connect()
            response = await client.ask(raw_head + b"\r\n\r\n", raw_head.partition(b" ")[0].decode())
            client.close()
            told = explain(runtime, peer, raw_head)
            seen.add(_agreed(told, response, origin))

        assert seen == {200, 301, 400, 404, 414, 426, 503}

    ROUTES = st.lists(
        st.fixed_dictionaries(
            {
                "paths": st.lists(st.sampled_from(["/", "/a", "/a/b", "~/a.*", "/b"]), min_size=1, max_size=2),
                "hosts": st.sampled_from([None, ["a.test"], ["*.test"], ["b.test"]]),
                "methods": st.sampled_from([None, ["GET"], ["POST"]]),
                "protocols": st.sampled_from([["http"], ["https"], ["http", "https"]]),
                "strip_path": st.booleans(),
                "has_service": st.booleans(),
            }
        ),
        max_size=6,
    )

    @given(ROUTES, st.sampled_from(["/", "/a", "/a/b/c", "/b?q", "/../b"]), st.sampled_from(["http", "https"]))
    @settings(max_examples=100, deadline=None)
    def test_the_winner_is_the_match_and_the_outcome_that_of_prepare(self, routes, target, scheme):
        pool = Pool({})
        made = [
            values("routes", **given | {"service": to(pool.service) if has_service else None})
            for route in routes
            for has_service, given in [(route["has_service"], {k: v for k, v in route.items() if k != "has_service"})]
        ]
        runtime = Replica(a_snapshot(*pool.entities[:-1], *(("routes", route) for route in made))).runtime
        raw_head, peer = a_head(target), a_peer(scheme)
        line, _, block = raw_head.partition(b"\r\n")

        told, outcome = explain(runtime, peer, raw_head), prepare(runtime, peer, parse_head(line, block, None))

        if isinstance(outcome, Refusal):
            assert (told.answer.status, told.answer.location) == (outcome.status, outcome.location)
            assert told.forwarding is None
        else:
            assert (told.answer, told.routing.match.route) == (None, outcome.match.route)
            assert told.forwarding.path == outcome.path
        if told.routing.match is not None:
            path = told.routing.path
            match = runtime.table.match(b"GET", b"a.test", path, dict, 8000, scheme, None)
            assert told.routing.match is match or told.routing.match.rank == match.rank

    @given(
        st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), max_size=6),
        st.sampled_from(sorted(ALGORITHMS)),
        st.sampled_from([0, 20, 60]),
    )
    @settings(max_examples=100, deadline=None)
    def test_chances_are_the_balancers_shares(self, targets, algorithm, threshold):
        given_targets = [{"weight": weight, "enabled": enabled} for weight, enabled, _ in targets]
        pool = Pool(*given_targets, algorithm=algorithm, slots=100, healthchecks={"threshold": threshold})
        healthy = {made["id"]: is_healthy for made, (_, _, is_healthy) in zip(pool.targets, targets, strict=True)}
        ill = tuple(id for id, is_healthy in healthy.items() if not is_healthy)

        told = asked(a_snapshot(*pool.entities, unhealthy=ill)).forwarding

        specs = [chance.target for chance in told.targets]
        balancer = Balancer(told.upstream, specs, lambda spec: TargetState(spec, healthy=healthy[spec.id]))
        assert {chance.target.id: chance.percent for chance in told.targets} == {
            id: 100 * share for id, share in balancer.shares().items()
        }
        assert all(chance.percent == 0 for chance in told.targets if chance.obstacles)


def _every_way(address: str) -> list[Entity]:
    """A configuration with every outcome; whatever is forwarded goes to ``address``."""
    host, _, port = address.rpartition(":")
    pool = Pool({"target": address, "path": "/base"}, {"weight": 0}, service={"path": "/up"}, route={"paths": ["/api"]})
    direct = values("services", host=host, port=int(port))
    empty = values("upstreams", name="empty.test")
    lost = values("services", host="empty.test")
    routes = [
        {"paths": ["~/v(?<n>[0-9])"], "service": to(direct), "preserve_host": True},
        {"paths": ["/posts"], "methods": ["POST"], "service": to(direct), "strip_path": False},
        {"hosts": ["*.wild.test"], "service": to(direct)},
        {"paths": ["/secure"], "service": to(direct), "protocols": ["https"]},
        {"paths": ["/moved"], "service": to(direct), "protocols": ["https"], "https_redirect_status_code": 301},
        {"paths": ["/none"]},
        {"paths": ["/empty"], "service": to(lost)},
    ]
    made = [("routes", values("routes", **route)) for route in routes]
    return [*pool.entities, ("services", direct), ("upstreams", empty), ("services", lost), *made]


_HEADS = [
    a_head("/api"),
    a_head("/api/a%20b/../c?x=1&y"),
    a_head("/apix"),
    a_head("/v7/x"),
    b"GET http://other.test/v1 HTTP/1.1\r\nHost: a.test",
    b"GET / HTTP/1.1\r\nHost: x.wild.test:81",
    a_head("/posts", "Content-Length: 0", method="POST"),
    a_head("/posts"),
    a_head("/secure"),
    a_head("/moved/x?q=1"),
    a_head("/none"),
    a_head("/empty"),
    a_head("/../api"),
    a_head("/api#x"),
    a_head("/api", "Host: b.test"),
    a_head("/" + "x" * 9000),
    b"GET / HTTP/1.1\r\nX-A: no host",
]


def _agreed(told: Explanation, response, origin) -> int:
    """The status, after everything an explanation tells was compared with what came."""
    if told.answer is None:
        (chance,) = (chance for chance in told.forwarding.targets if chance.percent)
        received = origin.requests[-1]
        assert received.line.split(b" ")[1] == chance.path
        assert received.field(b"host") == chance.host
        assert response.body == b"hello"
    else:
        assert response.status == told.answer.status
        assert (response.field(b"location") or b"") == told.answer.location
        if not told.answer.location:
            assert json.loads(response.body)["message"] == told.answer.message
    return response.status
