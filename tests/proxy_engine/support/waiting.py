"""Waiting on the test's own event loop for something to become true: bounded, and without fixed sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from .targets import WAIT_S

T = TypeVar("T")


async def until(ask: Callable[[], T], *, within: float = WAIT_S, every: float = 0.005) -> T:
    """The first true answer of ``ask``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not (answer := ask()):
        if loop.time() > deadline:
            raise AssertionError(f"not within {within:g} s; last answer: {answer!r}")
        await asyncio.sleep(every)
    return answer
