"""``/metrics`` of the engine: what it tells of itself, of traffic and of targets."""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from proxy_engine.telemetry.counters import Counters
from proxy_engine.telemetry.exposition import render
from proxy_engine.workers.metrics import STATES, Node, families
from proxy_engine.workers.totals import counted
from tests.proxy_engine.builders import values
from tests.proxy_engine.support.client import a_request
from tests.proxy_engine.support.metrics import Scrape
from tests.proxy_engine.support.node import START_S, is_listening
from tests.proxy_engine.support.waiting import until

CHECKED = {"active": {"healthy": {"interval": 5}}}
A_NODE = Node(
    started_at=1_800_000_000.5,
    is_ready=True,
    version=7,
    source_version=8,
    is_connected=True,
    workers=3,
    serving=2,
    restarts=1,
    problems=4,
    has_log=False,
    active=5,
    connections=6,
    idle=9,
    in_use=10,
    totals=Counter(),
)


def a_view(*, healthy=True, obstacles=(), active=0, connections=None):
    return {"healthy": healthy, "obstacles": list(obstacles), "active": active, "connections": connections}


class Pool:
    """One target of one upstream, in two workers' eyes."""

    def __init__(self, *views, target="10.0.0.1:80", name="pool.test", healthchecks=CHECKED):
        self.upstream = values("upstreams", name=name, healthchecks=healthchecks)
        self.target = values("targets", target=target, upstream={"id": self.upstream["id"]})
        self.seen = [{self.target["id"]: view} for view in views]

    def scrape(self) -> Scrape:
        of_pool = {self.upstream["id"]: self.upstream}, {self.target["id"]: self.target}
        return Scrape(render(families(A_NODE, *of_pool, self.seen)))

    def health(self) -> dict[str, str]:
        """Address → the state that it is in."""
        scrape, name = self.scrape(), "kong_upstream_target_health"
        found = scrape.series(name)
        assert {labels["state"] for labels in found} == set(STATES)
        return {labels["address"]: labels["state"] for labels in found if scrape(name, **labels)}


def scraped(**changes) -> Scrape:
    return Scrape(render(families(replace(A_NODE, **changes), {}, {}, [])))


def test_the_node_tells_of_itself():
    scrape = scraped()
    assert scrape("gatehouse_start_time_seconds") == 1_800_000_000.5
    assert (scrape("gatehouse_config_version"), scrape("gatehouse_source_version")) == (7, 8)
    assert (scrape("gatehouse_workers", state="serving"), scrape("gatehouse_workers", state="starting")) == (2, 1)
    assert (scrape("gatehouse_worker_restarts_total"), scrape("gatehouse_config_problems")) == (1, 4)
    assert (scrape("gatehouse_requests_active"), scrape("gatehouse_client_connections")) == (5, 6)
    assert scrape("gatehouse_upstream_connections", state="idle") == 9
    assert scrape("gatehouse_upstream_connections", state="in_use") == 10


def test_what_workers_count_is_told_by_status_cause_and_step():
    counters = Counters()
    counters.requests, counters.failed_attempts = 12, 2
    counters.answered(200, 0.0015)
    counters.answered(200, 61)
    counters.own_answers[404] += 1
    counters.retries["connect"] += 3
    facts = counters.facts() | {"log": {"lines": 5, "lost": 1}, "upstream": {"opened": 4, "reused": 8, "idle": 3}}
    facts["upstream"]["connectFailures"] = 2

    scrape = scraped(totals=counted(facts), has_log=True)

    assert scrape("gatehouse_requests_received_total") == 12
    assert scrape("kong_http_requests_total", code="200", source="service") == 2
    assert scrape("kong_http_requests_total", code="404", source="exit") == 1
    assert scrape("gatehouse_retries_total", cause="connect") == 3
    assert scrape("gatehouse_failed_attempts_total") == 2
    assert scrape("gatehouse_upstream_connections_opened_total") == 4
    assert scrape("gatehouse_upstream_connections_reused_total") == 8
    assert scrape("gatehouse_upstream_connect_failures_total") == 2
    assert scrape("gatehouse_access_log_lines_total") == 5
    assert scrape("gatehouse_access_log_lost_lines_total") == 1
    name = "gatehouse_http_request_duration_seconds"
    assert (scrape(f"{name}_bucket", le="0.001"), scrape(f"{name}_bucket", le="0.002")) == (0, 1)
    assert (scrape(f"{name}_bucket", le="60"), scrape(f"{name}_count")) == (1, 2)
    assert scrape(f"{name}_sum") == pytest.approx(61.0015)


