"""From rows to a runtime: what is built anew, what is shared, and what one bad row may not do."""

from __future__ import annotations

import asyncio

import pytest

from proxy_engine.health.state import TargetState
from proxy_engine.runtime import MOST_CHECKED, Compiler
from proxy_engine.sources import ChangeRow
from proxy_engine.upstream.book import PoolBook
from proxy_engine.upstream.pool import Pool
from tests.proxy_engine.builders import values


class States:
    def __init__(self) -> None:
        self.by_id: dict[str, TargetState] = {}

    def __call__(self, target) -> TargetState:
        return self.by_id.setdefault(target.id, TargetState(target))


class Bench:
    """A compiler with what it needs, and rows from (kind, values) pairs."""

    def __init__(self) -> None:
        loop = asyncio.new_event_loop()
        loop.close()
        self.pools = PoolBook(lambda address, rules: Pool(address, rules, loop, None))
        self.compiler = Compiler(States(), self.pools)
        self.version = 0

    def apply(self, *entities: tuple[str, dict]):
        self.version += 1
        rows = [ChangeRow(self.version, kind, entity["id"], entity) for kind, entity in entities]
        return self.compiler.apply(self.version, rows)

    def delete(self, *entities: tuple[str, dict]):
        self.version += 1
        rows = [ChangeRow(self.version, kind, entity["id"], None) for kind, entity in entities]
        return self.compiler.apply(self.version, rows)

    @property
    def addresses(self) -> set[str]:
        return {str(pool.address) for pool in self.pools}


@pytest.fixture
def bench() -> Bench:
    return Bench()


UPSTREAM = values("upstreams", name="pool.test")
TARGET = values("targets", target="10.0.0.1:8001", upstream={"id": UPSTREAM["id"]})
OTHER_TARGET = values("targets", target="10.0.0.2:8002", upstream={"id": UPSTREAM["id"]})
SERVICE = values("services", host="pool.test")
ROUTE = values("routes", paths=["/a"], service={"id": SERVICE["id"]})
ALL = (("upstreams", UPSTREAM), ("targets", TARGET), ("services", SERVICE), ("routes", ROUTE))


def plan_of(runtime, service=SERVICE):
    return runtime.plans[service["id"]]


def hosts_of(runtime, service=SERVICE) -> set[bytes]:
    return {link.host_line for link in plan_of(runtime, service).links.values()}


def matches(runtime, path: bytes = b"/a") -> bool:
    return runtime.table.match(b"GET", b"h", path, dict, 80, "http", None) is not None


class TestWhatIsBuilt:
    def test_a_service_over_an_upstream_reaches_its_targets(self, bench):
        runtime = bench.apply(*ALL, ("targets", OTHER_TARGET))

        assert hosts_of(runtime) == {b"Host: 10.0.0.1:8001\r\n", b"Host: 10.0.0.2:8002\r\n"}
        assert bench.addresses == {"10.0.0.1:8001", "10.0.0.2:8002"}
        assert not plan_of(runtime).is_single

    def test_the_order_of_rows_does_not_matter(self, bench):
        runtime = bench.apply(*reversed(ALL))

        assert hosts_of(runtime) == {b"Host: 10.0.0.1:8001\r\n"}
        assert matches(runtime)

    def test_a_service_over_no_upstream_reaches_its_host(self, bench):
        runtime = bench.apply(("services", SERVICE | {"host": "origin.test", "port": 8080}))

        assert plan_of(runtime).is_single
        assert bench.addresses == {"origin.test:8080"}

    @pytest.mark.parametrize(
        ("service", "upstream", "target", "line"),
        [
            ({"port": 80}, {}, {"target": "a.test:80"}, b"a.test"),
            ({}, {}, {"target": "a.test:8000"}, b"a.test:8000"),
            ({"protocol": "https"}, {}, {"target": "a.test:443"}, b"a.test"),
            ({}, {}, {"target": "a.test:443"}, b"a.test:443"),
            ({}, {"host_header": "shop.test"}, {"target": "a.test:80"}, b"shop.test"),
            ({}, {"host_header": "shop.test"}, {"target": "a.test:8000"}, b"shop.test:8000"),
            ({}, {"host_header": "shop.test:9"}, {"target": "a.test:8000"}, b"shop.test:9"),
            ({}, {}, {"target": "[::1]:8000"}, b"[0000:0000:0000:0000:0000:0000:0000:0001]:8000"),
            ({}, {}, {"target": "a.test:443", "scheme": "https"}, b"a.test"),
        ],
    )
    def test_the_host_line(self, bench, service, upstream, target, line):
        parts = {"upstreams": UPSTREAM | upstream, "targets": TARGET | target, "services": SERVICE | service}

        assert hosts_of(bench.apply(*parts.items())) == {b"Host: " + line + b"\r\n"}

    def test_a_target_that_speaks_https_gets_the_name_of_its_certificate(self, bench):
        parts = (("upstreams", UPSTREAM), ("targets", TARGET | {"target": "a.test:443"}))
        bench.apply(*parts, ("services", SERVICE | {"protocol": "https", "tls_verify": True}))

        (pool,) = bench.pools
        assert (pool.address.server_name, pool.address.verify) == ("a.test", True)

    def test_a_targets_path_comes_before_the_requests(self, bench):
        runtime = bench.apply(*ALL, ("targets", TARGET | {"path": "/v2/"}))

        assert [link.prefix for link in plan_of(runtime).links.values()] == [b"/v2"]


