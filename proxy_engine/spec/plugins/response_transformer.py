"""response-transformer: changes headers and JSON bodies on the way to the client."""

from __future__ import annotations

from proxy_engine.spec import scalars
from proxy_engine.spec.schema import Array, Record, String

from . import entries
from .plugin import Plugin, words


def _list(sentence: str, rule: scalars.Rule | None = None, *, multiline: bool = False) -> Array:
    return words(sentence, *([rule] if rule else []), multiline=multiline, default=[], nullable=True)


def _pairs(deed: str) -> Record:
    return Record(
        required=True,
        fields={
            "json": _list(f"{deed}, as name:value.", entries.pair, multiline=True),
            "json_types": Array(
                of=String(choices=("boolean", "number", "string")),
                default=[],
                nullable=True,
                help="What each value of json is, in the same order. Empty: strings.",
            ),
            "headers": _list(f"{deed}, as Name:value.", entries.header_pair),
        },
        help=f"{deed}.",
    )


PLUGIN = Plugin(
    name="response-transformer",
    priority=800,
    help="Changes answers before they reach the client.",
    settings={
        "remove": Record(
            required=True,
            fields={
                "json": _list("Names to take out."),
                "headers": _list("Names to take out.", entries.header),
            },
            help="Names to take out.",
        ),
        "rename": Record(
            required=True,
            fields={
                "json": _list("What to rename, as old:new.", entries.pair),
                "headers": _list("What to rename, as Old:New.", entries.header_rename),
            },
            help="Names to change.",
        ),
        "replace": _pairs("What gets another value, if it is there"),
        "add": _pairs("What is added, if it is not there"),
        "append": _pairs("What is added in any case"),
    },
)
