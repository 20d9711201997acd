"""What a match and a pick cost: ``python -m benchmarks.micro_routing`` (5 s, no network, no files).

Requests differ from each other, so that no cache of answers could help: 5,000 paths, each under one of the routes.
"+ load" is a pick with the beginning and the end of its attempt, 64 in flight. "first" is the first pick of a new
upstream, "change" the first one after a target came back, or the longest of some single edits of routes. Figures are
the best of several rounds; compare runs on one machine.
"""

from __future__ import annotations

import gc
import itertools
import random
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from timeit import repeat

from proxy_engine import spec
from proxy_engine.balancing import ALGORITHMS, Balancer
from proxy_engine.health import Counters, Outcome, TargetState, observe
from proxy_engine.routing import RouteTable, normalise_path, upstream_path

SERVICE_ID = str(uuid.UUID(int=1))
SERVICE = spec.to_spec("services", {"id": SERVICE_ID, **spec.check("services", {"host": "origin.test"}).values})
CHANGES = 20
Request = tuple[bytes, bytes]


def a_route(number: int, **given) -> spec.Route:
    values = {"service": {"id": SERVICE_ID}, **given}
    checked = spec.check("routes", values)
    return spec.to_spec("routes", {"id": str(uuid.UUID(int=number)), **checked.values})


def on_one_host(count: int) -> list[spec.Route]:
    return [
        a_route(number, hosts=["api.test"], paths=[f"/api/v{number % 3}/service-{number // 7}/res{number}"])
        for number in range(count)
    ]


def on_many_hosts(hosts: int, each: int) -> list[spec.Route]:
    pairs = itertools.product(range(hosts), range(each))
    return [
        a_route(number, hosts=[f"h{host}.api.test"], paths=[f"/p{path}"]) for number, (host, path) in enumerate(pairs)
    ]


def with_conditions(count: int) -> list[spec.Route]:
    return [
        a_route(
            number,
            hosts=["*.api.test"],
            paths=[f"/res{number}/"],
            methods=["GET", "PUT"],
            headers={"x-v": [str(number)]},
        )
        for number in range(count)
    ]


def with_regexes(count: int) -> list[spec.Route]:
    return [a_route(number, hosts=["api.test"], paths=[rf"~/res{number}/(?<id>\d+)"]) for number in range(count)]


def requests_to(routes: Sequence[spec.Route], tail: str = "/items/{}") -> list[Request]:
    chosen = random.choices(routes, k=5000)
    return [
        (_sample(route.hosts[0]), (_sample(route.paths[0]).decode() + tail.format(number)).encode())
        for number, route in enumerate(chosen)
    ]


def _sample(pattern: str) -> bytes:
    return pattern.replace("*", "x").removeprefix("~").replace(r"/(?<id>\d+)", "").encode()


def ns_each(run: Callable[[], object], count: int) -> float:
    run()
    return min(repeat(run, number=1, repeat=15)) / count * 1e9


def match_ns(table: RouteTable, requests: list[Request], headers: dict[bytes, list[bytes]]) -> float:
    match, read = table.match, lambda: headers

    def run() -> None:
        for host, path in requests:
            match(b"GET", host, path, read, 8000, "http", None)

    return ns_each(run, len(requests))


def show_matching() -> None:
    misses = [(b"api.test", b"/api/v1/nothing/%d" % number) for number in range(5000)]
    print(f"{'routes':<44}{'match ns':>10}{'build ms':>10}{'change ms':>11}")
    for count in (10, 1_000, 10_000):
        routes = on_one_host(count)
        show_table(f"{count:,} on one host", routes, requests_to(routes))
        show_table(f"{count:,} on one host, no match", routes, misses)
    routes = on_many_hosts(1_000, 10)
    show_table("1,000 hosts × 10", routes, requests_to(routes))
    routes = with_conditions(1_000)
    headers = {b"x-v": [b"7"], b"accept": [b"*/*"]}
    show_table("1,000 on *.host, methods and header", routes, requests_to(routes, "{}"), headers)
    routes = with_regexes(1_000)
    show_table("1,000 regexes with a capture on one host", routes, requests_to(routes, "/{}"))


def show_table(
    label: str, routes: list[spec.Route], requests: list[Request], headers: dict[bytes, list[bytes]] | None = None
) -> None:
    services = {SERVICE_ID: SERVICE}
    gc.collect()
    started = time.perf_counter()
    table = RouteTable.build(routes, services)
    build_ms = (time.perf_counter() - started) * 1e3
    assert table.problems == []
    cost = match_ns(table, requests, headers or {})
    print(f"{label:<44}{cost:>10.0f}{build_ms:>10.1f}{worst_change_ms(table, routes):>11.2f}")


