"""The agenda of all targets, in Redis: one due time each, shared by every worker on every machine.

A due time is claimed by moving it on: ``claim`` reads what is due, works out the next due times and has Redis replace
each one only where it still is what was read. Of several pickers exactly one wins each target, and none holds a lock.

Keys (all of them may vanish; then every target is due at once and counted anew):
  due      sorted set, target id → due time in ms
  plan     hash, target id → fingerprint of the check the due time was made for; field "" → which plan that is
  tallies  hash, target id → what its checks added up to so far (``checks.tally``)
  leases   sorted set, target id → until when its running check may take, in ms
  probes   a list for each target: its last checks (``checks.recent``)
The braces put them into one slot of a Redis cluster, as scripts over several keys need it.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

import redis

from .due import PARKED_MS, next_due, phase_ms
from .plan import Check, Plan

DUE = "{gatehouse:checks}:due"
PLAN = "{gatehouse:checks}:plan"
TALLIES = "{gatehouse:checks}:tallies"
LEASES = "{gatehouse:checks}:leases"
WHICH = ""  # the field of PLAN that no target id can be: "<digest> <epoch> <version>"

SYNC = """
local due, plan, tallies, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if (redis.call('HGET', plan, '') or '') ~= ARGV[1] then return 0 end
local gone = tonumber(ARGV[3])
for i = 4, 3 + gone do
  redis.call('ZREM', due, ARGV[i]) redis.call('ZREM', leases, ARGV[i])
  redis.call('HDEL', plan, ARGV[i]) redis.call('HDEL', tallies, ARGV[i])
end
for i = 4 + gone, #ARGV, 3 do
  redis.call('ZADD', due, ARGV[i + 2], ARGV[i]) redis.call('ZREM', leases, ARGV[i])
  redis.call('HSET', plan, ARGV[i], ARGV[i + 1]) redis.call('HDEL', tallies, ARGV[i])
end
redis.call('HSET', plan, '', ARGV[2])
return 1
"""

MOVE_ON = """
local won = {}
for i = 1, #ARGV, 3 do
  local due = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if due and tonumber(due) == tonumber(ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], ARGV[i + 2], ARGV[i])
    won[#won + 1] = ARGV[i]
  end
end
return won
"""

HASTEN = """
for i = 1, #ARGV, 2 do
  local due = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if due and tonumber(due) > tonumber(ARGV[i + 1]) then redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
end
"""


class Due(NamedTuple):
    """One check to make: of whom, and the moment it is meant for."""

    target_id: str
    due_ms: int


class Schedule:
    def __init__(self, client: redis.Redis):
        self._redis = client
        self._sync = client.register_script(SYNC)
        self._move_on = client.register_script(MOVE_ON)
        self._hasten = client.register_script(HASTEN)

    def follow(self, plan: Plan, now_ms: int) -> bool:
        """Make the agenda that of ``plan``: who is new or checked in a new way is due now (``first_dues``), who left is
        forgotten.

        False when the agenda already follows a newer configuration than ``plan``, or another picker just changed it:
        then the caller's plan is too old to claim by.
        """
        which = self._redis.hget(PLAN, WHICH) or ""
        digest, epoch, version = which.split() if which else ("", "", "-1")
        if digest == plan.digest:
            return True
        if epoch == plan.epoch and int(version) > plan.version:
            return False
        known = self._redis.hgetall(PLAN)
        gone = known.keys() - plan.checks.keys() - {WHICH}
        fresh = [check for check in plan.checks.values() if known.get(check.target_id) != check.fingerprint]
        arguments = [which, f"{plan.digest} {plan.epoch} {plan.version}", len(gone), *gone]
        for check, due_ms in zip(fresh, first_dues(fresh, now_ms), strict=True):
            arguments += (check.target_id, check.fingerprint, due_ms)
        return bool(self._sync(keys=[DUE, PLAN, TALLIES, LEASES], args=arguments))

    def claim(self, plan: Plan, unhealthy: Container[str], *, now_ms: int, until_ms: int) -> list[Due]:
        """What is due up to ``until_ms`` and was claimed by nobody else, in the order of due times.

        A target with an interval below the window comes once per interval.
        """
        claimed: list[Due] = []
        while moves := [move for found in self._due(until_ms) if (move := _move(plan, unhealthy, found, now_ms))]:
            won = set(self._move_on(keys=[DUE], args=[part for move in moves for part in move]))
            claimed += [Due(target_id, due_ms) for target_id, due_ms, _ in moves if target_id in won]
        return sorted(claimed, key=lambda due: due.due_ms)

    def _due(self, until_ms: int) -> list[Due]:
        found = self._redis.zrangebyscore(DUE, "-inf", until_ms, withscores=True)
        return [Due(target_id, int(due_ms)) for target_id, due_ms in found]

    def hasten(self, moments: Iterable[tuple[str, int]]) -> None:
        """Bring due times forward to these moments; none is put off."""
        if arguments := [part for moment in moments for part in moment]:
            self._hasten(keys=[DUE], args=arguments)

    def size(self) -> int:
        """How many targets are on the agenda."""
        return self._redis.zcard(DUE)

    def lag_ms(self, now_ms: int) -> int:
        """How long the most overdue target has been waiting to be picked; 0 when nobody waits."""
        oldest = self._redis.zrange(DUE, 0, 0, withscores=True)
        return max(0, now_ms - int(oldest[0][1])) if oldest else 0


FIRST_PER_MS = 1.5
"""Of how many new targets the first check is due in one ms: what one worker process makes in time."""


def first_dues(fresh: Sequence[Check], now_ms: int) -> Iterator[int]:
    """At once for a few. Ten thousand at once would be late, and some too late to be made: they are spread over the
    time that it takes to check them, and no longer than until their next check would be due."""
    for place, check in enumerate(fresh):
        interval_ms = check.interval_ms(healthy=True) or check.interval_ms(healthy=False)
        spread_ms = min(len(fresh) / FIRST_PER_MS, interval_ms)
        yield now_ms + int(place * spread_ms / len(fresh))


def _move(plan: Plan, unhealthy: Container[str], found: Due, now_ms: int) -> tuple[str, int, int] | None:
    """Target, its due time, its next one; None when the plan does not know it: a newer one does."""
    check = plan.checks.get(found.target_id)
    if check is None:
        return None
    interval_ms = check.interval_ms(healthy=found.target_id not in unhealthy)
    if not interval_ms:
        return *found, PARKED_MS
    return *found, next_due(found.due_ms, now_ms, interval_ms, phase_ms(found.target_id, interval_ms))
