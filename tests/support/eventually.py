"""Waiting for something to become true, with a deadline: what tests have instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(ask: Callable[[], T], *, within: float = 5.0, every: float = 0.02, what: str = "") -> T:
    """The first true answer of ``ask``. An AssertionError counts as "not yet", so that ``ask`` may assert."""
    deadline = time.monotonic() + within
    while True:
        answer: object = None
        try:
            answer = ask()
        except (AssertionError, OSError) as not_yet:
            answer, seen = None, f"{type(not_yet).__name__}: {not_yet}"
        else:
            seen = repr(answer)
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what or ask.__name__}: not within {within:g} s; last: {seen}")
        time.sleep(every)
