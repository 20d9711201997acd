"""5,000 entities at once: our own import, and Kong's deck through the whole stack while traffic flows.

1,000 services, routes and upstreams and 2,000 targets come into an empty database (SQLite); the route that the traffic
takes is there before and stays. deck is looked for on PATH and where ``.ci/deck`` builds it; without one its rows are
left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.admin_api import seeded
from benchmarks.bench import Bench
from benchmarks.processes import output_of
from benchmarks.report import Asked, Row
from tests.support.echo_target import EchoTarget
from tests.support.load import Load
from tests.support.scene import Scene
from tests.support.stack import Stack

EACH = 1_000
DECK_S = 300.0
CONNECTIONS, PER_SECOND = 4, 50
NAME = "5,000 entities"


def run(bench: Bench) -> Iterator[Row]:
    if not bench.wants(NAME):
        return
    path = bench.directory / "many.json"
    path.write_text(json.dumps(_document()))
    yield _import(bench, path)
    deck = find_deck()
    if deck is None:
        print("  no deck on PATH or built by .ci/deck: its rows are left out", file=sys.stderr)
    else:
        yield from _deck(bench, deck)


def find_deck() -> str | None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = sorted(cache.glob("gatehouse/deck-*/deck"))
    return shutil.which("deck") or (str(built[-1]) if built else None)


def _document(scene: Scene | None = None, target: str = "") -> dict:
    """``scene``: what is there already, so that a sync leaves it alone."""
    services = [
        {"name": f"s{n}", "host": f"u{n}.local", "routes": [{"name": f"r{n}", "paths": [f"/p{n}"]}]}
        for n in range(EACH)
    ]
    upstreams = [
        {"name": f"u{n}.local", "targets": [{"target": f"10.{n // 250}.{n % 250}.{k}:80"} for k in (1, 2)]}
        for n in range(EACH)
    ]
    if scene is not None:
        name = scene.service["name"]
        services.append({"name": name, "host": name, "routes": [{"name": name, "paths": [scene.path]}]})
        upstreams.append({"name": name, "targets": [{"target": target}]})
    return {"_format_version": "3.0", "services": services, "upstreams": upstreams}


def _import(bench: Bench, path: Path) -> Row:
    env = seeded(bench.directory / "import", 0, 0)
    before = time.monotonic()
    output_of([sys.executable, "manage.py", "config", "import", "--yes", str(path)], seconds=60, env=env)
    took_s = time.monotonic() - before
    return Row(f"{NAME}, manage.py config import", "s", {"gatehouse": took_s}, asked=Asked(at_most=10, unit="s"))


def _deck(bench: Bench, deck: str) -> Iterator[Row]:
    stack = Stack(bench.directory / "deck-stack", workers=1)
    with EchoTarget("a") as target:
        try:
            stack.start()
            scene = Scene(stack, [target])
            path = bench.directory / "deck.json"
            path.write_text(json.dumps(_document(scene, target.address)))
            with Load(scene.url, connections=CONNECTIONS, per_second=PER_SECOND) as load:
                for words, command, bound in (("sync", "sync", 60), ("diff", "diff", 5), ("diff again", "diff", 5)):
                    took_s = _timed(deck, command, path, stack)
                    print(f"  deck {words}: {took_s:.1f} s", file=sys.stderr, flush=True)
                    row = Row(f"{NAME}, deck {words}", "s", {"gatehouse": took_s}, asked=Asked(at_most=bound, unit="s"))
                    yield row
        finally:
            stack.destroy()
    figure = f"answers other than 200, of {load.record.total:,}"
    yield Row(f"{NAME}, traffic meanwhile", figure, {"gatehouse": len(load.failures)}, asked=Asked(at_most=0))


def _timed(deck: str, command: str, path: Path, stack: Stack) -> float:
    address = ["--kong-addr", stack.admin, "--headers", f"Kong-Admin-Token:{stack.token}"]
    before = time.monotonic()
    done = subprocess.run(
        [deck, "gateway", command, str(path), *address, "--analytics=false"],
        capture_output=True,
        text=True,
        check=False,
        timeout=DECK_S,
    )
    if done.returncode:
        raise RuntimeError(f"deck {command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    if command == "diff" and "Created: 0" not in done.stdout:
        raise RuntimeError(f"deck still finds differences: {done.stdout[-500:]}")
    return time.monotonic() - before
