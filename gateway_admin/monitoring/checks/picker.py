"""One tick: follow the configuration, lift the marks it took the ground from, claim what is due."""

from collections.abc import Iterable
from itertools import groupby

import redis

from gateway_admin.monitoring.actions import lift_marks

from .lifts import lifts
from .load import TOTALS, Counted, LoadStore
from .marks import Marks, MarksReader
from .plan import Plan, PlanReader
from .schedule import Due, Schedule

LOOK_AHEAD_MS = 2000
"""How far a tick claims: twice the time between ticks, so that one that comes late or never delays nothing. The
due moment itself is waited for by the process that makes the check."""

BATCH = 250  # checks per task: enough to cost little, few enough to spread over processes


class Picker:
    """What one process keeps between ticks. Any process may run any tick, also two at once."""

    def __init__(self, client: redis.Redis, plans: PlanReader, marks: MarksReader):
        self._redis = client
        self._schedule = Schedule(client)
        self._load = LoadStore(client)
        self._plans = plans
        self._marks = marks
        self._seen_seq = -1

    def pick(self, now_ms: int) -> list[list[Due]]:
        """What is to be checked from now on, in batches for one task each."""
        plan, marks = self._plans.current(), self._marks.current()
        if causes := lifts(plan, marks):
            lift_marks(causes)
            marks = self._marks.current()
        if not self._schedule.follow(plan, now_ms):
            return []
        self._hasten_flipped(plan, marks, now_ms)
        claimed = self._schedule.claim(plan, marks.unhealthy, now_ms=now_ms, until_ms=now_ms + LOOK_AHEAD_MS)
        self._tell(claimed, now_ms)
        return batches(plan, claimed)

    def _tell(self, claimed: list[Due], now_ms: int) -> None:
        self._redis.hset(TOTALS, "tick_ms", now_ms)
        if claimed:
            counted = Counted()
            counted.claimed(claimed)
            self._load.tell(counted.take())

    def _hasten_flipped(self, plan: Plan, marks: Marks, now_ms: int) -> None:
        """A target that went down may have a shorter interval now, or its half of the checks was off till now."""
        flipped = [target_id for target_id, mark in marks.known.items() if mark.seq > self._seen_seq]
        checks = [plan.checks[target_id] for target_id in flipped if target_id in plan.checks]
        intervals = {check.target_id: check.interval_ms(healthy=marks.of(check.target_id).healthy) for check in checks}
        self._schedule.hasten((target_id, now_ms + wait_ms) for target_id, wait_ms in intervals.items() if wait_ms)
        self._seen_seq = marks.seq


def batches(plan: Plan, claimed: Iterable[Due]) -> list[list[Due]]:
    """An upstream's checks stay together as far as they fit, because their ``concurrency`` holds within one process."""

    def upstream(due: Due) -> str:
        return plan.checks[due.target_id].upstream_id

    filled: list[list[Due]] = []
    for _, group in groupby(sorted(claimed, key=upstream), key=upstream):
        members = list(group)
        for part in (members[start : start + BATCH] for start in range(0, len(members), BATCH)):
            if filled and len(filled[-1]) + len(part) <= BATCH:
                filled[-1].extend(part)
            else:
                filled.append(part)
    return filled
