"""The engine on a made-up configuration, which never changes: ``python -m benchmarks.static_engine snapshot.json``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks import configurations
from proxy_engine.file_source import NoReporter
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import ChangeRow, HealthFact, Snapshot
from proxy_engine.workers.supervisor import serve


def configuration(origins: list[int], routes: int) -> dict[str, list[dict]]:
    """The entities of a snapshot without messages."""
    return configurations.engine(configurations.Origins((origins[0], origins[1]), 1), routes)


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
    source = StaticSource(json.loads(Path(sys.argv[1]).read_text()))
    return asyncio.run(serve(EngineSettings.from_env(os.environ), source, NoReporter()))


if __name__ == "__main__":
    sys.exit(main())
