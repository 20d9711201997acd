"""What every family of measurements is given: how long to measure, where, and against which origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.configurations import Origins
from benchmarks.rounds import Round


@dataclass
class Bench:
    directory: Path
    origins: Origins
    rounds: int
    seconds: int  # of load per server and round
    words: str = ""  # only workloads whose name has them
    all_rounds: list[Round] = field(default_factory=list)

    def wants(self, workload: str) -> bool:
        return self.words.lower() in workload.lower()

    def note(self, rounds: list[Round]) -> None:
        self.all_rounds += rounds
