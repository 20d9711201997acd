"""``make bench``: nginx, haproxy and one engine worker side by side, as the table of ``benchmarks/README.md``."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    admin_api,
    admin_files,
    cpu_per_request,
    edit_to_effect,
    fixed_rate,
    flapping_targets,
    flip_to_effect,
    health_checks,
    idle_memory,
    large_configuration,
    report,
    route_counts,
    servers,
    websocket_messages,
)
from benchmarks.bench import Bench
from benchmarks.processes import OPEN_FILES, raise_file_limit
from benchmarks.report import Row

FAMILIES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "cpu": cpu_per_request.run,
    "websocket": websocket_messages.run,
    "routes": route_counts.run,
    "latency": fixed_rate.run,
    "memory": idle_memory.run,
    "large": large_configuration.run,
    "edits": edit_to_effect.run,
    "admin": admin_api.run,
    "admin-files": admin_files.run,
    "checks": health_checks.run,
    "flips": flip_to_effect.run,
    "flapping": flapping_targets.run,
}
PROGRAMS = {"nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk", "taskset": "util-linux"}  # Debian's packages
MOST_SAID = 2_000  # characters of a failure: the end of a log tells why


def main() -> int:
    options = _options()
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        print(f"make bench: missing programs; on Debian: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    if not raise_file_limit():
        print(f"make bench: needs {OPEN_FILES:,} open files; the hard limit is lower (ulimit -Hn)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both ways out stop what was started
    try:
        return _measure(options)
    except KeyboardInterrupt:
        print("\nmake bench: stopped", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=FAMILIES, action="append", help="this family of workloads; may be repeated")
    parser.add_argument("--workload", default="", metavar="WORDS", help="only workloads whose name has these words")
    parser.add_argument("--rounds", type=int, default=5, help="undisturbed rounds per workload")
    parser.add_argument("--seconds", type=int, default=1, help="of load per server and round")
    return parser.parse_args()


def _measure(options: argparse.Namespace) -> int:
    """A family that fails leaves its rows out; the others are measured all the same. Returns the exit code."""
    rows, failed = [], []
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-bench-")))
        directory.chmod(0o755)  # nginx serves its files as another user
        origins = stack.enter_context(servers.origin(directory))
        bench = Bench(directory, origins, options.rounds, options.seconds, options.workload)
        for name in options.only or FAMILIES:
            print(f"{name}:", file=sys.stderr, flush=True)
            try:
                rows.extend(FAMILIES[name](bench))  # up to the first that fails
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
                failed.append(name)
                print(f"  failed: …{str(error)[-MOST_SAID:]}", file=sys.stderr, flush=True)
    print(report.table(rows))
    print(
        f"\n{_machine()}. {options.rounds} rounds of {options.seconds} s per server. {report.noise(bench.all_rounds)}"
    )
    if failed:
        print(f"make bench: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _machine() -> str:
    """What the figures belong to."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = [_version("nginx", "-v"), _version("haproxy", "-v")]
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {', '.join([python, *versions])}"


def _version(*command: str) -> str:
    """The first number with dots in what a program says of itself."""
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
    return f"{command[0]} {found[0] if found else '?'}"


if __name__ == "__main__":
    sys.exit(main())
