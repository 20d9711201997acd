"""Whether a failed attempt may be made again, as a table.

Rules (RFC 9110 §9.2.2, Kong's behaviour): nothing is repeated once a byte of a response was passed on or a part of the
request is no longer at hand. A request that may have been processed is repeated only if its method is idempotent.
A timeout is never repeated: the target may still be at work.
"""

from __future__ import annotations

from proxy_engine.errors import FailureKind

IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))

ALWAYS, IF_IDEMPOTENT, NEVER = "always", "if idempotent", "never"

MAY_REPEAT = {
    FailureKind.CONNECT: ALWAYS,
    FailureKind.CONNECT_TIMEOUT: ALWAYS,
    FailureKind.STALE: IF_IDEMPOTENT,
    FailureKind.RESET: IF_IDEMPOTENT,
    FailureKind.BAD_RESPONSE: IF_IDEMPOTENT,
    FailureKind.TIMEOUT: NEVER,
}

FINAL_STATUS = {
    FailureKind.CONNECT: 502,
    FailureKind.CONNECT_TIMEOUT: 504,
    FailureKind.STALE: 502,
    FailureKind.RESET: 502,
    FailureKind.BAD_RESPONSE: 502,
    FailureKind.TIMEOUT: 504,
}
"""The client's answer when no further try is made (Kong: 504 if the last try timed out, else 502)."""


def may_repeat(kind: FailureKind, method: bytes, *, body_at_hand: bool) -> bool:
    rule = MAY_REPEAT[kind]
    return body_at_hand and (rule is ALWAYS or (rule is IF_IDEMPOTENT and method in IDEMPOTENT))
