"""What describes one plugin: its settings, where it may be bound, and when it runs.

Settings say with Kong's words what they demand. ``required`` settings refuse null; ``nullable`` ones keep it beside
their default; those without a default are null when absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy_engine.spec import scalars
from proxy_engine.spec.entity import Rule
from proxy_engine.spec.schema import Array, Boolean, Field, Record, Set, String
from proxy_engine.spec.services import PROTOCOLS

HTTP = ("grpc", "grpcs", "http", "https")
SCOPES = ("route", "service", "consumer")
NO_CONSUMER = ("route", "service")
VERSION = "1.0.0"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """``priority``: the higher runs first (Kong's numbers). ``rules`` see the whole entity, as Kong's entity checks."""

    name: str
    priority: int
    help: str
    settings: Mapping[str, Field]
    setting_rules: tuple = ()  # over the settings alone; complaints stand at ``config``
    shorthands: Mapping[str, tuple[str, ...]] | None = None
    rules: tuple[Rule, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    protocols: tuple[str, ...] = HTTP  # by default
    possible_protocols: tuple[str, ...] = HTTP
    version: str = VERSION

    def config_field(self) -> Record:
        return Record(
            fields=self.settings,
            rules=self.setting_rules,
            shorthands=self.shorthands or {},
            required=True,
            help="The settings of the plugin.",
        )

    def protocols_field(self) -> Set:
        return protocols_field(self.protocols, self.possible_protocols)


def protocols_field(default: tuple[str, ...] = HTTP, possible: tuple[str, ...] = PROTOCOLS) -> Set:
    return Set(
        of=String(choices=possible),
        default=list(default),
        required=True,
        min_items=1,
        help="The protocols of requests that it acts on.",
    )


def flag(default: bool, sentence: str) -> Boolean:
    return Boolean(default=default, required=True, help=sentence)


def words(sentence: str, *rules: scalars.Rule, multiline: bool = False, **kw) -> Array:
    return Array(of=String(rules=rules, multiline=multiline), help=sentence, **kw)


def anonymous() -> String:
    return String(max_length=255, help="Id or name of the consumer that requests without credential count as.")


def realm(**kw) -> String:
    return String(rules=(_quotable,), max_length=255, help="Named in the WWW-Authenticate header of refusals.", **kw)


def _quotable(value: str) -> str | None:
    """It stands between quotation marks in a header."""
    return "must not contain quotation marks or backslashes" if '"' in value or "\\" in value else None
