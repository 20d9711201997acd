"""``make bench``: both measurements, printed as the tables of ``benchmarks/README.md``."""

from __future__ import annotations

import argparse
import shutil
import sys

from benchmarks import cpu_per_request, edit_to_effect


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds per workload")
    parser.add_argument("--seconds", type=int, default=1, help="of load per server and round")
    parser.add_argument("--only", choices=("cpu", "edits"), help="one of the two measurements")
    options = parser.parse_args()
    if options.only != "edits":
        missing = [name for name in ("nginx", "haproxy", "wrk", "taskset") if shutil.which(name) is None]
        if missing:
            print(f"needs {', '.join(missing)}; on Debian: apt-get install nginx-light haproxy wrk", file=sys.stderr)
            return 1
        print(f"CPU per request, {options.rounds} rounds of {options.seconds} s\n")
        print(cpu_per_request.table(cpu_per_request.run(options.rounds, options.seconds)), "\n", flush=True)
    if options.only != "cpu":
        print("Edit to effect\n")
        print(edit_to_effect.run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