def test_without_a_log_nothing_is_told_of_lines():
    assert not any("log" in name for name in scraped().names())


def test_processes_are_told_by_name_and_those_that_are_gone_are_not():
    scrape = scraped(processes={"supervisor": os.getpid(), "worker-1": 2**22 + 1})
    assert scrape.series("gatehouse_process_resident_memory_bytes") == [{"process": "supervisor"}]
    assert scrape("gatehouse_process_resident_memory_bytes", process="supervisor") > 1_000_000
    assert scrape("gatehouse_process_cpu_seconds_total", process="supervisor") > 0


LOST = "name does not resolve"


@pytest.mark.parametrize(
    ("views", "healthchecks", "state"),
    [
        ([a_view(), a_view()], CHECKED, "healthy"),
        ([a_view(healthy=False), a_view(healthy=False)], CHECKED, "unhealthy"),
        ([a_view(healthy=False)], {}, "healthchecks_off"),
        ([a_view(obstacles=["weight 0"])], CHECKED, "healthchecks_off"),
        ([a_view(obstacles=[LOST]), a_view(obstacles=[LOST])], CHECKED, "dns_error"),
        ([a_view(obstacles=[LOST]), a_view()], CHECKED, "healthy"),
        ([a_view()], {"passive": {"unhealthy": {"tcp_failures": 1}}}, "healthy"),
    ],
)
def test_health_is_told_in_kongs_words(views, healthchecks, state):
    assert Pool(*views, healthchecks=healthchecks).health() == {"10.0.0.1:80": state}


def test_a_name_is_told_by_its_addresses():
    views = [a_view(connections={"addresses": found}) for found in (["10.0.0.2", "10.0.0.3"], ["10.0.0.2", "fd00::1"])]
    pool = Pool(*views, target="app.test:8080")
    assert pool.health() == dict.fromkeys(("10.0.0.2:8080", "10.0.0.3:8080", "[fd00::1]:8080"), "healthy")


def test_a_name_without_addresses_is_told_all_the_same():
    for connections in (None, {"addresses": []}):
        view = a_view(obstacles=[LOST], connections=connections)
        assert Pool(view, target="app.test:8080").health() == {"": "dns_error"}


def test_an_address_is_told_as_it_is_also_where_connections_lead_to_it():
    pool = Pool(a_view(connections={"opened": 1}), target="[fd00::1]:80")
    assert pool.health() == {pool.target["target"]: "healthy"}


def test_what_workers_see_of_a_target_adds_up():
    views = a_view(active=2, obstacles=["ejected", "draining"]), a_view(active=3, obstacles=["draining"])
    scrape, labels = Pool(*views).scrape(), {"upstream": "pool.test", "target": "10.0.0.1:80"}
    assert scrape("gatehouse_target_in_flight", **labels) == 5
    assert scrape("gatehouse_target_ejected_workers", **labels) == 1
    assert scrape("gatehouse_target_draining", **labels) == 1


def test_only_targets_that_are_out_or_drain_are_told_to_be():
    scrape = Pool(a_view(), a_view()).scrape()
    assert scrape.series("gatehouse_target_in_flight") == [{"upstream": "pool.test", "target": "10.0.0.1:80"}]
    assert scrape.series("gatehouse_target_ejected_workers") == []
    assert scrape.series("gatehouse_target_draining") == []


