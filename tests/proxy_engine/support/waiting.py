"""Waiting on the test's own event loop for something to become true: bounded, and without fixed sleeps."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .targets import WAIT_S

T = TypeVar("T")


async def until(ask: Callable[[], T | Awaitable[T]], *, within: float = WAIT_S, every: float = 0.005) -> T:
    """The first true answer of ``ask``, which may be a coroutine function."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if loop.time() > deadline:
            raise AssertionError(f"not within {within:g} s; last answer: {answer!r}")
        await asyncio.sleep(every)
