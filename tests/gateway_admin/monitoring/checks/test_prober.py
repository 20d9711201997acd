"""From a due time to a tally and a flip, against real targets and a real Redis; only the database is a fake."""

import asyncio
import contextlib
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

from gateway_admin.monitoring.checks import prober as prober_module
from gateway_admin.monitoring.checks.marks import NEVER_FAILED, Mark
from gateway_admin.monitoring.checks.prober import Job, Prober
from gateway_admin.monitoring.checks.probes import NotMade, probe_kit
from gateway_admin.monitoring.checks.schedule import LEASES, TALLIES
from gateway_admin.monitoring.checks.tallies import TallyStore
from gateway_admin.monitoring.redis_client import async_redis_client
from tests.gateway_admin.monitoring.builders import a_check
from tests.gateway_admin.monitoring.servers import answering, hanging, no_certificates, nobody_listening, serving


class Records:
    """Stands for the database: keeps the flips, and can be down."""

    def __init__(self):
        self.flips = []
        self.is_down = False

    async def __call__(self, flips):
        if self.is_down:
            raise OSError("the database is away")
        self.flips += flips
        return range(len(self.flips) - len(flips) + 1, len(self.flips) + 1)

    @property
    def causes(self):
        return [flip.cause for flip in self.flips]


@asynccontextmanager
async def a_prober(records=None, *, at_once=100):
    async with async_redis_client() as client, probe_kit(no_certificates) as kit:
        prober = Prober(kit, TallyStore(client), records or Records(), at_once=at_once)
        helpers = [asyncio.ensure_future(helper) for helper in prober.helpers()]
        try:
            yield prober
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)


def now_ms():
    return round(time.time() * 1000)


def a_job(check, *, due_ms=None, mark=NEVER_FAILED):
    return Job(check, now_ms() if due_ms is None else due_ms, mark)


async def make(check, times=1, *, records=None, mark=NEVER_FAILED):
    """The same check several times, one after the other."""
    async with a_prober(records) as prober:
        for _ in range(times):
            await prober.make(a_job(check, mark=mark))


async def test_a_target_that_answers_leaves_no_trace(store):
    async with serving(answering()) as address:
        await make(a_check(address), times=3)
    assert not store.exists(TALLIES)
    assert not store.exists(LEASES)


async def test_failures_add_up_to_a_flip(store):
    records = Records()
    async with serving(answering(503)) as address:
        check = a_check(address)
        await make(check, times=2, records=records)
        assert records.flips == []
        await make(check, records=records)
    [flip] = records.flips
    assert (flip.target_id, flip.address, flip.healthy) == (check.target_id, address, False)
    assert flip.judged_by == check.fingerprint
    assert flip.cause == "3 of 3 HTTP failures: 503, 503, 503"


async def test_a_target_that_is_down_flips_once(store):
    records = Records()
    with nobody_listening() as address:
        await make(a_check(address), times=5, records=records)
    assert records.causes == ["3 of 3 TCP failures: connection refused, connection refused, connection refused"]


async def test_a_marked_target_comes_back_even_if_redis_forgot_it(store):
    records = Records()
    async with serving(answering()) as address:
        check = a_check(address, successes=2)
        await make(check, times=2, records=records, mark=Mark(False, 7, address, check.fingerprint))
    assert [flip.healthy for flip in records.flips] == [True]


async def test_a_younger_mark_ends_what_was_counted(store):
    records = Records()
    async with serving(answering(503)) as address:
        check = a_check(address, failures=3)
        await make(check, times=2, records=records)
        lifted = Mark(True, 9, address, "")
        await make(check, times=2, records=records, mark=lifted)
        assert records.flips == []
        await make(check, records=records, mark=lifted)
    assert len(records.flips) == 1


async def test_a_flip_that_could_not_be_stored_is_tried_again(store):
    records = Records()
    with nobody_listening() as address:
        check = a_check(address, failures=1)
        records.is_down = True
        await make(check, records=records)
        assert not store.exists(LEASES)
        records.is_down = False
        await make(check, records=records)
    assert len(records.flips) == 1


async def test_counts_survive_the_process(store):
    records = Records()
    with nobody_listening() as address:
        check = a_check(address, failures=3)
        for _ in range(3):
            await make(check, records=records)  # a new prober each time
    assert len(records.flips) == 1


