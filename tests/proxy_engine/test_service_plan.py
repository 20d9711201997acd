"""What a service's plan takes from the service, and what from its upstream."""

from __future__ import annotations

import pytest

from proxy_engine.balancing.retry_budget import RetryBudget
from proxy_engine.runtime import Compiler
from proxy_engine.sources import ChangeRow
from proxy_engine.upstream.book import PoolBook
from tests.proxy_engine.builders import values
from tests.proxy_engine.test_runtime import Bench, States

UPSTREAM = values("upstreams", name="pool.test")
SERVICE = values("services", host="pool.test", connect_timeout=1000, write_timeout=2000, read_timeout=3000)
OTHER_SERVICE = values("services", host="pool.test")


@pytest.fixture
def bench() -> Bench:
    return Bench()


def plan_of(runtime, service=SERVICE):
    return runtime.plans[service["id"]]


def plan(bench, service=SERVICE, **upstream):
    record = {name: UPSTREAM[name] | rules for name, rules in upstream.items()}
    runtime = bench.apply(("upstreams", UPSTREAM | record), ("services", SERVICE), ("services", OTHER_SERVICE))
    return plan_of(runtime, service)


def times(plan):
    return plan.connect_s, plan.write_s, plan.read_s


class TestTimes:
    def test_they_are_the_services(self, bench):
        assert times(plan(bench)) == (1, 2, 3)

    @pytest.mark.parametrize(
        ("rules", "expected"),
        [
            ({"connect_timeout": 100}, (0.1, 2, 3)),
            ({"write_timeout": 200}, (1, 0.2, 3)),
            ({"read_timeout": 90_000}, (1, 2, 90)),
            ({"connect_timeout": 1, "write_timeout": 1, "read_timeout": 1}, (0.001, 0.001, 0.001)),
        ],
    )
    def test_unless_the_upstream_has_its_own(self, bench, rules, expected):
        assert times(plan(bench, connections=rules)) == expected

    def test_an_edit_of_the_upstream_reaches_all_its_services(self, bench):
        plan(bench)

        assert times(plan(bench, OTHER_SERVICE, connections={"read_timeout": 500})) == (60, 60, 0.5)


class TestRetryRules:
    def test_none_are_on_by_default(self, bench):
        usual = plan(bench)

        assert (usual.total_s, usual.repeated_statuses, usual.budget) == (0, frozenset(), None)
        assert usual.is_plain

    def test_a_service_without_an_upstream_has_none(self, bench):
        runtime = bench.apply(("services", SERVICE | {"host": "origin.test"}))

        assert plan_of(runtime).is_plain
        assert plan_of(runtime).budget is None

    def test_a_total_time_is_to_be_started(self, bench):
        timed = plan(bench, retry={"total_timeout": 1500})

        assert timed.total_s == 1.5
        assert not timed.is_plain


class TestBudget:
    def test_it_is_one_for_all_services(self, bench):
        first = plan(bench, retry={"budget": 20})

        assert isinstance(first.budget, RetryBudget)
        assert first.budget is plan(bench, OTHER_SERVICE, retry={"budget": 20}).budget

    def test_it_stays_under_new_rules(self, bench):
        before = plan(bench, retry={"budget": 20}).budget
        before.enter()

        after = plan(bench, retry={"budget": 50, "budget_min": 0}).budget

        assert after is before
        assert (after.rules.budget, after.rules.budget_min, after.under_way) == (50, 0, 1)

    def test_each_upstream_has_its_own(self, bench):
        other = values("upstreams", name="other.test", retry={"budget": 20})
        service = values("services", host="other.test")

        runtime = bench.apply(("upstreams", other), ("services", service))

        assert plan_of(runtime, service).budget is not plan(bench, retry={"budget": 20}).budget

    def test_it_goes_with_its_upstream(self, bench):
        plan(bench, retry={"budget": 20})

        bench.delete(("upstreams", UPSTREAM))

        assert not bench.compiler.budgets

    def test_it_outlives_a_compiler(self, bench):
        before = plan(bench, retry={"budget": 20}).budget
        later = Compiler(States(), PoolBook(lambda address, rules: None), budgets=bench.compiler.budgets)
        rows = [ChangeRow(1, "upstreams", UPSTREAM["id"], UPSTREAM | {"retry": UPSTREAM["retry"] | {"budget": 20}})]

        runtime = later.apply(1, [*rows, ChangeRow(1, "services", SERVICE["id"], SERVICE)])

        assert plan_of(runtime).budget is before
