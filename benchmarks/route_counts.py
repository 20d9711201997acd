"""What more routes cost: three engines that differ in nothing else, in alternating rounds, against the one with 10.

Each request has a path of its own, so each is matched; nothing that was remembered of the last one helps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import configurations, servers, wrk
from benchmarks.bench import Bench
from benchmarks.configurations import MEASURED
from benchmarks.cpu_per_request import WARM_UP_S, per_request
from benchmarks.report import Asked, Row
from benchmarks.rounds import alternate, median, paired

FEWEST, COUNTS = 10, (1_000, 10_000)
LOAD = wrk.Load(f"{MEASURED}/small", wrk.DIFFERENT_EACH_TIME)
NAME = "{:,} routes against {}"


def run(bench: Bench) -> Iterator[Row]:
    if not any(bench.wants(NAME.format(count, FEWEST)) for count in COUNTS):
        return
    with contextlib.ExitStack() as stack:
        candidates = {}
        for count in (FEWEST, *COUNTS):
            entities = configurations.engine(bench.origins, count)
            engine = servers.engine(bench.directory, entities, f"{count} routes")
            candidates[f"{count} routes"] = stack.enter_context(engine)
        for server in candidates.values():
            wrk.run(LOAD, server.port, WARM_UP_S, bench.directory)
        rounds = alternate("routes", tuple(candidates), per_request(bench, LOAD, candidates), bench.rounds)
    bench.note(rounds)
    for count in COUNTS:
        ratio = paired(rounds, "cpu_us", f"{count} routes", f"{FEWEST} routes")
        value = {"gatehouse": median(rounds, f"{count} routes", "cpu_us")}
        yield Row(NAME.format(count, FEWEST), "CPU µs/request", value, ratio, Asked(at_most=1.05))
