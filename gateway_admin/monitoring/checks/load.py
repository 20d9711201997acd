"""How many checks are made and how late they are, over all processes: counted in Redis by those who make them.

Each check is counted in the ten seconds in which it is due: when it is claimed, when it is made, and when it is done
with, however that went. What was claimed and is not done with long afterwards is lost: no worker took its message in
time, or its worker died. So overload shows, whatever part of the chain is too slow.

Keys: ``load:<window>``, a hash each, gone after a while; ``totals``, a hash of the same fields since Redis was last
empty, for counters that only rise, and ``tick_ms``, when the agenda was last looked at.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import redis

from .schedule import Due, Schedule

WINDOW_MS = 10_000
WINDOWS = 6  # complete ones that the figures are taken over: a minute
SETTLING = 2  # windows until each message has been taken or has expired, so that what is missing is lost
KEPT_S = 300
LATE_MS = 1000
STOPPED_S = 10.0  # ticks come each second

TOTALS = "{gatehouse:checks}:totals"
LAG_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
BEYOND = "lag_beyond"  # the field of checks that were later than the last bound

ADD = """
for i = 2, #KEYS do
  local worst = tonumber(redis.call('HGET', KEYS[i], 'worst_ms') or '-1')
  if tonumber(ARGV[i]) > worst then redis.call('HSET', KEYS[i], 'worst_ms', ARGV[i]) end
end
for i = #KEYS + 1, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
  redis.call('HINCRBY', KEYS[1], ARGV[i + 1], ARGV[i + 2])
end
for i = 2, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[1]) end
"""


@dataclass(slots=True)
class Window:
    counts: Counter = field(default_factory=Counter)
    worst_ms: int = -1  # -1: none was made


class Counted:
    """What one process counted and has not told yet."""

    def __init__(self):
        self._windows: dict[int, Window] = {}

    def claimed(self, dues: Iterable[Due]) -> None:
        for due in dues:
            self._count(due.due_ms, "claimed")

    def made(self, due_ms: int, late_ms: int) -> None:
        window = self._count(due_ms, "made")
        window.counts[_bucket(late_ms)] += 1
        window.counts["lag_ms"] += late_ms
        window.worst_ms = max(window.worst_ms, late_ms)

    def left_out(self, due_ms: int) -> None:
        """Its next one was due before there was room for it."""
        self._count(due_ms, "left_out")

    def uncounted(self, due_ms: int) -> None:
        self._count(due_ms, "uncounted")

    def done(self, due_ms: int) -> None:
        self._count(due_ms, "done")

    def take(self) -> dict[int, Window]:
        taken, self._windows = self._windows, {}
        return taken

    def _count(self, due_ms: int, what: str) -> Window:
        window = self._windows.setdefault(due_ms // WINDOW_MS, Window())
        window.counts[what] += 1
        return window


def _bucket(late_ms: int) -> str:
    place = bisect_left(LAG_BOUNDS_MS, late_ms)
    return f"lag_{LAG_BOUNDS_MS[place]}" if place < len(LAG_BOUNDS_MS) else BEYOND


class LoadStore:
    """``client`` may be a synchronous or an asynchronous one; what it returns is what ``tell`` returns."""

    def __init__(self, client):
        self._add = client.register_script(ADD)

    def tell(self, windows: Mapping[int, Window]):
        keys, worst, counts = [TOTALS], [KEPT_S], []
        for number, window in windows.items():
            keys.append(_key(number))
            worst.append(window.worst_ms)
            counts += [part for name, count in window.counts.items() for part in (len(keys), name, count)]
        return self._add(keys=keys, args=worst + counts)


def _key(window: int) -> str:
    return f"{{gatehouse:checks}}:load:{window}"


@dataclass(frozen=True)
class CheckLoad:
    """Of the last minute, over all processes. Times in ms, lags from the moment a check was due until it began.

    ``lost``: claimed and never made, for want of room or of workers. ``uncounted``: made or tried, but what came of it
    is unknown, through no fault of the target. ``overdue_ms``: how long the check that is due longest has been waiting
    to be claimed. ``tick_age_s``: since the agenda was last looked at; None if it never was. ``totals``: since Redis
    was last empty, for counters: claimed, made, left_out, uncounted, lag_ms (a sum); ``lags``: made checks by bound.
    """

    per_s: float
    made: int
    late: int
    lost: int
    uncounted: int
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: int
    targets: int
    overdue_ms: int
    tick_age_s: float | None
    totals: Mapping[str, int]
    lags: Mapping[float, int]  # upper bound in ms, infinity for the rest → checks, not cumulative

    @property
    def overdue_s(self) -> float:
        return self.overdue_ms / 1000

    @property
    def state(self) -> str:
        """stopped: nobody looks at the agenda; late: more is due than is made in time; idle: nothing to check."""
        if self.tick_age_s is None or self.tick_age_s > STOPPED_S:
            return "stopped"
        if self.lost or self.lag_p99_ms > LATE_MS or self.overdue_ms > STOPPED_S * 1000:
            return "late"
        return "in time" if self.targets else "idle"


def read_load(client: redis.Redis, now_ms: int) -> CheckLoad:
    """Two calls to Redis. Raises ``redis.RedisError``."""
    newest = now_ms // WINDOW_MS
    calls = client.pipeline(transaction=False)
    for window in range(newest - WINDOWS - SETTLING, newest):
        calls.hgetall(_key(window))
    calls.hgetall(TOTALS)
    *windows, totals = [_numbers(found) for found in calls.execute()]
    schedule = Schedule(client)
    recent, settled = _sum(windows[SETTLING:]), _sum(windows[:WINDOWS])
    lags = _lags(recent)
    worst_ms = max((window.get("worst_ms", 0) for window in windows[SETTLING:]), default=0)
    tick_ms = totals.pop("tick_ms", None)
    return CheckLoad(
        per_s=recent["made"] / (WINDOWS * WINDOW_MS / 1000),
        made=recent["made"],
        late=sum(count for bound_ms, count in lags.items() if bound_ms > LATE_MS),
        lost=max(0, settled["claimed"] - settled["done"]) + recent["left_out"],
        uncounted=recent["uncounted"],
        lag_p50_ms=quantile(lags, 0.5, worst_ms),
        lag_p99_ms=quantile(lags, 0.99, worst_ms),
        lag_max_ms=worst_ms,
        targets=schedule.size(),
        overdue_ms=schedule.lag_ms(now_ms),
        tick_age_s=None if tick_ms is None else max(0.0, (now_ms - tick_ms) / 1000),
        totals={name: totals.get(name, 0) for name in ("claimed", "made", "left_out", "uncounted", "lag_ms")},
        lags=_lags(totals),
    )


def _numbers(found: Mapping[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in found.items()}


def _sum(windows: Iterable[Mapping[str, int]]) -> Counter:
    total: Counter = Counter()
    for window in windows:
        total.update(window)
    return total


def _lags(counts: Mapping[str, int]) -> dict[float, int]:
    bounded = {float(bound_ms): counts.get(f"lag_{bound_ms}", 0) for bound_ms in LAG_BOUNDS_MS}
    return bounded | {float("inf"): counts.get(BEYOND, 0)}


def quantile(lags: Mapping[float, int], share: float, worst_ms: int) -> float:
    """Within its step as if all of it were spread evenly; never above the worst that was seen."""
    wanted, below, low = share * sum(lags.values()), 0, 0.0
    for bound_ms, count in lags.items():
        high = min(bound_ms, worst_ms)
        if count and below + count >= wanted:
            return round(low + (max(high, low) - low) * (wanted - below) / count, 1)
        below, low = below + count, high
    return 0.0
