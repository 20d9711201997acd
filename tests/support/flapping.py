"""Targets that change their manners at random, each in its own time, while one stays as it should be."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Self

from tests.support.echo_target import EchoTarget

MANNERS: dict[str, Callable[[EchoTarget], None]] = {
    "well": lambda target: target.behave(),
    "errors": lambda target: target.behave(status=503),
    "resets": lambda target: target.behave(reset=True),
    "mute": lambda target: target.behave(mute=True),
    "slow": lambda target: target.behave(delay_s=0.3),
}


class Flapping:
    """``with Flapping(targets, seed=1):`` each of them dies, revives, fails or behaves, for a time by chance."""

    def __init__(self, targets: Iterable[EchoTarget], *, seed: int, longest_s: float = 3.0):
        self.turns: Counter[str] = Counter()  # by what they turned to
        self._targets = list(targets)
        self._random = random.Random(seed)
        self._longest_s = longest_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flapping")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        """Dead ones are revived before they turn to anything else."""
        dead: set[EchoTarget] = set()
        while not self._stopping.wait(self._random.uniform(0, self._longest_s / len(self._targets))):
            target = self._random.choice(self._targets)
            if target in dead:
                target.revive()
                dead.discard(target)
            turn = self._random.choice(["well", "well", *MANNERS, "dead"])
            self.turns[turn] += 1
            if turn == "dead":
                target.die()
                dead.add(target)
            else:
                MANNERS[turn](target)
        for target in dead:
            target.revive()
