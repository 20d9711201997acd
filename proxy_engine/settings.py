"""Settings of the engine, from the environment. README's table repeats them."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .net import listen

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a client controls. Seconds unless the name says otherwise."""

    keep_alive_s: float = 75.0  # idle between requests; nginx 75
    head_s: float = 15.0  # from the first byte of a head to its end
    body_idle_s: float = 60.0  # between two reads of a request body; nginx 60
    send_idle_s: float = 60.0  # between two successful writes to a client; nginx 60
    requests_per_connection: int = 100_000
    replay_bytes: int = 65_536  # of a request kept for another try
    linger_s: float = 2.0  # reading on after an early answer, so that the client gets to see it


@dataclass(frozen=True, slots=True)
class EngineSettings:
    proxy_listen: tuple[listen.Listen, ...]
    status_listen: tuple[listen.Listen, ...]
    workers: int
    data_dir: Path
    trusted_ips: tuple[Network, ...] = ()
    drain_s: float = 30.0  # for requests in flight when the engine stops
    node_name: str = ""
    limits: Limits = Limits()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> EngineSettings:
        """Raises ValueError that names the variable."""
        return cls(
            proxy_listen=_addresses(env, "GATEWAY_PROXY_LISTEN", "0.0.0.0:8000"),
            status_listen=_addresses(env, "GATEWAY_STATUS_LISTEN", "127.0.0.1:8100"),
            workers=_number(env, "GATEWAY_WORKERS", len(os.sched_getaffinity(0)), 1, 1024),
            data_dir=Path(env.get("GATEWAY_DATA_DIR") or "var"),
            trusted_ips=_networks(env, "GATEWAY_TRUSTED_IPS"),
            drain_s=_number(env, "GATEWAY_DRAIN_SECONDS", 30, 0, 3600),
            node_name=env.get("GATEWAY_NODE_NAME") or os.uname().nodename,
        )


def _addresses(env: Mapping[str, str], name: str, default: str) -> tuple[listen.Listen, ...]:
    try:
        return tuple(listen.parse(env.get(name) or default))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or not low <= int(text) <= high:
        raise ValueError(f"{name}: {text!r} is no number from {low} to {high}")
    return int(text)


def _networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in env.get(name, "").split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
