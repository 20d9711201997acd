"""The form of a plugin, made from its settings: whatever ``proxy_engine.spec.plugins`` describes has a form.

Settings stand in one section, records of settings in one of their own each; what binds the plugin and what all plugins
have comes around them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from proxy_engine import spec

from .sections import Section, labels

_UPPER = {"ttl", "uri", "http", "ssl", "ip", "id", "url", "json"}


@cache
def sections_of(name: str) -> tuple[Section, ...]:
    plugin = spec.PLUGINS[name]
    fields = spec.KINDS["plugins"].fields_for({"name": name})
    scopes = [scope for scope in plugin.scopes if not fields[scope].forbidden]
    bound = ", ".join(f"{scope}s" for scope in scopes)
    return (
        Section(
            "Acts on",
            {scope: scope.capitalize() for scope in scopes},
            is_folded=False,
            note=f"Nothing named: on all requests. It may be bound to {bound}, each for itself or together.",
        ),
        *_settings(plugin.settings),
        Section("Plugin", labels("enabled", "instance_name", "protocols", "tags"), is_folded=False),
    )


def _settings(settings: Mapping[str, spec.Field]) -> Iterator[Section]:
    """The plain ones first; a record that has records in it is told in as many sections."""
    plain = {f"config.{name}": _words(name) for name, rule in settings.items() if not isinstance(rule, spec.Record)}
    if plain:
        yield Section("Settings", plain, is_folded=False)
    for name, rule in settings.items():
        if isinstance(rule, spec.Record):
            yield from _record((name,), rule)


def _record(path: tuple[str, ...], record: spec.Record) -> Iterator[Section]:
    before = ".".join(("config", *path))
    inner = {name: rule for name, rule in record.fields.items() if not isinstance(rule, spec.Record)}
    title = ": ".join(map(_words, path))
    yield Section(title, {f"{before}.{name}": _words(name) for name in inner}, note=record.help)
    for name, rule in record.fields.items():
        if isinstance(rule, spec.Record):
            yield from _record((*path, name), rule)


def _words(name: str) -> str:
    """``cache_ttl`` → ``Cache TTL``; names of headers stay as they are."""
    if not name.islower():
        return name
    words = [word.upper() if word in _UPPER else word for word in name.split("_")]
    return words[0][0].upper() + " ".join(words)[1:]
