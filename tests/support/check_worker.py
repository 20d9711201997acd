"""A worker process of health checks without Celery: it picks as often as it can and makes what it picked.

``python -m tests.support.check_worker`` reads commands from its standard input, one a line, and answers each with one:
``pick`` with what it claimed, as JSON; the end of its input ends it.
"""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    django.setup()
    from gateway_admin.monitoring.checks.process import WorkerProcess

    worker = WorkerProcess()
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        batches = worker.pick()
        for batch in batches:
            worker.make(batch)
        print(json.dumps([due for batch in batches for due in batch]), flush=True)


if __name__ == "__main__":
    main()