def worst_change_ms(table: RouteTable, routes: list[spec.Route]) -> float:
    """The longest of some single edits: a route comes, another goes."""
    gc.collect()
    gc.freeze()
    worst = 0.0
    for number in range(CHANGES):
        added = a_route(1_000_000 + number, hosts=list(routes[0].hosts), paths=[f"/new{number}"])
        gone = routes[number * len(routes) // CHANGES].id
        for edit in ({"upserts": [added]}, {"removed_ids": [gone]}):
            started = time.perf_counter()
            table = table.with_changes(**edit)
            worst = max(worst, time.perf_counter() - started)
    gc.unfreeze()
    return worst * 1e3


def show_paths() -> None:
    table = RouteTable.build([a_route(1, paths=["/api"])], {SERVICE_ID: SERVICE})
    match = table.match(b"GET", b"", b"/api/x", dict, 80, "http", None)
    plain, escaped = b"/api/v1/users/42?page=2", b"/api/caf%c3%a9/./x%2fy"
    for label, run in (
        ("normalise a plain target", lambda: normalise_path(plain)),
        ("normalise an escaped target", lambda: normalise_path(escaped)),
        ("upstream path", lambda: upstream_path(match, b"/api/v1/users/42", b"/up")),
    ):
        print(f"{label:<44}{min(repeat(run, number=20_000, repeat=5)) / 20_000 * 1e9:>10.0f}")


def show_picking(count: int = 100) -> None:
    print(f"\n{f'algorithm, {count} targets':<44}{'pick ns':>10}{'+ load ns':>10}{'first ms':>11}{'change ms':>11}")
    weight_sets = {
        "": [100] * count,
        ", weights 1–10": [1 + number % 10 for number in range(count)],
        ", weights near 65535": [65_000 + 5 * number for number in range(count)],
    }
    for algorithm, (label, weights) in itertools.product(ALGORITHMS, weight_sets.items()):
        show_algorithm(algorithm + label, a_balancer(algorithm, weights))


def show_algorithm(label: str, balancer: Balancer) -> None:
    keys = [f"10.1.{number >> 8}.{number & 255}".encode() for number in range(2000)]
    first_ms = pick_ms(balancer)
    change_ms = statistics.median(flipped_pick_ms(balancer, state) for state in balancer.states[:20])
    alone = ns_each(lambda: picks(balancer, keys), len(keys))
    loaded = ns_each(lambda: attempts(balancer, keys), len(keys))
    print(f"{label:<44}{alone:>10.0f}{loaded:>10.0f}{first_ms:>11.2f}{change_ms:>11.2f}")


def pick_ms(balancer: Balancer) -> float:
    """CPU time, as the wall's has other processes in it."""
    started = time.process_time()
    balancer.pick(b"10.1.0.0")
    return (time.process_time() - started) * 1e3


def flipped_pick_ms(balancer: Balancer, state: TargetState) -> float:
    """The first pick after a target went down and came back."""
    state.healthy = False
    pick_ms(balancer)
    state.healthy = True
    return pick_ms(balancer)


def a_balancer(algorithm: str, weights: list[int]) -> Balancer:
    upstream = spec.check("upstreams", {"name": "pool.test", "algorithm": algorithm}).values | {"id": "u"}
    targets = [
        spec.to_spec(
            "targets",
            spec.check(
                "targets", {"target": f"10.0.0.{number}:80", "weight": weight, "upstream": {"id": SERVICE_ID}}
            ).values
            | {"id": str(number)},
        )
        for number, weight in enumerate(weights)
    ]
    states = {target.id: TargetState(target) for target in targets}
    for number, state in enumerate(states.values()):
        state.observe_latency(0.01 + number / 10_000, now=1000.0)
    return Balancer(spec.to_spec("upstreams", upstream), targets, lambda target: states[target.id])


def picks(balancer: Balancer, keys: list[bytes]) -> None:
    pick = balancer.pick
    for key in keys:
        pick(key)


def attempts(balancer: Balancer, keys: list[bytes]) -> None:
    """As an engine does: 64 attempts in flight."""
    pick, open_states = balancer.pick, []
    for key in keys:
        state = pick(key)
        state.begin()
        open_states.append(state)
        if len(open_states) > 64:
            open_states.pop(0).end()
    for state in open_states:
        state.end()


def show_health() -> None:
    rule = spec.to_spec(
        "upstreams",
        spec.check(
            "upstreams",
            {
                "name": "p.test",
                "healthchecks": {"passive": {"healthy": {"successes": 1}, "unhealthy": {"http_failures": 3}}},
            },
        ).values
        | {"id": "u"},
    ).healthchecks.passive
    counters = Counters()
    run = lambda: observe(counters, Outcome.answered(200), rule, 1.0)  # noqa: E731
    print(
        f"\n{'passive check of a healthy target':<44}{min(repeat(run, number=20_000, repeat=5)) / 20_000 * 1e9:>10.0f}"
    )


if __name__ == "__main__":
    random.seed(1)
    show_matching()
    show_paths()
    show_picking()
    show_health()
