"""Makes the checks of one worker process, all on one event loop.

A check waits for its moment, then for room (``concurrency`` of its upstream, a bound over all), asks, and adds what
came of it to the target's tally. Only a flip reaches the database.

Not one event loop per task: such a task ends with its slowest check, so a few targets that hang would hold all
workers for a whole timeout and keep everybody else's checks waiting. Here a target that hangs costs one socket.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from gateway_admin.monitoring.actions import Flip
from proxy_engine.health import Outcome

from .batcher import Batcher
from .lag import Lag
from .load import Counted
from .marks import Mark, Marks
from .pace import Pace
from .plan import Check, Plan
from .probes import Kit, NotMade, longest_s, probe
from .recent import dumped
from .schedule import Due
from .tallies import Lease, Result, TallyStore
from .tally import Tally

log = logging.getLogger(__name__)

LEASE_MARGIN_MS = 5_000  # beyond the timeout: for a word with Redis before and after
BUSY_WAIT_MS = 20

Record = Callable[[Sequence[Flip]], Awaitable[Sequence[int | None]]]
"""Stores flips; returns the number of each target's mark, None for a target that is gone."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One check to make. ``mark``: the target's when the job was given out."""

    check: Check
    due_ms: int
    mark: Mark

    @property
    def interval_ms(self) -> int:
        return self.check.interval_ms(healthy=self.mark.healthy)

    @property
    def expires_ms(self) -> int:
        """When the target's next check is due."""
        return self.due_ms + self.interval_ms

    @property
    def jitter_ms(self) -> float:
        """By how much it may begin later than it is due: at most half of the interval, so before the next one."""
        return self.interval_ms * self.check.probe.jitter / 100


def jobs(plan: Plan, marks: Marks, batch: Iterable[Due]) -> list[Job]:
    """As the configuration is now: what is no longer checked falls out."""
    planned = [(plan.checks[target_id], due_ms) for target_id, due_ms in batch if target_id in plan.checks]
    return [Job(check, due_ms, marks.of(check.target_id)) for check, due_ms in planned]


class Prober:
    """``helpers`` must run beside ``make``; both belong to the caller's task group."""

    def __init__(
        self,
        kit: Kit,
        tallies: TallyStore,
        record: Record,
        *,
        at_once: int,
        clock: Callable[[], float] = time.time,
    ):
        self._kit = kit
        self._clock = clock
        self._lag = Lag()
        self._begin = Batcher(lambda leases: tallies.begin(leases, self._now_ms()))
        self._finish = Batcher(tallies.finish)
        self._record = Batcher(record)
        self._pace = Pace()
        self._room = asyncio.Semaphore(at_once)
        self._waiting: set[Job] = set()
        self.given_up: list[Job] = []  # never begun, because this process stops
        self._upstream_room: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = WeakValueDictionary()

    def helpers(self) -> list[Awaitable[None]]:
        return [self._begin.run(), self._finish.run(), self._record.run()]

    async def make(self, job: Job) -> None:
        """Never raises: what goes wrong with one check is no other check's trouble."""
        self._waiting.add(job)
        try:
            await self._make(job)
        except Exception as error:  # noqa: BLE001 - Redis, the database, or a fault of ours
            self._lag.uncounted(job.due_ms, error, self._now_ms())
        except asyncio.CancelledError:
            if job in self._waiting:
                self.given_up.append(job)
            raise
        finally:
            self._waiting.discard(job)
            self.counted.done(job.due_ms)

    @property
    def counted(self) -> Counted:
        """For whoever tells Redis of it."""
        return self._lag.counted

    async def _make(self, job: Job) -> None:
        start_ms, is_first = job.due_ms + round(random.random() * job.jitter_ms), True
        while start_ms < job.expires_ms:
            await asyncio.sleep(start_ms / 1000 - self._clock())
            busy_until_ms = await self._attempt(job, start_ms, is_first)
            if not busy_until_ms:
                return
            # The check before this one outlasts the interval, but not its timeout.
            start_ms, is_first = max(self._now_ms(), busy_until_ms - LEASE_MARGIN_MS) + BUSY_WAIT_MS, False

    async def _attempt(self, job: Job, start_ms: int, is_first: bool) -> int:
        """Make the check, unless another one of the target is under way: then until when its lease runs, else 0."""
        async with self._place(job.check):
            now_ms = self._now_ms()
            if now_ms >= job.expires_ms:
                if is_first:  # else it is the check before that took too long, and nobody's lack of room
                    self._lag.skip(job.due_ms, now_ms)
                return 0
            lease = Lease(job.check.target_id, now_ms + round(longest_s(job.check) * 1000) + LEASE_MARGIN_MS)
            begun = await self._begin(lease)
            if begun.busy_until_ms:
                return begun.busy_until_ms
            self._waiting.discard(job)
            began_ms = self._now_ms()
            self._lag.note(job.due_ms, max(0, began_ms - start_ms), began_ms)
            outcome = await self._probe(job)
        await self._count(job, lease, begun.tally, outcome, dumped(outcome, job.check.active, began_ms, self._now_ms()))
        return 0

    async def _probe(self, job: Job) -> Outcome | None:
        """None: nothing is known of the target."""
        try:
            return await probe(self._kit, job.check)
        except NotMade as reason:
            self._lag.uncounted(job.due_ms, reason, self._now_ms())
            return None

    @asynccontextmanager
    async def _place(self, check: Check):
        key = check.upstream_id, check.active.concurrency
        room = self._upstream_room.setdefault(key, asyncio.Semaphore(check.active.concurrency))
        async with room, self._room:
            await self._pace.start()
            yield

    async def _count(self, job: Job, lease: Lease, stored: str, outcome: Outcome | None, made: str) -> None:
        tally = Tally.load(stored, job.mark)
        flip = tally.add(outcome, job.check, self._clock()) if outcome is not None else None
        if flip and not await self._store(flip, tally):
            return await self._finish(Result(lease, None, made))
        text = tally.dump()
        return await self._finish(Result(lease, None if text == stored else text, made))

    async def _store(self, flip: Flip, tally: Tally) -> bool:
        """The database first: were the tally stored and the flip lost, the target would never flip again."""
        try:
            seq = await self._record(flip)
        except Exception as error:  # noqa: BLE001 - the next check tries again
            log.error("flip of %s not stored: %r", flip.address, error)
            return False
        tally.seq = tally.seq if seq is None else seq
        return True

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)
