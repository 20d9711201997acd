"""The engine on a made-up configuration: ``python -m benchmarks.static_engine config.json``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from proxy_engine import spec
from proxy_engine.file_source import NoReporter
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import ChangeRow, HealthFact, Snapshot
from proxy_engine.workers.supervisor import serve


def checked(kind: str, number: int, values: dict) -> dict:
    result = spec.check(kind, values)
    if result.problems:
        raise ValueError(result.problems)
    return {**result.values, "id": str(uuid.UUID(int=number + 1))}


def configuration(origins: list[int], routes: int) -> dict[str, list[dict]]:
    """``routes`` routes, the last of them for all paths, on one service over one upstream with two targets."""
    upstream = checked("upstreams", 0, {"name": "origin"})
    service = checked("services", 1, {"host": "origin"})
    link = {"id": service["id"]}
    plain = {"service": link, "strip_path": False}
    return {
        "upstreams": [upstream],
        "targets": [
            checked("targets", 2 + n, {"target": f"127.0.0.1:{port}", "upstream": {"id": upstream["id"]}})
            for n, port in enumerate(origins)
        ],
        "services": [service],
        "routes": [
            checked("routes", 10 + n, {"paths": [f"/api/team-{n % 100}/resource-{n}"], **plain})
            for n in range(routes - 1)
        ]
        + [checked("routes", 9, {"paths": ["/"], **plain})],
    }


class StaticSource:
    def __init__(self, entities: dict[str, list[dict]]) -> None:
        self.entities = entities

    async def load(self) -> Snapshot:
        return Snapshot(1, self.entities)

    async def changes_since(self, version: int) -> list[ChangeRow]:
        return []

    async def health_since(self, seq: int) -> tuple[int, list[HealthFact]]:
        return seq, []

    async def notices(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "config"


def main() -> int:
    config = json.loads(Path(sys.argv[1]).read_text())
    source = StaticSource(configuration(config["origins"], config["routes"]))
    return asyncio.run(serve(EngineSettings.from_env(os.environ), source, NoReporter()))


if __name__ == "__main__":
    sys.exit(main())
