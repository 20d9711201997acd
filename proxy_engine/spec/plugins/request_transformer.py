"""request-transformer: changes headers, query, body and path on the way to the target."""

from __future__ import annotations

from proxy_engine.spec import scalars
from proxy_engine.spec.schema import Array, Field, Record, String

from . import entries
from .plugin import Plugin, words


def _list(sentence: str, rule: scalars.Rule | None = None, *, multiline: bool = False) -> Array:
    return words(sentence, *([rule] if rule else []), multiline=multiline, default=[], nullable=True)


def _pairs(deed: str, **more: Field) -> Record:
    return Record(
        required=True,
        fields={
            "body": _list(f"{deed}, as name:value.", entries.with_value, multiline=True),
            "headers": _list(f"{deed}, as Name:value.", entries.header_pair),
            "querystring": _list(f"{deed}, as name:value.", entries.with_value),
            **more,
        },
        help=f"{deed}.",
    )


PLUGIN = Plugin(
    name="request-transformer",
    priority=801,
    help="Changes requests before they are forwarded.",
    settings={
        "http_method": String(rules=(scalars.method,), max_length=64, help="The method that is sent instead."),
        "remove": Record(
            required=True,
            fields={
                "body": _list("Names to take out."),
                "headers": _list("Names to take out.", entries.header),
                "querystring": _list("Names to take out."),
            },
            help="Names to take out.",
        ),
        "rename": Record(
            required=True,
            fields={
                "body": _list("What to rename, as old:new.", entries.with_value),
                "headers": _list("What to rename, as Old:New.", entries.header_rename),
                "querystring": _list("What to rename, as old:new.", entries.with_value),
            },
            help="Names to change.",
        ),
        "replace": _pairs(
            "What gets another value, if it is there",
            uri=String(max_length=2048, help="The path that is sent instead."),
        ),
        "add": _pairs("What is added, if it is not there"),
        "append": _pairs("What is added in any case"),
    },
)
