"""Upstreams, targets and balancers that are valid as they are; a test names only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proxy_engine.balancing import Balancer
from proxy_engine.health import TargetState
from proxy_engine.spec import Drain, Target, Upstream, check, to_spec


def an_upstream(**given: Any) -> Upstream:
    checked = check("upstreams", {"name": "pool.test", **given})
    assert checked.problems == [], checked.problems
    return to_spec("upstreams", {"id": "00000000-0000-4000-8000-000000000001", **checked.values})


def a_target(name: str = "a", **given: Any) -> Target:
    target: dict[str, Any] = {
        "id": name,
        "upstream_id": "pool",
        "target": f"{name}.test:80",
        "host": f"{name}.test",
        "port": 80,
        "weight": 100,
        "enabled": True,
        "priority": 0,
        "scheme": None,
        "path": None,
        "tags": (),
    }
    return Target(**target | given)


class Cast:
    """An upstream's targets by name, with states that survive edits of the balancer."""

    def __init__(
        self,
        algorithm: str,
        weights: Sequence[int] | dict[str, int],
        *,
        priorities: dict[str, int] | None = None,
        **upstream: Any,
    ) -> None:
        """``priorities``: of the targets that are not of the first."""
        self.priorities = priorities or {}
        self.upstream = an_upstream(**{"algorithm": algorithm} | upstream)
        self.states: dict[str, TargetState] = {}
        self.balancer: Balancer | None = None
        self.edit(weights)

    def edit(self, weights: Sequence[int] | dict[str, int]) -> None:
        if not isinstance(weights, dict):
            weights = {f"t{number}": weight for number, weight in enumerate(weights)}
        targets = [
            a_target(name, weight=weight, priority=self.priorities.get(name, 0)) for name, weight in weights.items()
        ]
        self.balancer = Balancer(self.upstream, targets, self.state_of, previous=self.balancer)

    def state_of(self, target: Target) -> TargetState:
        return self.states.setdefault(target.id, TargetState(target))

    def __getitem__(self, name: str) -> TargetState:
        return self.states[name]

    def drain(self, *names: str, keep_sticky: bool = False) -> None:
        for name in names:
            self.states[name].adopt(replace(self.states[name].target, drain=Drain(keep_sticky)))

    def pick(self, key: bytes | int | None = None, tried: Sequence[str] = ()) -> str | None:
        state = self.balancer.pick(key, [self.states[name] for name in tried])
        return None if state is None else state.target.id

    def picks(self, count: int) -> list[str]:
        return [self.pick() for _ in range(count)]
