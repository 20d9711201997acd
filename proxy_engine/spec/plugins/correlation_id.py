"""correlation-id: gives every request an id that targets and logs share."""

from __future__ import annotations

from proxy_engine.spec import scalars
from proxy_engine.spec.schema import String

from .plugin import Plugin, flag

PLUGIN = Plugin(
    name="correlation-id",
    priority=100001,
    help="Gives every request an id in a header.",
    settings={
        "header_name": String(
            default="Kong-Request-ID",
            nullable=True,
            rules=(scalars.header_name,),
            max_length=255,
            help="The header with the id.",
        ),
        "generator": String(
            default="uuid#counter",
            required=True,
            choices=("uuid", "uuid#counter", "tracker"),
            help="How ids are made.",
        ),
        "echo_downstream": flag(False, "Tell the client the id too."),
    },
)
