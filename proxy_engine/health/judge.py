"""Who judges a target by what traffic shows of it: passive checks, the circuit breaker, both, or nobody."""

from __future__ import annotations

from typing import Protocol

from proxy_engine.errors import FailureKind

from .state import TargetState


class Judge(Protocol):
    """Told of each attempt once, when it is over."""

    def answered(self, state: TargetState, status: int) -> None: ...

    def failed(self, state: TargetState, kind: FailureKind, detail: str) -> None: ...


class TwoJudges:
    __slots__ = ("one", "other")

    def __init__(self, one: Judge, other: Judge) -> None:
        self.one = one
        self.other = other

    def __repr__(self) -> str:
        return f"<TwoJudges {self.one!r} {self.other!r}>"

    def answered(self, state: TargetState, status: int) -> None:
        self.one.answered(state, status)
        self.other.answered(state, status)

    def failed(self, state: TargetState, kind: FailureKind, detail: str) -> None:
        self.one.failed(state, kind, detail)
        self.other.failed(state, kind, detail)


def joined(one: Judge | None, other: Judge | None) -> Judge | None:
    if one is None or other is None:
        return one if other is None else other
    return TwoJudges(one, other)
