"""Calls that come together become one call; each caller gets its own result."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway_admin.monitoring.checks.batcher import MOST_ITEMS, Batcher


class Work:
    def __init__(self):
        self.batches = []
        self.has_begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, items):
        self.batches.append(list(items))
        self.has_begun.set()
        await self.may_go_on.wait()
        if "bad" in items:
            raise ValueError("bad item")
        return [item * 2 for item in items]


@asynccontextmanager
async def running(work):
    batcher = Batcher(work)
    task = asyncio.ensure_future(batcher.run())
    try:
        yield batcher
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_each_caller_gets_its_own_result():
    async with running(Work()) as double:
        assert await asyncio.gather(*map(double, range(5))) == [0, 2, 4, 6, 8]


async def test_what_comes_together_goes_together():
    work = Work()
    async with running(work) as double:
        await asyncio.gather(*map(double, range(5)))
    assert work.batches == [[0, 1, 2, 3, 4]]


async def test_what_comes_meanwhile_makes_the_next_batch():
    work = Work()
    work.may_go_on.clear()
    async with running(work) as double:
        first = asyncio.ensure_future(double(1))
        await work.has_begun.wait()
        others = [asyncio.ensure_future(double(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        work.may_go_on.set()
        assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert work.batches == [[1], [2, 3]]


async def test_a_batch_has_a_bound():
    work = Work()
    async with running(work) as double:
        await asyncio.gather(*map(double, range(MOST_ITEMS + 1)))
    assert [len(batch) for batch in work.batches] == [MOST_ITEMS, 1]


async def test_a_failure_reaches_the_callers_and_the_next_call_works():
    async with running(Work()) as double:
        with pytest.raises(ValueError, match="bad item"):
            await double("bad")
        assert await double(4) == 8


async def test_a_caller_that_gave_up_takes_nothing_from_the_others():
    work = Work()
    work.may_go_on.clear()
    async with running(work) as double:
        impatient, patient = (asyncio.ensure_future(double(number)) for number in (1, 2))
        await work.has_begun.wait()
        impatient.cancel()
        work.may_go_on.set()
        assert await patient == 4