class TestEdits:
    def test_what_is_not_touched_is_shared(self, bench):
        other = values("services", host="elsewhere.test")
        before = bench.apply(*ALL, ("services", other))

        after = bench.apply(("routes", ROUTE | {"paths": ["/b"]}))

        assert after.plans is before.plans
        assert after.balancers is before.balancers
        assert (matches(before, b"/b"), matches(after, b"/b")) == (False, True)

    def test_a_target_edit_makes_its_services_anew_and_no_others(self, bench):
        other = values("services", host="elsewhere.test")
        before = bench.apply(*ALL, ("services", other))

        after = bench.apply(("targets", TARGET | {"weight": 7}))

        assert plan_of(after) is not plan_of(before)
        assert plan_of(after, other) is plan_of(before, other)

    def test_a_runtime_does_not_change_under_those_who_use_it(self, bench):
        before = bench.apply(*ALL)
        plan, table = plan_of(before), before.table

        bench.apply(("targets", TARGET | {"target": "10.9.9.9:9"}))
        bench.delete(("routes", ROUTE), ("services", SERVICE))

        assert plan_of(before) is plan
        assert before.table is table
        assert matches(before)

    def test_the_state_of_an_edited_target_goes_on(self, bench):
        before = bench.apply(*ALL)
        (state,) = plan_of(before).links
        state.begin()

        after = bench.apply(("targets", TARGET | {"weight": 7}))

        assert list(plan_of(after).links) == [state]
        assert state.target.weight == 7
        assert state.active == 1

    def test_an_upstream_that_comes_later_takes_its_services_over(self, bench):
        before = bench.apply(("services", SERVICE))
        assert plan_of(before).is_single

        after = bench.apply(("upstreams", UPSTREAM), ("targets", TARGET))

        assert not plan_of(after).is_single
        assert hosts_of(after) == {b"Host: 10.0.0.1:8001\r\n"}

    def test_one_that_goes_gives_them_back(self, bench):
        bench.apply(*ALL)

        runtime = bench.delete(("targets", TARGET), ("upstreams", UPSTREAM))

        assert plan_of(runtime).is_single
        assert bench.addresses == {"pool.test:80"}

    def test_two_upstreams_may_swap_their_names(self, bench):
        other = values("upstreams", name="other.test")
        other_target = OTHER_TARGET | {"upstream": {"id": other["id"]}}
        bench.apply(*ALL, ("upstreams", other), ("targets", other_target))

        runtime = bench.apply(
            ("upstreams", UPSTREAM | {"name": "other.test"}), ("upstreams", other | {"name": "pool.test"})
        )

        assert hosts_of(runtime) == {b"Host: 10.0.0.2:8002\r\n"}

    def test_a_target_may_move_to_another_upstream(self, bench):
        other, service = values("upstreams", name="other.test"), values("services", host="other.test")
        bench.apply(*ALL, ("upstreams", other), ("services", service))

        runtime = bench.apply(("targets", TARGET | {"upstream": {"id": other["id"]}}))

        assert hosts_of(runtime) == set()
        assert hosts_of(runtime, service) == {b"Host: 10.0.0.1:8001\r\n"}

    def test_a_service_may_move_to_another_upstream(self, bench):
        other = values("upstreams", name="other.test")
        bench.apply(*ALL, ("upstreams", other), ("targets", OTHER_TARGET | {"upstream": {"id": other["id"]}}))

        runtime = bench.apply(("services", SERVICE | {"host": "other.test"}))
        assert hosts_of(runtime) == {b"Host: 10.0.0.2:8002\r\n"}

        runtime = bench.apply(("targets", TARGET | {"target": "10.0.0.7:7"}))
        assert hosts_of(runtime) == {b"Host: 10.0.0.2:8002\r\n"}

    def test_a_disabled_service_has_no_routes(self, bench):
        bench.apply(*ALL)
        assert not matches(bench.apply(("services", SERVICE | {"enabled": False})))
        assert matches(bench.apply(("services", SERVICE)))

    def test_one_batch_may_make_and_delete(self, bench):
        runtime = bench.compiler.apply(
            1,
            [
                *(ChangeRow(1, kind, entity["id"], entity) for kind, entity in ALL),
                ChangeRow(2, "routes", ROUTE["id"], None),
                ChangeRow(3, "targets", TARGET["id"], None),
            ],
        )

        assert not matches(runtime)
        assert not plan_of(runtime).links


