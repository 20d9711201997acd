"""What stands at ``/metrics`` on the status listener, made from what the workers report and see. Pure, but for /proc.

docs/metrics.md tells operators what each name means. Names and labels that Kong has are Kong's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy_engine.spec.build import healthchecks
from proxy_engine.spec.scalars import is_ip, split_host_port
from proxy_engine.telemetry.counters import LATENCY_BOUNDS_MS
from proxy_engine.telemetry.exposition import Metric, counter, gauge, histogram

from .totals import Totals, of_name

STATES = ("healthy", "unhealthy", "dns_error", "healthchecks_off")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Node:
    """One engine as its supervisor knows it. ``processes``: process ids by what each is."""

    started_at: float  # unix seconds
    is_ready: bool
    version: int
    source_version: int
    is_connected: bool
    workers: int
    serving: int
    restarts: int
    problems: int
    has_log: bool
    active: int
    connections: int
    idle: int
    in_use: int
    totals: Totals
    processes: Mapping[str, int] = field(default_factory=dict)


def families(node: Node, upstreams: Mapping[str, Values], targets: Mapping[str, Values], seen: list[Values]) -> list:
    """``upstreams`` and ``targets``: the configuration, by id. ``seen``: by target id, as each worker sees it."""
    return [
        *_of_node(node),
        *_of_traffic(node),
        *_of_connections(node),
        *_of_processes(node.processes),
        *_of_targets(upstreams, targets, seen),
    ]


def _of_node(node: Node) -> Iterator[Metric]:
    yield gauge("gatehouse_start_time_seconds", "When the engine was started, in unix seconds.", node.started_at)
    yield gauge("gatehouse_ready", "1 while every worker serves a configuration.", node.is_ready)
    yield gauge("gatehouse_config_version", "Lowest version that a serving worker runs; -1: none does.", node.version)
    yield gauge("gatehouse_source_version", "Newest version that the engine has read.", node.source_version)
    yield gauge("gatehouse_source_connected", "1 while the source of the configuration answers.", node.is_connected)
    yield gauge("gatehouse_config_problems", "Entities or plugins that the workers leave out.", node.problems)
    workers = {"serving": node.serving, "starting": node.workers - node.serving}
    yield gauge("gatehouse_workers", "Worker processes.", workers, "state")
    yield counter("gatehouse_worker_restarts_total", "Workers that were started again.", node.restarts)


def _of_traffic(node: Node) -> Iterator[Metric]:
    totals = node.totals
    answers = {(code, "service"): count for code, count in of_name(totals, "statuses").items()}
    answers |= {(code, "exit"): count for code, count in of_name(totals, "own_answers").items()}
    yield counter("gatehouse_requests_received_total", "Request heads that were understood.", totals["requests", ""])
    yield counter(
        "kong_http_requests_total",
        "Responses; source service: passed on whole from a target, exit: the gateway's own.",
        answers,
        "code",
        "source",
    )
    yield histogram(
        "gatehouse_http_request_duration_seconds",
        "From the request's head to the end of its response, of responses passed on whole.",
        [bound / 1000 for bound in LATENCY_BOUNDS_MS],
        [totals["latency", str(step)] for step in range(len(LATENCY_BOUNDS_MS) + 1)],
        totals["latency_s", ""],
    )
    yield counter("gatehouse_retries_total", "Further tries, by why.", of_name(totals, "retries"), "cause")
    for name, about in _PLAIN.items():
        yield counter(f"gatehouse_{name}_total", about, totals[name, ""])
    if node.has_log:
        lines = of_name(totals, "log")
        yield counter("gatehouse_access_log_lines_total", "Lines, lost ones included.", lines.get("lines", 0))
        yield counter("gatehouse_access_log_lost_lines_total", "Lines that could not be written.", lines.get("lost", 0))


_PLAIN = {
    "failed_attempts": "Tries that ended without a response.",
    "cut_responses": "Responses that broke off under way.",
    "budget_refusals": "Further tries that the retry budget did not allow.",
    "panics": "Times that an upstream began to use all targets, as too few were healthy.",
    "panic_picks": "First tries that got a target so.",
}


def _of_connections(node: Node) -> Iterator[Metric]:
    totals = node.totals
    yield gauge("gatehouse_requests_active", "Client connections with a request under way.", node.active)
    yield gauge("gatehouse_client_connections", "Open client connections.", node.connections)
    open_now = {"idle": node.idle, "in_use": node.in_use}
    yield gauge("gatehouse_upstream_connections", "Open connections to targets.", open_now, "state")
    for name, key, about in (
        ("connections_opened", "opened", "Connections to targets that were opened."),
        ("connections_reused", "reused", "Tries over a connection that was there."),
        ("connect_failures", "connectFailures", "Connections to targets that could not be opened."),
    ):
        yield counter(f"gatehouse_upstream_{name}_total", about, totals["upstream", key])


# --- Processes -------------------------------------------------------------------------------------------------------


def _of_processes(processes: Mapping[str, int]) -> Iterator[Metric]:
    usage = {name: found for name, pid in processes.items() if (found := _usage(pid))}
    cpu_s = {name: seconds for name, (seconds, _) in usage.items()}
    rss_bytes = {name: size for name, (_, size) in usage.items()}
    yield counter("gatehouse_process_cpu_seconds_total", "CPU time, user and system.", cpu_s, "process")
    yield gauge("gatehouse_process_resident_memory_bytes", "Resident memory.", rss_bytes, "process")


def _usage(pid: int) -> tuple[float, int] | None:
    """CPU seconds and resident bytes, as proc(5) tells them; None of a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            # The name, in parentheses, may hold spaces and parentheses; field 3 comes first behind it.
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, int(fields[21]) * _PAGE_BYTES


