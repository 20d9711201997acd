"""10,000 routes and 10,000 targets: how long a worker takes to load them, and how long one edit then holds it.

100 services with 100 routes each, on 100 upstreams of 100 targets. The worker is timed from inside, by
``large_worker``: what it spends on a frame of the supervisor is what its clients wait. Each edit of a kind concerns
another entity, and the longest counts. The same edits are made in several workers, one after the other, and of each the
shortest time is taken: caches that another process emptied are not the worker's doing.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator

from benchmarks import configurations
from benchmarks.bench import Bench
from benchmarks.configurations import checked
from benchmarks.processes import PROXY_CORE, output_of
from benchmarks.report import Asked, Row

SERVICES, EACH = 100, 100
EDITS = 20  # of each kind
WORKERS = 3
NAME = "10,000 routes and 10,000 targets"


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    entities = _entities()
    (bench.directory / "snapshot.json").write_text(json.dumps(entities))
    (bench.directory / "edits.json").write_text("\n".join(json.dumps(edit) for edit in _edits(entities)))
    command = [sys.executable, "-m", "benchmarks.large_worker", str(bench.directory)]
    runs = [json.loads(output_of(command, seconds=60, core=PROXY_CORE)) for _ in range(WORKERS)]
    load_s = statistics.median(one["load_s"] for one in runs)
    yield Row(f"{NAME}, to load", "s", {"gatehouse": load_s}, asked=Asked(at_most=1, unit="s"))
    for name in runs[0]["held_ms"]:
        held = [min(same) for same in zip(*(one["held_ms"][name] for one in runs), strict=True)]
        figure = f"ms held, longest of {EDITS} (median {statistics.median(held):.1f})"
        yield Row(f"{NAME}, edit: {name}", figure, {"gatehouse": max(held)}, asked=Asked(at_most=5, unit="ms"))


def _entities() -> dict[str, list[dict]]:
    """Ids are made of numbers; each kind has a range of its own."""
    upstreams = [checked("upstreams", n, {"name": f"team-{n}"}) for n in range(SERVICES)]
    services = [checked("services", 1_000 + n, {"host": f"team-{n}"}) for n in range(SERVICES)]
    paths = configurations.team_paths(SERVICES * EACH + 3)
    return {
        "upstreams": upstreams,
        "targets": [_target(n, upstreams[n % SERVICES]) for n in range(SERVICES * EACH)],
        "services": services,
        "routes": [_route(n, path, services[n % SERVICES]) for n, path in enumerate(paths)],
    }


def _target(number: int, upstream: dict) -> dict:
    address = f"10.{number >> 8}.{number & 255}.1:8080"
    return checked("targets", 10_000 + number, {"target": address, "upstream": {"id": upstream["id"]}})


def _route(number: int, path: str, service: dict) -> dict:
    return checked("routes", 100_000 + number, {"paths": [path], "service": {"id": service["id"]}})


def _edits(entities: dict[str, list[dict]]) -> Iterator[tuple[str, str, str, dict | None]]:
    """Name, kind, id and the row after it; None for one that goes."""
    for n in range(EDITS):
        target, service = entities["targets"][n * 37], entities["services"][n]
        upstream, route = entities["upstreams"][n + EDITS], entities["routes"][n * 41]
        added = _route(50_000 + n, f"/added/{n}", service)
        yield "a target's weight", "targets", target["id"], {**target, "weight": 50 + n}
        yield "a target that goes", "targets", target["id"], None
        yield "a route's path", "routes", route["id"], {**route, "paths": [f"/moved/{n}"]}
        yield "a new route", "routes", added["id"], added
        yield "a service's time limit", "services", service["id"], {**service, "read_timeout": 5_000 + n}
        yield "an upstream's algorithm", "upstreams", upstream["id"], {**upstream, "algorithm": "least-connections"}
