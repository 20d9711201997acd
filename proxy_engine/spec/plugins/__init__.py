"""Plugins as the operator configures them: one file per plugin, and the kind ``plugins`` whose settings they are.

What a plugin does to traffic is no business of the spec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from proxy_engine.spec import scalars
from proxy_engine.spec.entity import Entity, tags
from proxy_engine.spec.schema import Boolean, Field, Object, Problem, Reference, String

from . import (
    acl,
    basic_auth,
    correlation_id,
    cors,
    ip_restriction,
    key_auth,
    prometheus,
    proxy_cache,
    rate_limiting,
    request_size_limiting,
    request_termination,
    request_transformer,
    response_transformer,
)
from .plugin import SCOPES, Plugin, protocols_field

__all__ = ["PLUGINS", "PLUGIN_ENTITY", "SCOPES", "Plugin", "protocol_problems"]

PLUGINS: dict[str, Plugin] = {
    module.PLUGIN.name: module.PLUGIN
    for module in (
        acl,
        basic_auth,
        correlation_id,
        cors,
        ip_restriction,
        key_auth,
        prometheus,
        proxy_cache,
        rate_limiting,
        request_size_limiting,
        request_termination,
        request_transformer,
        response_transformer,
    )
}


def _known(name: str) -> str | None:
    if name in PLUGINS:
        return None
    return f"plugin '{name}' not enabled; add it to the 'plugins' configuration property"


_SCOPE_HELP = {
    "route": "Acts on requests of this route only. Empty: of any.",
    "service": "Acts on requests to this service only. Empty: to any.",
    "consumer": "Acts on requests of this consumer only. Empty: of any.",
}
_FIELDS: dict[str, Field] = {
    "name": String(required=True, rules=(_known,), max_length=255, help="Which plugin."),
    "instance_name": String(rules=(scalars.name,), max_length=255, help="A unique name for people and URLs."),
    **{scope: Reference(to=f"{scope}s", help=_SCOPE_HELP[scope]) for scope in SCOPES},
    "config": Object(default={}, required=True, help="The settings of the plugin."),
    "protocols": protocols_field(),
    "enabled": Boolean(default=True, required=True, help="Off: it does nothing."),
    "tags": tags(),
}


def _fields_of(plugin: Plugin) -> dict[str, Field]:
    """In the order of the general ones."""
    scopes = {
        scope: Reference(to=f"{scope}s", forbidden=scope not in plugin.scopes, help=_SCOPE_HELP[scope])
        for scope in SCOPES
    }
    return _FIELDS | scopes | {"config": plugin.config_field(), "protocols": plugin.protocols_field()}


FIELDS_OF: dict[str, dict[str, Field]] = {name: _fields_of(plugin) for name, plugin in PLUGINS.items()}


def _variant(values: Mapping) -> Mapping[str, Field] | None:
    name = values.get("name")
    return FIELDS_OF.get(name) if isinstance(name, str) else None


def _rules_of_the_plugin(values: Mapping) -> Iterable[Problem]:
    for rule in PLUGINS[values["name"]].rules:
        yield from rule(values)


PLUGIN_ENTITY = Entity(
    "plugins",
    "plugin",
    _FIELDS,
    (("instance_name",), ("name", "route", "service", "consumer")),
    "name",
    (_rules_of_the_plugin,),
    variant=_variant,
    endpoint_key="instance_name",
)


def protocol_problems(
    protocols: Iterable[str], route: Iterable[str] | None, routes_of_service: Iterable[Iterable[str]]
) -> Iterable[Problem]:
    """Whether a plugin can ever act on what it is bound to. Pass the protocols of its route (None: none), and those of
    each route of its service."""
    own = set(protocols)
    if route is not None and own.isdisjoint(route):
        yield Problem(("protocols",), "must match the associated route's protocols")
    of_service = [set(each) for each in routes_of_service]
    if of_service and all(own.isdisjoint(each) for each in of_service):
        text = "must match the protocols of at least one route pointing to this Plugin's service"
        yield Problem(("protocols",), text)
