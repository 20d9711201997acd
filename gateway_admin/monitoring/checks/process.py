"""What one worker process keeps between tasks: what it knows of configuration and marks, and the loop of its checks."""

import asyncio
import logging
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from threading import Event, Lock, Thread

import redis
from django.db import close_old_connections

from gateway_admin.monitoring.actions import Flip, Source, mark_targets
from gateway_admin.monitoring.redis_client import async_redis_client, redis_client

from .load import Counted, LoadStore
from .marks import MarksReader
from .picker import Picker
from .plan import PlanReader
from .prober import Job, Prober, jobs
from .probes import probe_kit
from .schedule import Due, Schedule
from .tallies import TallyStore
from .tls import Pair, read_pair

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

log = logging.getLogger(__name__)

MOST_AT_ONCE = 2000  # checks under way in one process; half of the open files it may have, where that is less
STOP_S = 3.0
TELL_EVERY_S = 1.0


class WorkerProcess:
    """Serves the tasks; safe for worker pools of threads."""

    def __init__(self):
        self._plans = PlanReader()
        self._marks = MarksReader()
        self._lock = Lock()
        self._loop: CheckLoop | None = None

    @cached_property
    def _picker(self) -> Picker:
        return Picker(redis_client(), self._plans, self._marks)

    def pick(self) -> list[list[Due]]:
        return self._picker.pick(round(time.time() * 1000))

    def make(self, batch: Iterable[Due]) -> None:
        """Start the checks of the batch and return. The loop starts with the first of them, so after any fork."""
        batch, plan = list(batch), self._plans.current()
        found = jobs(plan, self._marks.current(), batch)
        if len(found) < len(batch):
            self._drop(due for due in batch if due.target_id not in plan.checks)
        with self._lock:
            if self._loop is None or not self._loop.is_alive():
                self._loop = CheckLoop()
                self._loop.start()
            self._loop.give(found)

    def _drop(self, dues: Iterable[Due]) -> None:
        """What is no longer checked is not lost."""
        counted = Counted()
        for due in dues:
            counted.done(due.due_ms)
        LoadStore(redis_client()).tell(counted.take())

    def stop(self) -> None:
        """Checks that were not begun yet are handed back, to be picked by whoever ticks next."""
        with self._lock:
            if self._loop is not None and (prober := self._loop.stop()):
                _hand_back(prober)


def _hand_back(prober: Prober) -> None:
    try:
        client = redis_client()
        Schedule(client).hasten((job.check.target_id, job.due_ms) for job in prober.given_up)
        LoadStore(client).tell(prober.counted.take())
    except redis.RedisError as error:
        log.debug("what was not begun could not be handed back: %r", error)


class CheckLoop(Thread):
    """One life of the event loop, in a thread of its own: it goes on while tasks come and go."""

    def __init__(self):
        super().__init__(name="health-checks", daemon=True)
        self._is_ready = Event()
        self._prober: Prober | None = None

    def give(self, found: list[Job]) -> None:
        self._is_ready.wait()
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, found)

    def stop(self) -> Prober | None:
        """Checks under way are dropped: their next due times stand in the agenda already. None: it had ended before."""
        self._is_ready.wait()
        if not self.is_alive():
            return None
        self._loop.call_soon_threadsafe(self._main_task.cancel)
        self.join(STOP_S)
        return self._prober

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._main())
        except asyncio.CancelledError:
            pass
        except Exception:
            log.exception("the loop of the health checks ended; the next checks start a new one")

    async def _main(self) -> None:
        self._loop, self._main_task = asyncio.get_running_loop(), asyncio.current_task()
        self._inbox: asyncio.Queue[list[Job]] = asyncio.Queue()
        self._is_ready.set()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="health-checks-database") as thread:
            in_thread = partial(self._loop.run_in_executor, thread)
            shared = probe_kit(partial(in_thread, client_pair))
            async with async_redis_client() as client, shared as kit, asyncio.TaskGroup() as tasks:
                self._prober = prober = Prober(
                    kit, TallyStore(client), partial(in_thread, store_flips), at_once=room_for_checks()
                )
                for helper in (*prober.helpers(), _tell(prober, LoadStore(client))):
                    tasks.create_task(helper)
                while True:
                    for job in await self._inbox.get():
                        tasks.create_task(prober.make(job))


async def _tell(prober: Prober, store: LoadStore) -> None:
    """What cannot be told is not told later: these figures are about now."""
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        if windows := prober.counted.take():
            try:
                await store.tell(windows)
            except (redis.RedisError, OSError) as error:
                log.debug("what was checked could not be told: %r", error)


def room_for_checks() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_AT_ONCE if files == resource.RLIM_INFINITY else min(MOST_AT_ONCE, files // 2)


@contextmanager
def fresh_connection() -> Iterator[None]:
    """In a thread that no task owns the connection is looked after by whoever works there."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()


def store_flips(flips: Sequence[Flip]) -> list[int | None]:
    with fresh_connection():
        seqs = mark_targets(flips, source=Source.ACTIVE)
    return [seqs.get(flip.target_id) for flip in flips]


def client_pair(certificate_id: str) -> Pair | None:
    with fresh_connection():
        return read_pair(certificate_id)
