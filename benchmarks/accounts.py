"""What the kernel says that was used: CPU of a process tree, CPU of all others, memory."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_STEAL, _IDLE = 7, (3, 4)  # columns of the first line of /proc/stat; idle and iowait


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for candidate in found:
        for task in _tasks(candidate):
            with contextlib.suppress(OSError):
                found += [int(child) for child in Path(f"/proc/{candidate}/task/{task}/children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process tree so far, all threads."""
    return sum(map(_nanoseconds, descendants(pid))) / 1e9


def own_cpu_seconds(pid: int) -> float:
    """Of one process, with the threads that have ended, which ``cpu_seconds`` misses; in ticks of 10 ms."""
    columns = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(columns[11]) + int(columns[12])) / _TICKS


def proportional_kib(pid: int) -> int:
    """Memory of a process tree; what n processes share counts as 1/n for each (PSS). Without the kernel's buffers."""
    total = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@dataclass(frozen=True)
class Disturbance:
    """Cores that others kept busy meanwhile, and that the hypervisor gave to other machines."""

    foreign: float
    steal: float

    @property
    def is_noise(self) -> bool:
        """Above this the ratios of one server against itself leave 1.00 ± 0.08."""
        return self.foreign > 0.12 or self.steal > 0.03

    @classmethod
    def worst(cls, several: list[Disturbance]) -> Disturbance:
        return cls(max(one.foreign for one in several), max(one.steal for one in several))


class Watch:
    """From its making on: how much of the machine's CPU was used by others.

    Known in two ways, of which the larger counts: the machine's busy time without ours, which is counted in ticks and
    so misses much of what runs for microseconds; and the exact time of every other process, which misses those that
    ended.
    """

    def __init__(self) -> None:
        self._others = _others()
        self._begin = _times()

    def stop(self) -> Disturbance:
        at, busy, steal, own = (end - begin for begin, end in zip(self._begin, _times(), strict=True))
        exact = sum(max(0, used - self._others.get(pid, 0)) for pid, used in _others().items()) / 1e9
        return Disturbance(max(exact, busy - own) / at, steal / at)


def _times() -> tuple[float, float, float, float]:
    """Seconds: wall, the machine's busy time, stolen time, own time with that of children that have ended."""
    columns = [int(word) / _TICKS for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    busy = sum(columns) - sum(columns[n] for n in (*_IDLE, _STEAL))
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = cpu_seconds(os.getpid()) + ended.ru_utime + ended.ru_stime
    return time.monotonic(), busy, columns[_STEAL], own


def _others() -> dict[int, int]:
    """CPU nanoseconds so far of every process that is not ours."""
    ours = set(descendants(os.getpid()))
    pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: _nanoseconds(pid) for pid in pids - ours}


def _nanoseconds(pid: int) -> int:
    """From the scheduler's own account."""
    total = 0
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