# --- Targets ---------------------------------------------------------------------------------------------------------


def _of_targets(upstreams: Mapping[str, Values], targets: Mapping[str, Values], seen: list[Values]) -> Iterator[Metric]:
    health: dict[tuple[str, ...], float] = {}
    in_flight: dict[tuple[str, ...], float] = {}
    ejected: dict[tuple[str, ...], float] = {}
    draining: dict[tuple[str, ...], float] = {}
    for (upstream, target), facts, has_checks in _members(upstreams, targets, seen):
        state = _state(facts, has_checks)
        for address in _addresses(target, facts):
            for name in STATES:
                health[upstream, target, address, name, "http"] = name == state
        in_flight[upstream, target] = sum(fact["active"] for fact in facts)
        # Most targets are neither; without them a scrape of 10,000 is a quarter shorter.
        if ejecting := sum("ejected" in fact["obstacles"] for fact in facts):
            ejected[upstream, target] = ejecting
        if any("draining" in fact["obstacles"] for fact in facts):
            draining[upstream, target] = 1
    labels = ("upstream", "target")
    yield gauge(
        "kong_upstream_target_health",
        "1 for the state that the target is in.",
        health,
        *labels,
        "address",
        "state",
        "subsystem",
    )
    yield gauge("gatehouse_target_in_flight", "Tries under way, tunnels included.", in_flight, *labels)
    yield gauge("gatehouse_target_ejected_workers", "Workers whose circuit breaker keeps it out.", ejected, *labels)
    yield gauge("gatehouse_target_draining", "1: it drains.", draining, *labels)


def _members(
    upstreams: Mapping[str, Values], targets: Mapping[str, Values], seen: list[Values]
) -> Iterator[tuple[tuple[str, str], list[Values], bool]]:
    """Names, what each worker sees, and whether any checks judge. Without the targets that no worker tells of, and
    without hosts of services, which have neither upstream nor health."""
    has_checks: dict[str, bool] = {}
    for id, values in targets.items():
        facts = [of_worker[id] for of_worker in seen if id in of_worker]
        upstream = upstreams.get(values["upstream"]["id"]) if facts else None
        if upstream is None:
            continue
        if upstream["id"] not in has_checks:
            has_checks[upstream["id"]] = _has_checks(upstream)
        yield (upstream["name"], values["target"]), facts, has_checks[upstream["id"]]


def _has_checks(upstream: Values) -> bool:
    try:
        checks = healthchecks(upstream["healthchecks"])
    except (KeyError, TypeError, ValueError):  # the workers leave such an upstream out, and go on with what they had
        return False
    return checks.active.is_on or checks.passive.is_on


def _state(facts: list[Values], has_checks: bool) -> str:
    """In Kong's words. Workers agree on health; a name is lost when none of them can resolve it."""
    if not has_checks or "weight 0" in facts[0]["obstacles"]:
        return "healthchecks_off"
    if all("name does not resolve" in fact["obstacles"] for fact in facts):
        return "dns_error"
    return "healthy" if all(fact["healthy"] for fact in facts) else "unhealthy"


def _addresses(target: str, facts: list[Values]) -> list[str]:
    """With their port, of a target with a name; one empty one while they are unknown."""
    connections = [fact["connections"] for fact in facts if fact["connections"]]
    found = {address for counts in connections for address in counts.get("addresses", ())}
    if found:
        port = target.rpartition(":")[2]
        return [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in sorted(found)]
    # Names have their addresses in there, even none; to read each target again would be most of the work for 10,000.
    is_address = not any("addresses" in counts for counts in connections) if connections else _is_address(target)
    return [target if is_address else ""]


def _is_address(target: str) -> bool:
    return is_ip(split_host_port(target)[0])
