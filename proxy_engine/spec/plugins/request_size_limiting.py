"""request-size-limiting: refuses requests with too large a body."""

from __future__ import annotations

from proxy_engine.spec.schema import Integer, String

from .plugin import Plugin, flag

PLUGIN = Plugin(
    name="request-size-limiting",
    priority=951,
    help="Refuses requests whose body is too large.",
    settings={
        "allowed_payload_size": Integer(
            default=128, nullable=True, min=0, max=2**31 - 1, help="The largest body, in units of size_unit."
        ),
        "size_unit": String(
            default="megabytes",
            required=True,
            choices=("megabytes", "kilobytes", "bytes"),
            help="2^20, 2^10 or 1 byte.",
        ),
        "require_content_length": flag(False, "Refuse requests that do not tell the length of their body."),
    },
)
