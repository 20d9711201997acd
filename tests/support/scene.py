"""A route that leads to a pool of targets, set up over REST as a script would: valid by default, unique by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, Protocol

from tests.support.client import request
from tests.support.stack import Stack

_numbers = itertools.count(1)

# Down after two failures in a row half a second apart, up again after one success.
QUICK_CHECKS = {
    "active": {
        "type": "http",
        "httpPath": "/health",
        "timeout": 1,
        "healthy": {"interval": 1, "successes": 1},
        "unhealthy": {"interval": 1, "httpFailures": 2, "tcpFailures": 2, "timeouts": 2},
    }
}


class HasAddress(Protocol):
    name: str
    address: str


class Scene:
    """``path`` is what clients ask for; the entities stand under ``upstream``, ``targets`` (by name) …"""

    def __init__(
        self, stack: Stack, targets: Iterable[HasAddress], *, weights: dict[str, int] | None = None, **upstream: Any
    ):
        self.stack, api = stack, stack.api
        name = f"scene-{next(_numbers)}"
        self.path = f"/{name}"
        self.upstream = api.create("upstreams", name=name, **upstream)
        self.targets = {
            target.name: api.create(
                "targets",
                upstreamId=self.upstream["id"],
                target=target.address,
                weight=(weights or {}).get(target.name, 100),
            )
            for target in targets
        }
        self.service = api.create("services", name=name, host=name)
        self.route = api.apply("POST", "routes", {"name": name, "serviceId": self.service["id"], "paths": [self.path]})

    @property
    def url(self) -> str:
        return self.stack.proxy + self.path

    def answers(self) -> bool:
        return request("GET", self.url).status == 200

    def patch_target(self, name: str, **values: Any) -> dict:
        """Returns once it is live."""
        return self.stack.api.apply("PATCH", f"targets/{self.targets[name]['id']}", values)

    def engine_sees(self, name: str) -> list[dict]:
        """The target's state in each worker."""
        workers = request("GET", f"{self.stack.status}/config").json["workers"]
        return [worker["targets"][self.targets[name]["id"]] for worker in workers]

    def is_healthy(self, name: str) -> bool:
        """In the control plane and in every worker."""
        return {state["healthy"] for state in self.engine_sees(name)} == {True}

    def is_unhealthy(self, name: str) -> bool:
        return {state["healthy"] for state in self.engine_sees(name)} == {False}
