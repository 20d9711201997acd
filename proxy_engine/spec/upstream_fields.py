"""What an upstream and its targets can do that Kong's cannot: records of ours, each off or at Kong's behaviour by
default."""

from __future__ import annotations

from .schema import Boolean, Integer, Number, Record, Set, String

DAY_MS = 86_400_000
LONGEST_DRAIN_S = 7 * 86_400
LAST_MOMENT = 253_402_300_799  # unix seconds of 9999-12-31, the last that a date can hold

RETRY = Record(
    fields={
        "statuses": Set(
            of=Integer(min=400, max=599),
            default=[],
            help="Answers that are tried again on another target, for idempotent methods. Empty: none.",
        ),
        "on_read_timeout": Boolean(
            default=False,
            help="Try again when a target does not answer, or take the request, in time; for idempotent methods.",
        ),
        "backoff": Integer(
            default=0, min=0, max=60_000, unit="ms", help="Wait before the first further try; doubles each time."
        ),
        "max_backoff": Integer(default=1000, min=1, max=60_000, unit="ms", help="Longest wait between two tries."),
        "total_timeout": Integer(
            default=0,
            min=0,
            max=DAY_MS,
            unit="ms",
            help="Time for all tries, from the complete request until an answer begins; 0: no limit.",
        ),
        "budget": Number(
            default=0,
            min=0,
            max=100,
            unit="%",
            help="Share of the requests under way that may be further tries; 0: no limit.",
        ),
        "budget_min": Integer(default=3, min=0, max=10_000, help="Further tries at once that are always allowed."),
    },
    ours=True,
    help="When a failed try is made again, beyond the service's number of retries.",
)

CIRCUIT_BREAKER = Record(
    fields={
        "consecutive_failures": Integer(
            default=0, min=0, max=10_000, help="Failures in a row until a target is ejected; 0: never."
        ),
        "failure_percentage": Number(
            default=0,
            min=0,
            max=100,
            unit="%",
            help="Failures within the window that eject a target; 0: never.",
        ),
        "minimum_requests": Integer(
            default=20, min=1, max=1_000_000, help="Requests within the window before the share counts."
        ),
        "window": Number(default=10, min=1, max=3600, unit="s", help="The time over which the share is taken."),
        "http_statuses": Set(
            of=Integer(min=100, max=999),
            default=[500, 502, 503, 504],
            help="Statuses that count as failure.",
        ),
        "open_time": Number(
            default=10, min=0.1, max=3600, unit="s", help="How long a target stays ejected before it is tried again."
        ),
        "half_open_requests": Integer(
            default=1, min=1, max=1000, help="Trial requests that must succeed before a target is let back in."
        ),
        "max_ejected": Number(
            default=50, min=0, max=100, unit="%", help="Share of the targets that may be ejected at once."
        ),
    },
    ours=True,
    help="Takes targets out for a time when real requests fail.",
)

CONNECTIONS = Record(
    fields={
        "pool_size": Integer(default=512, min=0, max=65_535, help="Idle connections kept per target; 0: none."),
        "idle_timeout": Number(default=60, min=0.1, max=86_400, unit="s", help="How long an idle connection is kept."),
        "max_requests": Integer(
            default=10_000, min=0, max=2**31 - 1, help="Requests over one connection before it is closed; 0: no limit."
        ),
        "connect_timeout": Integer(min=1, max=2147483646, unit="ms", help="Empty: the service's."),
        "write_timeout": Integer(min=1, max=2147483646, unit="ms", help="Empty: the service's."),
        "read_timeout": Integer(min=1, max=2147483646, unit="ms", help="Empty: the service's."),
        "tcp_keepalive_idle": Integer(
            default=0, min=0, max=32_767, unit="s", help="Silence before TCP probes a connection; 0: no probes."
        ),
        "tcp_keepalive_interval": Integer(default=15, min=1, max=32_767, unit="s", help="Time between two TCP probes."),
        "tcp_keepalive_count": Integer(default=3, min=1, max=127, help="Unanswered TCP probes until it is closed."),
        "receive_buffer": Integer(
            default=0, min=0, max=16_777_216, unit="bytes", help="Socket receive buffer; 0: the system's."
        ),
        "tcp_fast_open": Boolean(default=False, help="Send the first request with the SYN where both systems can."),
    },
    ours=True,
    help="How connections to the targets are opened and kept.",
)

SLOW_START = Record(
    fields={
        "window": Number(
            default=0,
            min=0,
            max=3600,
            unit="s",
            help="Time until a target that is new or came back has its full share; 0: it has it at once.",
        ),
        "min_share": Number(default=10, min=1, max=100, unit="%", help="Of its full share, with which it begins."),
        "aggression": Number(
            default=1,
            min=0.1,
            max=10,
            help="1: the share grows evenly; above 1: more at the beginning; below 1: more towards the end.",
        ),
    },
    ours=True,
    help="Lets targets that are new or came back warm up, while others carry the load.",
)

DRAIN_THEN = ("off", "remove", "return")

DRAIN = Record(
    fields={
        "since": Number(required=True, min=0, max=LAST_MOMENT, unit="unix seconds", help="When it began."),
        "until": Number(required=True, min=0, max=LAST_MOMENT, unit="unix seconds", help="When it is over."),
        "then": String(
            default="off",
            choices=DRAIN_THEN,
            help="What becomes of the target then: it is disabled, removed, or gets traffic again.",
        ),
        "keep_sticky": Boolean(
            default=False,
            help="With consistent hashing on a client's cookie, header, address or consumer, clients whose hash leads "
            "to it stay until the end.",
        ),
    },
    nullable=True,
    ours=True,
    help="While it drains: no new requests, those under way finish. Begun with POST .../drain; null: it does not.",
)