class TestPools:
    def test_one_is_shared_by_all_services_that_lead_there(self, bench):
        runtime = bench.apply(*ALL, ("services", values("services", host="pool.test")))

        first, second = ({link.pool for link in plan.links.values()} for plan in runtime.plans.values())
        assert first == second

    def test_one_survives_edits_that_still_lead_there(self, bench):
        before = next(iter(plan_of(bench.apply(*ALL)).links.values())).pool

        after = next(iter(plan_of(bench.apply(("services", SERVICE | {"retries": 1}))).links.values())).pool

        assert after is before
        assert not before.is_retired

    @pytest.mark.parametrize("gone", [[("targets", TARGET)], [("services", SERVICE)], list(ALL)])
    def test_one_that_nobody_uses_is_retired(self, bench, gone):
        bench.apply(*ALL)
        (pool,) = bench.pools

        bench.delete(*gone)

        assert pool.is_retired
        assert "10.0.0.1:8001" not in bench.addresses

    @pytest.mark.parametrize(
        ("rules", "is_kept"),
        [({"read_timeout": 7}, True), ({"tcp_keepalive_count": 7}, True), ({"pool_size": 7}, False)],
    )
    def test_other_rules_for_connections_need_another(self, bench, rules, is_kept):
        before = next(iter(plan_of(bench.apply(*ALL)).links.values())).pool
        edited = UPSTREAM | {"connections": UPSTREAM["connections"] | rules}

        after = next(iter(plan_of(bench.apply(("upstreams", edited))).links.values())).pool

        assert (after is before) == is_kept
        assert before.is_retired != is_kept

    def test_services_over_upstreams_with_the_same_rules_share(self, bench):
        other = values("upstreams", name="other.test")
        runtime = bench.apply(
            *ALL,
            ("upstreams", other),
            ("targets", values("targets", target=TARGET["target"], upstream={"id": other["id"]})),
            ("services", values("services", host="other.test")),
        )

        assert len({link.pool for plan in runtime.plans.values() for link in plan.links.values()}) == 1

    def test_none_is_left_over_after_many_edits(self, bench):
        bench.apply(*ALL)
        for n in range(50):
            bench.apply(("targets", TARGET | {"target": f"10.0.1.{n}:80"}), ("services", SERVICE | {"retries": n % 7}))
            assert bench.addresses == {f"10.0.1.{n}:80"}

        bench.delete(*ALL)
        assert bench.addresses == set()


ODD_UPSTREAM = UPSTREAM | {"algorithm": "consistent-hashing", "hash_on": "zodiac"}


def unchecked(kind: str, entity: dict) -> list[tuple[str, dict]]:
    """In a batch too large to be checked row by row."""
    return [(kind, entity), *(("services", values("services")) for _ in range(MOST_CHECKED))]


