"""A worker's own part in a configuration, timed inside it: ``python -m benchmarks.large_worker DIRECTORY``.

A worker without sockets is fed the frames that a supervisor sends: ``snapshot`` first, then each line of ``edits`` as a
frame. While it reads one it serves nobody, so the time from frame to "applied" is how long its clients wait. It waits
for nothing meanwhile: its CPU time is the time it takes, but for what other processes take from its core. Prints JSON:
seconds of the load, and by kind of edit the milliseconds of each.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

from proxy_engine.settings import EngineSettings
from proxy_engine.sources import ChangeRow, Snapshot
from proxy_engine.workers import link
from proxy_engine.workers.worker import Worker, new_event_loop


class Supervisor:
    """In place of the link's transport: takes what the worker says of itself."""

    def __init__(self) -> None:
        self.said = b""

    def is_closing(self) -> bool:
        return False

    def write(self, frame: bytes) -> None:
        self.said = frame


def main() -> None:
    directory = Path(sys.argv[1])
    entities = json.loads((directory / "snapshot.json").read_text())
    edits = [json.loads(line) for line in (directory / "edits.json").read_text().splitlines()]
    worker = Worker(EngineSettings.from_env(os.environ), [], new_event_loop(), 0.0)
    worker.link.connection_made(Supervisor())
    frame = link.snapshot_frame(Snapshot(1, entities))
    load_s = _held_s(worker, frame, 1)
    held_ms = defaultdict(list)
    for number, (name, kind, id, after) in enumerate(edits):
        version = number + 2
        frame = link.changes_frame(version, [ChangeRow(version, kind, id, after)])
        held_ms[name].append(_held_s(worker, frame, version) * 1000)
    print(json.dumps({"load_s": load_s, "held_ms": held_ms}))


def _held_s(worker: Worker, frame: bytes, version: int) -> float:
    begin = time.thread_time()
    worker.link.data_received(frame)
    took = time.thread_time() - begin
    problems = worker.engine.entity_problems()
    if worker.engine.runtime.version != version or problems or not worker.link.transport.said:
        raise RuntimeError(f"not applied: {problems}")
    return took


if __name__ == "__main__":
    main()
