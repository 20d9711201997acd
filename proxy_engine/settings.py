"""Settings of the engine, from the environment. README's table repeats them."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from .http.limits import MessageLimits, limit
from .net import dns_settings, listen

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Limits(MessageLimits):
    """Bounds on what a client controls, each set by the variable that ``variable_of`` names. 0, where it is in the
    range, switches the bound off unless the comment says otherwise. ``MessageLimits`` has those on heads and trailers.
    """

    # -- a connection: counted per worker --
    # 0: as many as leave a quarter of the open files to the rest (``server.door``); HAProxy halves them.
    connections: int = limit(0, 0, 1_048_576)
    # nginx, HAProxy, Envoy: none. Plenty for a carrier's NAT, and no one address takes all files. Networks in
    # GATEWAY_TRUSTED_IPS are exempt.
    connections_per_client: int = limit(10_000, 0, 1_048_576)
    first_byte_s: float = limit(30, 1, 3600)  # until the first request begins; nginx 60, Apache 20
    keep_alive_s: float = limit(75, 1, 86_400)  # idle between requests; nginx 75, Envoy 1 h
    requests_per_connection: int = limit(100_000, 1, 1_000_000_000)  # nginx 1,000, Kong 10,000, Envoy any number
    linger_s: float = limit(2, 0, 60)  # reading on after an early answer, so that the client gets to see it; nginx 5

    # -- a request --
    head_s: float = limit(15, 1, 3600)  # from the first byte of a head to its end; nginx 60, Apache 20, Envoy none
    # nginx 1 MiB, Kong and Envoy none. A body is passed on, not kept: this bounds what targets must be ready to read.
    body_bytes: int = limit(10_485_760, 0, 10**17)
    body_idle_s: float = limit(60, 1, 86_400)  # between two reads of a body; nginx 60, Envoy 300
    body_bytes_per_s: int = limit(240, 0, 1_000_000_000)  # no body comes slower; Kestrel 240, Apache 500, nginx none
    rate_grace_s: float = limit(20, 0, 3600)  # before a rate must be kept; Apache 20, Kestrel 5; 0: from the start
    # Of a request kept for another try; 0: none is. nginx 8 or 16 KiB (then a file), Envoy 1 MiB.
    replay_bytes: int = limit(65_536, 0, 16_777_216)

    # -- a response --
    send_idle_s: float = limit(60, 1, 86_400)  # between two successful writes to a client; nginx 60, Envoy 300
    send_bytes_per_s: int = limit(240, 0, 1_000_000_000)  # nobody may take it slower; Kestrel 240, nginx none

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Limits:
        """Raises ValueError that names the variable."""
        return cls(
            **{
                field.name: _number(env, variable_of(field.name), field.default, *field.metadata["range"])
                for field in fields(cls)
            }
        )


def variable_of(name: str) -> str:
    """``body_bytes_per_s`` → ``GATEWAY_LIMIT_BODY_BYTES_PER_SECOND``, ``head_s`` → ``GATEWAY_LIMIT_HEAD_SECONDS``."""
    if name.endswith("_s"):
        name = name[:-1] + ("second" if name.endswith("_per_s") else "seconds")
    return f"GATEWAY_LIMIT_{name.upper()}"


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    path: Path | None  # None: standard output
    format: str = "json"  # or "combined"
    max_bytes: int = 100 * 2**20  # then the file begins anew and one predecessor is kept; 0 = rotated from outside
    with_query: bool = True


RESPONSE_HEADERS = {
    "server_tokens": ("server", "via"),
    "latency_tokens": ("x-kong-upstream-latency", "x-kong-proxy-latency", "x-kong-response-latency"),
    "off": (),
} | {
    name: (name,)
    for name in (
        "server",
        "via",
        "x-kong-proxy-latency",
        "x-kong-request-id",
        "x-kong-response-latency",
        "x-kong-upstream-latency",
        "x-kong-upstream-status",
    )
}
"""What GATEWAY_RESPONSE_HEADERS may list, as Kong's ``headers``, and the fields that each stands for."""


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
    access_log: AccessLogSettings | None = None
    dns_servers: tuple[str, ...] = ()  # none: those of the system
    dns_order: tuple[str, ...] = dns_settings.TYPES  # record types; the first that a name has counts
    response_headers: frozenset[str] = frozenset(("server", "via", "x-kong-request-id"))  # lower-case names

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
            limits=Limits.from_env(env),
            dns_servers=_parsed(env, "GATEWAY_DNS_SERVERS", "", dns_settings.parse_servers),
            dns_order=_parsed(env, "GATEWAY_DNS_ORDER", "A,AAAA", dns_settings.parse_order),
            access_log=_access_log(env),
            response_headers=_response_headers(env, "GATEWAY_RESPONSE_HEADERS"),
        )


def _addresses(env: Mapping[str, str], name: str, default: str) -> tuple[listen.Listen, ...]:
    try:
        return tuple(listen.parse(env.get(name) or default))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _parsed(
    env: Mapping[str, str], name: str, default: str, parse: Callable[[str], tuple[str, ...]]
) -> tuple[str, ...]:
    try:
        return parse(env.get(name) or default)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    if not is_number or not low <= int(text) <= high:
        raise ValueError(f"{name}: {text!r} is no number from {low} to {high}")
    return int(text)


def _networks(env: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in env.get(name, "").split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _choice(env: Mapping[str, str], name: str, *choices: str) -> str:
    """The first one is the default."""
    text = (env.get(name) or choices[0]).lower()
    if text not in choices:
        raise ValueError(f"{name}: {text!r} is none of {', '.join(choices)}")
    return text


def _access_log(env: Mapping[str, str]) -> AccessLogSettings | None:
    rules = AccessLogSettings(
        path=Path(env.get("GATEWAY_ACCESS_LOG") or Path(env.get("GATEWAY_DATA_DIR") or "var") / "access.log"),
        format=_choice(env, "GATEWAY_ACCESS_LOG_FORMAT", "json", "combined"),
        max_bytes=_number(env, "GATEWAY_ACCESS_LOG_MEGABYTES", 100, 0, 1_000_000) * 2**20,
        with_query=_choice(env, "GATEWAY_ACCESS_LOG_QUERY", "on", "off") == "on",
    )
    where = str(rules.path)
    if where == "off":
        return None
    return replace(rules, path=None) if where == "stdout" else rules


def _response_headers(env: Mapping[str, str], name: str) -> frozenset[str]:
    chosen: set[str] = set()
    for part in (env.get(name) or "server_tokens, X-Kong-Request-Id").lower().split(","):
        if part.strip() not in RESPONSE_HEADERS:
            raise ValueError(f"{name}: {part.strip()!r} is none of {', '.join(RESPONSE_HEADERS)}")
        chosen.update(RESPONSE_HEADERS[part.strip()])
    return frozenset(chosen)
