"""What active checks can do beyond Kong's: a record of ours beside ``healthchecks.active``, which a Kong client's PUT
leaves alone. By default a check is Kong's.

What an answer must say, besides having a good status, is checked in the first ``MAX_BODY_BYTES`` of its body:

``contains``  this text stands in it
``matches``   this RE2 pattern is found in it
``json``      each entry ``path=value`` holds: the path names keys and list indexes, the value is text, or JSON

Good: ``status=UP``, ``checks.0.ok=true``, ``version="3"`` (the text 3; without quotes the number is meant too).
Bad: ``status``, ``=UP``, ``a..b=1``.
"""

from __future__ import annotations

from . import scalars
from .entity import text
from .route_rules import regex_problem
from .schema import Array, Boolean, Integer, Number, Record, String

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_BODY_BYTES = 65_536
MAX_EXPECTED = 1000  # characters


def json_expectation(value: str) -> str | None:
    path, equals, _ = value.partition("=")
    if not equals:
        return "expected path=value, such as status=UP"
    return None if all(path.split(".")) else "the path before = must name keys, with dots between them"


PROBE = Record(
    fields={
        "method": String(default="GET", choices=METHODS, help="Of the request that asks."),
        "host": text(
            scalars.host_with_optional_port,
            max_length=261,
            help="Host header and TLS name. Empty: the upstream's, or the target's.",
        ),
        "port": Integer(min=1, max=65535, help="Where to ask. Empty: the target's own port."),
        "body": String(multiline=True, help="Sent with the request."),
        "contains": String(max_length=MAX_EXPECTED, help="Text that must stand in the answer's body."),
        "matches": text(regex_problem, max_length=MAX_EXPECTED, help="RE2 pattern that must be found in the body."),
        "json": Array(
            of=text(json_expectation, max_length=MAX_EXPECTED),
            help="What the body, as JSON, must say: path=value, such as status=UP or checks.0.ok=true.",
        ),
        "grpc_service": text(
            scalars.grpc_service, max_length=255, help="The service a gRPC check asks about. Empty: the whole server."
        ),
        "jitter": Number(
            default=0,
            min=0,
            max=50,
            unit="%",
            help="Of the interval: each check begins later by chance, at most so much.",
        ),
        "start_unhealthy": Boolean(
            default=False, help="A new target gets no requests until a check of it has succeeded once."
        ),
    },
    ours=True,
    help="How the active checks ask, and what answer they want, beyond Kong's settings.",
)
