"""The supervisor's copy of the configuration: to feed a worker that starts late, and to keep on disk.

The file is the engine's life insurance: with database and control plane gone it starts from the last good
configuration. It is replaced whole (write, fsync, rename), so it is never half of anything.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from proxy_engine.sources import ChangeRow, HealthFact, HealthFlip, Snapshot, Values

from .link import snapshot_from_json, snapshot_to_json

FILE_NAME = "engine-snapshot.json"


class Mirror:
    def __init__(self) -> None:
        self.version = -1  # none yet
        self.health_seq = 0
        self.entities: dict[str, dict[str, Values]] = {}
        self.health: dict[str, HealthFact] = {}

    def __repr__(self) -> str:
        return f"<Mirror version={self.version}>"

    def replace(self, snapshot: Snapshot) -> None:
        self.version = snapshot.version
        self.health_seq = snapshot.health_seq
        self.entities = {
            kind: {values["id"]: values for values in entities} for kind, entities in snapshot.entities.items()
        }
        self.health = {fact.target_id: fact for fact in snapshot.health}

    def apply(self, rows: list[ChangeRow]) -> None:
        for row in rows:
            table = self.entities.setdefault(row.kind, {})
            if row.after is None:
                table.pop(row.entity_id, None)
                if row.kind == "targets":
                    self.health.pop(row.entity_id, None)
            else:
                table[row.entity_id] = row.after
            self.version = row.version

    def set_health(self, seq: int, facts: list[HealthFact]) -> None:
        self.health_seq = seq
        for fact in facts:
            self.health[fact.target_id] = fact

    def take_flip(self, flip: HealthFlip) -> bool:
        """False when it is no news: the target is gone, or another worker saw the same."""
        if flip.target_id not in self.entities.get("targets", {}):
            return False
        known = self.health.get(flip.target_id)
        if flip.healthy == (known is None or known.healthy):
            return False
        self.health[flip.target_id] = flip.fact
        return True

    def snapshot(self) -> Snapshot:
        entities = {kind: list(table.values()) for kind, table in self.entities.items()}
        return Snapshot(self.version, entities, list(self.health.values()), self.health_seq)

    def counts(self) -> dict[str, int]:
        return {kind: len(table) for kind, table in self.entities.items()}


def write(snapshot: Snapshot, directory: Path) -> None:
    """Raises OSError."""
    path = directory / FILE_NAME
    draft = path.with_suffix(".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(snapshot_to_json(snapshot), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def read(directory: Path) -> Snapshot | None:
    """The last good configuration, or None when there is none that can be read."""
    try:
        frame: dict[str, Any] = json.loads((directory / FILE_NAME).read_text())
        snapshot = snapshot_from_json(frame)
        Mirror().replace(snapshot)  # whatever has another shape fails here, and not where the file is the last resort
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return snapshot
