"""``processes.json`` in the data directory: which processes run, for people, scripts and tests."""

from __future__ import annotations

import json
import os
from pathlib import Path


class Record:
    """``{"supervisor": PID, "processes": {NAME: {"pid": PID | null, "starts": COUNT}}}``, replaced whole."""

    def __init__(self, path: Path):
        self._path = path

    def write(self, processes: dict[str, dict]) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({"supervisor": os.getpid(), "processes": processes}) + "\n")
        draft.replace(self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
