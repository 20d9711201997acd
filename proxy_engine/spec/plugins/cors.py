"""cors: which pages of other origins may read answers."""

from __future__ import annotations

from proxy_engine.spec import scalars
from proxy_engine.spec.route_rules import regex_problem
from proxy_engine.spec.schema import Array, Boolean, Number, String

from .plugin import NO_CONSUMER, Plugin, flag, words

METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT")


def _origin(value: str) -> str | None:
    return None if value == "*" or regex_problem(value) is None else f"'{value}' is not a valid regex"


def _header(value: str) -> str | None:
    return None if value == "*" else scalars.header_name(value)


PLUGIN = Plugin(
    name="cors",
    priority=2000,
    help="Lets browsers read answers from pages of other origins.",
    scopes=NO_CONSUMER,
    settings={
        "origins": words("Origins, * or regular expressions. Empty: any.", _origin),
        "methods": Array(
            of=String(choices=METHODS), default=list(METHODS), nullable=True, help="Methods that pages may use."
        ),
        "headers": words("Headers that pages may send. Empty: those they ask for.", _header),
        "exposed_headers": words("Headers of answers that pages may read.", _header),
        "max_age": Number(min=-1, max=2**31 - 1, unit="s", help="How long a browser may keep the permission."),
        "credentials": flag(False, "Allow cookies and other credentials."),
        "private_network": flag(False, "Allow pages of public networks."),
        "preflight_continue": flag(False, "Send the browser's question on to the target."),
        "allow_origin_absent": Boolean(
            default=True, nullable=True, help="Answer with the headers although the request names no origin."
        ),
    },
)
