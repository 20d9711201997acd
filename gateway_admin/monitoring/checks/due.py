"""When a target is checked next. Pure arithmetic on whole milliseconds of unix time.

Theory. The due times of a target lie on a grid ``phase + k·interval``. The grid is fixed, so a late pick, a
restart or a busy worker shifts nothing: the next due time follows from the previous *due* time, never from when the
check really ran. The phase comes from the target's id, so that ten thousand targets created by one import do not
stay due in the same instant for ever. A target that left the grid (created, edited, flipped) walks back to it in
steps between half an interval and a whole one: never longer, or a flip would take longer than interval × threshold;
never much shorter, or three checks in a row would say less than the operator meant.
"""

from zlib import crc32

PARKED_MS = 9_000_000_000_000_000
"""The due time of a target whose half of the checks is off (interval 0): never, until something moves it."""


def phase_ms(target_id: str, interval_ms: int) -> int:
    return crc32(target_id.encode()) % interval_ms


def next_due(due_ms: int, now_ms: int, interval_ms: int, phase: int) -> int:
    """The due time after ``due_ms``.

    After a pause (no worker, suspended machine) what was missed stays missed: at most one check is owed, so
    that coming back is not a storm.
    """
    following = due_ms + _step(due_ms, interval_ms, phase)
    oldest_owed = now_ms - interval_ms
    if following > oldest_owed:
        return following
    return oldest_owed + _to_grid(oldest_owed, interval_ms, phase)


def _to_grid(moment_ms: int, interval_ms: int, phase: int) -> int:
    """From ``moment_ms`` to the first point of the grid after it: 1 … interval."""
    return interval_ms - (moment_ms - phase) % interval_ms


def _step(due_ms: int, interval_ms: int, phase: int) -> int:
    distance = _to_grid(due_ms, interval_ms, phase)
    return distance if 2 * distance >= interval_ms else (distance + interval_ms) // 2