class TestBadRows:
    """Refused at the door; one that still comes is left out, said, and the rest runs."""

    BAD = (
        ("upstreams", UPSTREAM | {"algorithm": "crystal-ball"}),
        ("upstreams", UPSTREAM | {"algorithm": "consistent-hashing", "hash_on": "zodiac"}),
        ("upstreams", UPSTREAM | {"healthchecks": 5}),
        ("targets", TARGET | {"target": "no port"}),
        ("targets", TARGET | {"weight": "heavy"}),
        ("targets", {"id": TARGET["id"]}),
        ("services", SERVICE | {"host": None}),
        ("services", SERVICE | {"read_timeout": "soon"}),
        ("services", SERVICE | {"path": 5}),
        ("routes", ROUTE | {"headers": 5}),
        ("routes", ROUTE | {"paths": ["~/(unclosed"]}),
    )
    RUNNING = values("services", host="elsewhere.test")
    RUNNING_ROUTE = values("routes", paths=["/running"], service={"id": RUNNING["id"]})

    @pytest.mark.parametrize(("kind", "bad"), BAD)
    def test_the_rest_runs(self, bench, kind, bad):
        bench.apply(("services", self.RUNNING), ("routes", self.RUNNING_ROUTE))

        runtime = bench.apply(*ALL, (kind, bad))

        assert self.RUNNING["id"] in runtime.plans
        assert matches(runtime, b"/running")
        assert bench.compiler.problems or runtime.table.problems
        for plan in runtime.plans.values():
            plan.balancer.pick(b"key", ())

    @pytest.mark.parametrize("others", [1, 60])  # a small batch is checked, a large one only isolated
    @pytest.mark.parametrize("broken", [{"host": None}, {"host": 5}, {"read_timeout": None, "host": ""}, {"tags": 3}])
    def test_it_is_left_out_and_named_in_batches_of_any_size(self, bench, broken, others):
        rest = [values("services") for _ in range(others)]

        runtime = bench.apply(("services", SERVICE | broken), *(("services", service) for service in rest))

        assert set(runtime.plans) == {service["id"] for service in rest}
        (problem,) = bench.compiler.problems.values()
        assert SERVICE["id"] in problem

    @pytest.mark.parametrize(("kind", "bad"), BAD)
    def test_once_it_is_right_it_is_taken_and_the_problem_is_gone(self, bench, kind, bad):
        bench.apply(*ALL)
        bench.apply((kind, bad))

        runtime = bench.apply((kind, dict(ALL)[kind]))

        assert hosts_of(runtime) == {b"Host: 10.0.0.1:8001\r\n"}
        assert matches(runtime)
        assert not bench.compiler.problems
        assert not runtime.table.problems

    @pytest.mark.parametrize(("kind", "bad"), BAD)
    def test_once_it_is_deleted_the_problem_is_gone_too(self, bench, kind, bad):
        bench.apply(*ALL)
        bench.apply((kind, bad))

        runtime = bench.delete(*ALL)

        assert not bench.compiler.problems
        assert not runtime.table.problems
        assert bench.addresses == set()

    def test_a_service_that_fails_on_its_way_leaves_no_pool_behind(self, bench):
        """Its first targets have their pools when the last one turns out to be unusable."""
        bench.apply(*ALL, ("targets", OTHER_TARGET))

        runtime = bench.apply(*unchecked("upstreams", ODD_UPSTREAM))

        assert SERVICE["id"] not in runtime.plans
        assert not bench.addresses & {"10.0.0.1:8001", "10.0.0.2:8002"}

    def test_a_service_is_right_again_with_its_upstream(self, bench):
        bench.apply(*ALL)
        bench.apply(*unchecked("upstreams", ODD_UPSTREAM))
        assert bench.compiler.problems

        bench.apply(("upstreams", UPSTREAM))

        assert not bench.compiler.problems

    def test_nothing_is_kept_of_names_that_went(self, bench):
        for number in range(5):
            host, pool = values("services", host=f"h{number}.test"), values("upstreams", name=f"u{number}.test")
            target = values("targets", target="10.0.0.1:1", upstream={"id": pool["id"]})
            all_of_it = (("services", host), ("upstreams", pool), ("targets", target))
            bench.apply(*all_of_it)
            bench.delete(*all_of_it)
        compiler = bench.compiler
        assert not compiler._services_at
        assert not compiler._targets_of
        assert not compiler._upstream_named

    def test_a_kind_of_a_newer_control_plane_is_ignored(self, bench):
        assert matches(bench.apply(*ALL, ("wizards", {"id": "x", "name": "Merlin"})))

    @pytest.mark.parametrize(("kind", "entity"), ALL)
    def test_so_is_a_field_of_one(self, bench, kind, entity):
        bench.apply(*ALL)

        runtime = bench.apply((kind, entity | {"invented_later": 1}))

        assert hosts_of(runtime) == {b"Host: 10.0.0.1:8001\r\n"}
        assert matches(runtime)
        assert not bench.compiler.problems

    def test_a_field_that_an_older_one_does_not_know_has_its_default(self, bench):
        older = {name: value for name, value in SERVICE.items() if name != "retries"}

        runtime = bench.apply(*ALL, ("services", older))

        assert plan_of(runtime).tries == 6
        assert not bench.compiler.problems
