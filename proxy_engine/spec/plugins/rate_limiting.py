"""rate-limiting: so many requests per second, minute, hour, day, month or year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from proxy_engine.spec import scalars
from proxy_engine.spec.entity import AtLeastOneOf
from proxy_engine.spec.schema import ENTITY, Boolean, Integer, Number, Problem, Record, String

from .plugin import Plugin, flag

PERIODS = ("second", "minute", "hour", "day", "month", "year")
LIMIT_BY = ("consumer", "credential", "ip", "service", "header", "path")
EXACT_ONLY = -1  # as sync_rate: every request asks Redis
SHORTEST_SYNC_S = 0.02


def _limit(period: str) -> Number:
    return Number(above=0, help=f"Requests per {period}. Empty: no limit.")


REDIS = Record(
    required=True,
    fields={
        "host": String(rules=(scalars.host,), max_length=255, help="The Redis server."),
        "port": Integer(default=6379, nullable=True, min=0, max=65535, help="Its port."),
        "timeout": Integer(
            default=2000, nullable=True, min=0, max=2147483646, unit="ms", help="Time allowed for one call."
        ),
        "username": String(max_length=255, help="User of the Redis server."),
        "password": String(max_length=1024, secret=True, help="Password of the Redis server."),
        "database": Integer(default=0, nullable=True, min=0, max=65535, help="Number of the database."),
        "ssl": Boolean(default=False, nullable=True, help="Connect over TLS."),
        "ssl_verify": Boolean(default=False, nullable=True, help="Check the certificate of the server."),
        "server_name": String(rules=(scalars.sni,), max_length=255, help="TLS server name."),
    },
    help="The Redis server that counts for all nodes, with policy redis.",
)


def _longer_is_no_stricter(config: Mapping) -> str | None:
    for short, long in combinations(PERIODS, 2):
        low, high = config[short], config[long]
        if low is not None and high is not None and high < low:
            return f"The limit for {long}({high:.1f}) cannot be lower than the limit for {short}({low:.1f})"
    return None


def _sync_rate(config: Mapping) -> str | None:
    rate = config["sync_rate"]
    if rate == EXACT_ONLY:
        return None
    if config["policy"] != "redis":
        return "sync_rate can only be used with the redis policy"
    return f"sync_rate must be {EXACT_ONLY} or at least {SHORTEST_SYNC_S}" if rate < SHORTEST_SYNC_S else None


def _needed_details(values: Mapping) -> Iterable[Problem]:
    config = values["config"]
    needed = []
    if config["limit_by"] in ("header", "path"):
        needed.append(("limit_by", ("header_name",) if config["limit_by"] == "header" else ("path",)))
    if config["policy"] == "redis":
        needed += [("policy", ("redis", name)) for name in ("host", "port", "timeout")]
    for cause, steps in needed:
        value = config[steps[0]] if len(steps) == 1 else config[steps[0]][steps[1]]
        if value is None:
            yield Problem(("config", *steps), "required field missing", "required")
            yield Problem(ENTITY, f"failed conditional validation given value of field 'config.{cause}'")


PLUGIN = Plugin(
    name="rate-limiting",
    priority=910,
    help="Limits how many requests are let through in a time.",
    settings={
        **{period: _limit(period) for period in PERIODS},
        "limit_by": String(default="consumer", nullable=True, choices=LIMIT_BY, help="What is counted apart."),
        "header_name": String(rules=(scalars.header_name,), max_length=255, help="The header, with limit_by header."),
        "path": String(rules=(scalars.path,), max_length=2048, help="The path, with limit_by path."),
        "policy": String(
            default="local",
            nullable=True,
            choices=("local", "cluster", "redis"),
            help="Where is counted: in each node, in the database, or in a Redis.",
        ),
        "fault_tolerant": flag(True, "Let requests pass while the counters cannot be reached."),
        "redis": REDIS,
        "hide_client_headers": flag(False, "Do not tell the client its limits."),
        "error_code": Integer(
            default=429, nullable=True, min=100, max=599, help="Status of the answer to a request beyond the limit."
        ),
        "error_message": String(
            default="API rate limit exceeded", nullable=True, help="Message of the answer beyond the limit."
        ),
        "sync_rate": Number(
            default=EXACT_ONLY,
            required=True,
            min=EXACT_ONLY,
            max=86_400,
            unit="s",
            help="How often counts are brought to Redis; -1: with each request.",
        ),
    },
    setting_rules=(_longer_is_no_stricter, _sync_rate),
    shorthands={f"redis_{name}": ("redis", name) for name in REDIS.fields},
    rules=(AtLeastOneOf(tuple(f"config.{period}" for period in PERIODS)), _needed_details),
)
