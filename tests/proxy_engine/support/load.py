"""Steady requests from several kept-alive clients, each answer looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from .client import Cut, RawClient, Response, a_request
from .waiting import until


class Load:
    def __init__(self, port: int, is_right: Callable[[Response], bool]) -> None:
        self.port = port
        self.is_right = is_right
        self.right = 0
        self.wrong: list[object] = []
        self._is_over = False

    async def client(self, number: int) -> None:
        client = await RawClient.connect(self.port)
        count = 0
        while not self._is_over:
            path = f"/{number}/{count if number % 2 else 'same'}"
            try:
                response = await client.ask(a_request(path))
            except (Cut, ConnectionError, TimeoutError) as error:
                self.wrong.append(error)
                return
            if self.is_right(response):
                self.right += 1
            else:
                self.wrong.append(response)
            count += 1
        client.close()

    async def more(self, count: int) -> None:
        """Returns after so many further right answers, or the first wrong one."""
        goal = self.right + count
        await until(lambda: self.wrong or self.right >= goal, within=30.0)

    def stop(self) -> None:
        self._is_over = True


@asynccontextmanager
async def under_load(
    port: int, *, clients: int = 8, is_right: Callable[[Response], bool] = lambda response: response.status == 200
) -> AsyncIterator[Load]:
    """Every answer must be right until the end."""
    load = Load(port, is_right)
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tasks.create_task(load.client(number))
        try:
            yield load
        finally:
            load.stop()
    assert load.wrong == []