async def test_an_answer_that_comes_after_an_edit_is_not_counted(store):
    records = Records()

    async def failing_after_the_edit(reader, writer):
        store.delete(LEASES, TALLIES)  # what following a new plan does for an edited target
        await answering(503)(reader, writer)

    async with serving(failing_after_the_edit) as address:
        await make(a_check(address, failures=2), records=records)
    assert not store.exists(TALLIES)


async def test_a_check_waits_for_the_one_before(store):
    """Timeout as long as the interval: the second starts when the first ends, not an interval later."""
    open_now, most = 0, 0

    async def counted(reader, writer):
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await hanging(reader, writer)
        open_now -= 1

    records = Records()
    async with serving(counted) as address, a_prober(records) as prober:
        check = a_check(address, timeout=0.5, interval=0.5, failures=2)
        start = now_ms()
        await asyncio.gather(*(prober.make(a_job(check, due_ms=start + due)) for due in (0, 500)))
    assert most == 1
    assert records.causes == ["2 of 2 timeouts: timeout after 0.5 s, timeout after 0.5 s"]


async def test_a_check_whose_next_one_is_due_is_left_out(store):
    heads = []
    async with serving(answering(heads=heads)) as address, a_prober() as prober:
        await prober.make(a_job(a_check(address, interval=1), due_ms=now_ms() - 1001))
    assert heads == []


async def test_concurrency_bounds_the_checks_of_an_upstream(store):
    open_now, most = 0, 0

    async def counted(reader, writer):
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await answering()(reader, writer)
        open_now -= 1

    async with serving(counted) as address, a_prober() as prober:
        check = a_check(address, active={"concurrency": 2})
        siblings = [replace(check, target_id=f"target {number}") for number in range(10)]
        await asyncio.gather(*(prober.make(a_job(sibling)) for sibling in siblings))
    assert most <= 2


async def test_targets_that_hang_do_not_hold_up_other_upstreams(store):
    heads = []
    async with serving(hanging) as stuck, serving(answering(heads=heads)) as fine, a_prober() as prober:
        hung = [asyncio.ensure_future(prober.make(a_job(a_check(stuck, timeout=30)))) for _ in range(50)]
        async with asyncio.timeout(5):
            await prober.make(a_job(a_check(fine)))
        for task in hung:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*hung, return_exceptions=True)
    assert len(heads) == 1


# --- What is counted of the checks themselves ------------------------------------------------------------------------


def counts(prober):
    """Of all windows together."""
    total = Counter()
    for window in prober.counted.take().values():
        total.update(window.counts)
    return total


async def test_each_check_is_done_with_once_however_it_went(store):
    due = now_ms()
    async with serving(answering()) as address, a_prober() as prober:
        await prober.make(a_job(a_check(address), due_ms=due))
        await prober.make(a_job(a_check(address, interval=1), due_ms=due - 2000))  # too late by an interval
        found = counts(prober)
    assert (found["done"], found["made"], found["left_out"]) == (2, 1, 1)


async def test_a_check_without_a_result_says_so(store, monkeypatch):
    async def out_of_sockets(session, check):
        raise NotMade("Too many open files")

    monkeypatch.setattr(prober_module, "probe", out_of_sockets)
    async with a_prober() as prober:
        await prober.make(a_job(a_check()))
        found = counts(prober)
    assert (found["done"], found["uncounted"]) == (1, 1)


async def test_a_check_is_late_by_the_time_from_its_due_moment_to_its_beginning(store):
    async with serving(answering()) as address, a_prober() as prober:
        await prober.make(a_job(a_check(address, interval=60), due_ms=now_ms() - 5000))
        [window] = [window for window in prober.counted.take().values() if window.worst_ms >= 0]
    assert 5000 <= window.worst_ms < 8000


async def test_jitter_puts_a_check_off_by_up_to_its_share_of_the_interval(store, monkeypatch):
    monkeypatch.setattr(prober_module.random, "random", lambda: 1.0)
    async with serving(answering()) as address, a_prober() as prober:
        start = now_ms()
        await prober.make(a_job(a_check(address, interval=1, probe={"jitter": 20}), due_ms=start))
        assert now_ms() - start >= 199
        assert counts(prober)["made"] == 1