def test_a_target_that_no_worker_tells_of_is_left_out():
    pool = Pool()
    assert pool.scrape().series("kong_upstream_target_health") == []


def test_an_upstream_that_workers_would_leave_out_breaks_nothing():
    pool = Pool(a_view())
    pool.upstream["healthchecks"] = "broken"
    assert pool.health() == {"10.0.0.1:80": "healthchecks_off"}


def test_every_name_is_documented():
    table = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
    types = scraped(has_log=True).types
    assert len(types) > 25
    for name, type in types.items():
        shown = f"{name}_total" if type == "counter" else name
        assert f"| `{shown}` | {type} |" in table, shown


class TestRealEngine:
    async def test_it_tells_of_requests_that_were_made(self, make_node, scene):
        node = await make_node(scene.source).start()
        for _ in range(3):
            await node.ask()

        async def counted_all() -> Scrape | None:
            scrape = await _metrics(node)
            return scrape if scrape("kong_http_requests_total", code="200", source="service") == 3 else None

        scrape = await until(counted_all)

        assert scrape("gatehouse_http_request_duration_seconds_count") == 3
        assert scrape("gatehouse_requests_received_total") == 3
        assert scrape("gatehouse_config_version") == scene.source.version
        assert scrape("gatehouse_workers", state="serving") == 2
        assert {labels["process"] for labels in scrape.series("gatehouse_process_cpu_seconds_total")} == {
            "supervisor",
            "worker-1",
            "worker-2",
        }
        target = {"upstream": "pool.test", "target": scene.target["target"]}
        assert scrape("gatehouse_target_in_flight", **target) == 0
        health = {**target, "address": target["target"], "state": "healthchecks_off", "subsystem": "http"}
        assert scrape("kong_upstream_target_health", **health) == 1

    async def test_a_worker_that_dies_takes_no_count_with_it(self, make_node, scene):
        node = await make_node(scene.source, workers=1).start()
        await node.ask()

        async def received(wanted: int) -> bool:
            scrape = await _metrics(node)
            return scrape("gatehouse_requests_received_total") == wanted and node.supervisor.is_ready

        await until(lambda: received(1))
        node.kill(0)
        await until(lambda: node.supervisor.workers[0].starts == 2 and node.supervisor.is_ready, within=30)
        await node.ask()
        await until(lambda: received(2))
        assert (await _metrics(node))("gatehouse_worker_restarts_total") == 1

    async def test_it_answers_before_there_is_a_configuration(self, make_node, scene):
        scene.source.is_away = True
        node = make_node(scene.source)
        node.begin()
        await until(lambda: is_listening(node.status_port), within=START_S)
        scrape = await _metrics(node)
        assert (scrape("gatehouse_ready"), scrape("gatehouse_config_version")) == (0, -1)
        assert scrape("gatehouse_source_connected") == 0

    async def test_a_worker_that_hangs_hides_nothing_of_the_others(self, make_node, scene, monkeypatch):
        monkeypatch.setattr("proxy_engine.workers.status.INSPECT_S", 0.5)
        node = await make_node(scene.source).start()
        os.kill(node.pids[0], signal.SIGSTOP)
        try:
            scrape = await _metrics(node)
        finally:
            os.kill(node.pids[0], signal.SIGCONT)
        target = {"upstream": "pool.test", "target": scene.target["target"]}
        assert scrape.series("gatehouse_target_in_flight") == [target]
        assert len(scrape.series("gatehouse_process_resident_memory_bytes")) == 3


async def _metrics(node) -> Scrape:
    client = await node.connect(node.status_port)
    response = await client.ask(a_request("/metrics", b"Connection: close"))
    assert response.status == 200
    assert response.field(b"content-type").startswith(b"text/plain; version=0.0.4")
    return Scrape(response.body)
