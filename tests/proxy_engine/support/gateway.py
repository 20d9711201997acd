"""A real engine with real sockets in the test's own event loop, on a free port, from entities as they are stored."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from proxy_engine.engine import Engine
from proxy_engine.health.state import TargetState
from proxy_engine.server.client import ClientConnection
from proxy_engine.settings import EngineSettings
from proxy_engine.sources import ChangeRow, HealthFact, Snapshot
from proxy_engine.upstream.connection import UpstreamConnection
from tests.proxy_engine.builders import values

from .client import RawClient, Response, a_request
from .targets import ScriptedTarget, a_listener
from .waiting import until


class Gateway:
    def __init__(
        self, data_dir: Path, *, env: dict[str, str] | None = None, kernel_bytes: int | None = None, **limits: float
    ) -> None:
        """``kernel_bytes``: how little the kernel may keep for a client. ``limits``: fields of ``Limits``."""
        settings = EngineSettings.from_env({"GATEWAY_DATA_DIR": str(data_dir)} | (env or {}))
        self.loop = asyncio.get_running_loop()
        self.engine = Engine(replace(settings, limits=replace(settings.limits, **limits)), self.loop)
        self.states: set[TargetState] = set()  # all there ever were
        self.skipped_s = 0.0
        self.port = 0
        self.defects: list[dict[str, Any]] = []  # what callbacks raised
        self._listener = a_listener(kernel_bytes)
        self._server: asyncio.AbstractServer | None = None
        self._clients: list[RawClient] = []
        self._sweeping: asyncio.Task | None = None

    async def start(self) -> Self:
        self.loop.set_exception_handler(lambda _, context: self.defects.append(context))
        self._server = await self.loop.create_server(
            lambda: ClientConnection(self.engine, "http"), sock=self._listener, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    # -- configuration ----------------------------------------------------------

    @property
    def version(self) -> int:
        return self.engine.runtime.version

    def load(self, *entities: tuple[str, dict[str, Any]], health: list[HealthFact] | None = None) -> None:
        """The whole configuration: (kind, values) pairs."""
        tables: dict[str, list[dict]] = {"services": [], "routes": [], "upstreams": [], "targets": []}
        for kind, entity in entities:
            tables[kind].append(entity)
        self.engine.load(Snapshot(self.version + 1, tables, health or []))
        self.states.update(self.engine._states.values())

    def apply(self, *entities: tuple[str, dict[str, Any]]) -> None:
        """Edits: (kind, values) pairs."""
        version = self.version + 1
        self.engine.apply(version, [ChangeRow(version, kind, entity["id"], entity) for kind, entity in entities])
        self.states.update(self.engine._states.values())

    def delete(self, kind: str, entity: dict[str, Any]) -> None:
        version = self.version + 1
        self.engine.apply(version, [ChangeRow(version, kind, entity["id"], None)])

    def serve(self, *targets: ScriptedTarget | str, upstream: dict[str, Any] | None = None, **service: Any) -> Scene:
        """A configuration with one route for every path, to one upstream with these targets (or addresses)."""
        addresses = [target if isinstance(target, str) else target.address for target in targets]
        scene = Scene(self, addresses, service, upstream or {})
        self.load(*scene.entities)
        return scene

    # -- clients ----------------------------------------------------------------

    async def connect(self, **options: Any) -> RawClient:
        client = await RawClient.connect(self.port, **options)
        self._clients.append(client)
        return client

    async def ask(self, target: str = "/", *fields: bytes, **request: Any) -> Response:
        """One request on a connection of its own."""
        client = await self.connect()
        response = await client.ask(a_request(target, *fields, **request), request.get("method", "GET"))
        client.close()
        return response

    def connections(self) -> list[ClientConnection]:
        return list(self.engine.clients)

    def upstream_in_use(self) -> UpstreamConnection | None:
        """The connection to a target on which an exchange is under way."""
        used = [connection for pool in self.engine.pools for connection in pool.connections if connection.sink]
        assert len(used) <= 1
        return used[0] if used else None

    # -- time -------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """For the engine so much time is over at once."""
        self.skipped_s += seconds
        self.engine.sweep(self.loop.time() + self.skipped_s)

    def sweep_for_ever(self) -> None:
        self._sweeping = asyncio.create_task(self.engine.sweep_for_ever())

    # -- end --------------------------------------------------------------------

    def is_at_rest(self) -> bool:
        """No attempt in flight, nobody connected, no connection to a target in use or being opened."""
        pools = self.engine.pools
        return (
            not any(state.active for state in self.states)
            and not self.engine.clients
            and not any(pool.openings for pool in pools)
            and not any(connection.sink for pool in pools for connection in pool.connections)
            and not any(budget.under_way for budget in self.engine.compiler.budgets.values())
        )

    async def stop(self) -> None:
        """Everyone hangs up; whatever the test did, nothing may be left over."""
        for client in self._clients:
            client.reset()
        try:
            await until(self.is_at_rest)
        finally:
            await self._close()
        assert not any(state.active < 0 for state in self.states)
        assert not self.defects, self.defects

    async def _close(self) -> None:
        self._server.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        for connection in self.connections():
            connection.cut()
        for pool in list(self.engine.pools):
            for connection in list(pool.connections):
                connection.transport.abort()
        self.engine.close()
        await asyncio.sleep(0)


class Scene:
    """The entities behind one route for every path."""

    def __init__(
        self, gateway: Gateway, addresses: list[str], service: dict[str, Any], upstream: dict[str, Any]
    ) -> None:
        self.gateway = gateway
        self.upstream = values("upstreams", **{"name": "pool.test"} | upstream)
        self.targets = [values("targets", target=address, upstream=self.upstream_link) for address in addresses]
        self.service = values("services", **{"host": "pool.test"} | service)
        self.route = values("routes", paths=["/"], service={"id": self.service["id"]}, strip_path=False)

    @property
    def upstream_link(self) -> dict[str, str]:
        return {"id": self.upstream["id"]}

    @property
    def entities(self) -> list[tuple[str, dict[str, Any]]]:
        targets = [("targets", target) for target in self.targets]
        return [("upstreams", self.upstream), *targets, ("services", self.service), ("routes", self.route)]

    def state(self, number: int = 0) -> TargetState:
        return self.gateway.engine._states[self.targets[number]["id"]]
