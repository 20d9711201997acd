"""An access log that keeps its lines."""

from __future__ import annotations

import json
from typing import Any

from proxy_engine.telemetry.access_log import FORMATS, AccessLog
from tests.proxy_engine.support.gateway import Gateway


class KeptLines:
    """In a writer's place."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def put(self, lines: bytes, count: int) -> None:
        assert lines.endswith(b"\n")
        self.lines += lines.splitlines()
        assert count == lines.count(b"\n")


def log_of(gateway: Gateway, form: str = "json", *, with_query: bool = True) -> AccessLog:
    """From now on the gateway has one."""
    gateway.engine.access_log = FORMATS[form](KeptLines(), with_query=with_query)
    return gateway.engine.access_log


def lines_of(log: AccessLog) -> list[bytes]:
    log.flush()
    return log.writer.lines


def entries_of(log: AccessLog) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(log)]
