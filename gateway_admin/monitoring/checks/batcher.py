"""Many callers, one call: what comes in while a call is under way makes up the next one.

Two thousand checks a second each need a word with Redis; asked one by one that is most of a core. Here the batches grow
with the load by themselves and nobody waits for a batch to fill.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_ITEMS = 1000  # per call: keeps one script's time in Redis to a few milliseconds


class Batcher(Generic[Item, Result]):
    """``work`` gets the items in the order they came and returns one result for each, in that order.

    ``run`` is the task that calls it; whoever owns it cancels it. When ``work`` raises, all callers of that batch get
    the exception.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]):
        self._work = work
        self._waiting: asyncio.Queue[tuple[Item, asyncio.Future[Result]]] = asyncio.Queue()

    async def __call__(self, item: Item) -> Result:
        future = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((item, future))
        return await future

    async def run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(0)  # whoever else is ready in this turn of the loop comes along
            while not self._waiting.empty() and len(batch) < MOST_ITEMS:
                batch.append(self._waiting.get_nowait())
            await self._answer(batch)

    async def _answer(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, not to the loop
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
