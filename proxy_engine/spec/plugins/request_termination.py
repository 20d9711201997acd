"""request-termination: answers itself, e.g. while a service is under maintenance."""

from __future__ import annotations

from collections.abc import Mapping

from proxy_engine.spec import scalars
from proxy_engine.spec.schema import MAX_TEXT, Integer, String

from .plugin import Plugin, flag


def _one_kind_of_answer(config: Mapping) -> str | None:
    message, body, content_type = config["message"], config["body"], config["content_type"]
    if message is not None and (content_type is not None or body is not None):
        return "message cannot be used with content_type or body"
    if content_type is not None and body is None:
        return "content_type requires a body"
    if config["echo"] and (content_type is not None or body is not None):
        return "echo cannot be used with content_type and body"
    return None


PLUGIN = Plugin(
    name="request-termination",
    priority=2,
    help="Answers requests instead of forwarding them.",
    settings={
        "status_code": Integer(default=503, nullable=True, min=100, max=599, help="Status of the answer."),
        "message": String(help="Message of the answer, in JSON."),
        "content_type": String(max_length=255, help="Content type of the body."),
        "body": String(multiline=True, max_length=8 * MAX_TEXT, help="The answer as it is sent."),
        "echo": flag(False, "Answer with what the request was."),
        "trigger": String(
            rules=(scalars.header_name,),
            max_length=255,
            help="Answer only requests that have this header or query argument.",
        ),
    },
    setting_rules=(_one_kind_of_answer,),
)
