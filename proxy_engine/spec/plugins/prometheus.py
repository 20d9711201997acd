"""prometheus: which figures are kept for Prometheus to read."""

from __future__ import annotations

from proxy_engine.spec.schema import Boolean
from proxy_engine.spec.services import PROTOCOLS

from .plugin import Plugin


def _off(sentence: str) -> Boolean:
    return Boolean(default=False, nullable=True, help=sentence)


PLUGIN = Plugin(
    name="prometheus",
    priority=13,
    help="Keeps figures for Prometheus.",
    possible_protocols=PROTOCOLS,
    settings={
        "per_consumer": _off("Count for each consumer apart."),
        "status_code_metrics": _off("Requests by status."),
        "latency_metrics": _off("Times spent here and in the targets."),
        "bandwidth_metrics": _off("Bytes in both directions."),
        "upstream_health_metrics": _off("Health of each target."),
        "ai_metrics": _off("Kept for Kong clients."),
        "wasm_metrics": _off("Kept for Kong clients."),
    },
)
