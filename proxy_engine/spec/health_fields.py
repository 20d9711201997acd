"""The ``healthchecks`` record of an upstream, with Kong's names, defaults and ranges."""

from __future__ import annotations

from . import scalars
from .schema import Array, Boolean, Integer, Map, Number, Record, Set, String

CHECK_TYPES = ("tcp", "http", "https", "grpc", "grpcs")
ACTIVE_OK = [200, 302]
ACTIVE_BAD = [429, 404, 500, 501, 502, 503, 504, 505]
PASSIVE_OK = [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 306, 307, 308]
PASSIVE_BAD = [429, 500, 503]


def _seconds(default: float, sentence: str) -> Number:
    return Number(default=default, min=0, max=65535, unit="s", help=sentence)


def _count(sentence: str) -> Integer:
    return Integer(default=0, min=0, max=255, help=sentence)


def _statuses(default: list[int], sentence: str) -> Set:
    return Set(of=Integer(min=100, max=999), default=default, help=sentence)


def _failure_counts() -> dict[str, Integer]:
    return {
        "tcp_failures": _count("Failed connections until a target is unhealthy; 0: never."),
        "timeouts": _count("Timeouts until a target is unhealthy; 0: never."),
        "http_failures": _count("Bad statuses until a target is unhealthy; 0: never."),
    }


ACTIVE = Record(
    fields={
        "type": String(default="http", choices=CHECK_TYPES, help="What a check does: a request, or only a connection."),
        "timeout": _seconds(1, "Time allowed for one check."),
        "concurrency": Integer(default=10, min=1, max=2**31, help="Checks under way at once."),
        "http_path": String(default="/", rules=(scalars.path,), help="Path of the request, without a host."),
        "https_sni": String(rules=(scalars.sni,), help="TLS server name. Empty: the Host header's name."),
        "https_verify_certificate": Boolean(default=True, help="Check the target's certificate."),
        "headers": Map(
            values=Array(of=String()),
            keys=(scalars.header_name,),
            help="Headers added to the request.",
        ),
        "healthy": Record(
            fields={
                "interval": _seconds(0, "Time between checks of a healthy target; 0: none."),
                "http_statuses": _statuses(ACTIVE_OK, "Statuses that count as success."),
                "successes": _count("Successes in a row until a target is healthy again; 0: never."),
            }
        ),
        "unhealthy": Record(
            fields={
                "interval": _seconds(0, "Time between checks of an unhealthy target; 0: none."),
                "http_statuses": _statuses(ACTIVE_BAD, "Statuses that count as failure."),
                **_failure_counts(),
            }
        ),
    }
)

PASSIVE = Record(
    fields={
        "type": String(default="http", choices=CHECK_TYPES, help="Kept for Kong clients."),
        "healthy": Record(
            fields={
                "http_statuses": _statuses(PASSIVE_OK, "Statuses of real answers that count as success."),
                "successes": _count("Successes in a row until a target is healthy again; 0: never."),
            }
        ),
        "unhealthy": Record(
            fields={
                "http_statuses": _statuses(PASSIVE_BAD, "Statuses of real answers that count as failure."),
                **_failure_counts(),
            }
        ),
    }
)

HEALTHCHECKS = Record(
    fields={
        "active": ACTIVE,
        "passive": PASSIVE,
        "threshold": Number(
            default=0, min=0, max=100, unit="%", help="Share of the weight that must be available, else 503."
        ),
    },
    help="When a target counts as healthy.",
)
