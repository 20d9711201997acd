"""All kinds of entities, and what can be done with their values. Facts: Kong Admin API 3.10, community edition.

``check`` never raises, whatever it is fed; it returns values in normal form and what is wrong with them.
``expand`` turns a client's shorthands and couplings (``url``, ``hash_on`` → ``algorithm``) into plain fields; the REST
dialects call it on what they received, before merging and checking.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .certificates import CA_CERTIFICATES, CERTIFICATES, SNIS
from .entity import CONTROL_FIELDS, Entity
from .people import ACLS, BASICAUTH_CREDENTIALS, CONSUMERS, KEYAUTH_CREDENTIALS
from .plugins import PLUGIN_ENTITY
from .routes import ROUTES
from .schema import ENTITY, Checked, Problem, check_fields, merge_fields
from .services import SERVICES
from .upstreams import TARGETS, UPSTREAMS

KINDS: dict[str, Entity] = {
    entity.kind: entity
    for entity in (
        SERVICES,
        ROUTES,
        UPSTREAMS,
        TARGETS,
        CONSUMERS,
        KEYAUTH_CREDENTIALS,
        BASICAUTH_CREDENTIALS,
        ACLS,
        PLUGIN_ENTITY,
        CERTIFICATES,
        SNIS,
        CA_CERTIFICATES,
    )
}


def check(kind: str, values: Any) -> Checked:
    """Values in normal form and what is wrong with them. The control plane's fields pass through untouched.

    Rules over several fields run only when each field for itself is well-formed.
    """
    entity = KINDS[kind]
    if not isinstance(values, Mapping):
        return Checked({}, [Problem(ENTITY, "expected a record")])
    problems: list[Problem] = []
    own = {name: value for name, value in values.items() if name not in CONTROL_FIELDS and name not in entity.also}
    checked = check_fields(entity.fields_for(own), entity.fill(own) if entity.fill else own, (), problems)
    along = {
        name: field.check(values[name], (name,), problems) for name, field in entity.also.items() if name in values
    }
    if not problems:
        problems.extend(problem for rule in entity.rules for problem in rule(checked | along))
    if not problems and entity.normalise:
        checked = entity.normalise(checked)
    return Checked({name: values[name] for name in CONTROL_FIELDS if name in values} | checked | along, problems)


def merge(kind: str, current: Mapping, patch: Mapping) -> dict[str, Any]:
    """PATCH: records merge deeply, lists and maps are replaced, null unsets."""
    return merge_fields(KINDS[kind].fields_for({**current, **patch}), current, patch)


def defaults(kind: str, values: Mapping = MappingProxyType({})) -> dict[str, Any]:
    """``values``: those that decide which fields there are, such as a plugin's name."""
    return {name: field.fresh_default() for name, field in KINDS[kind].fields_for(values).items()}


def expand(kind: str, patch: Any) -> Checked:
    """Apply Kong's shorthands and couplings to what a REST client sent; other fields stay as they are."""
    if not isinstance(patch, Mapping):
        return Checked({}, [Problem(ENTITY, "expected a record")])
    entity = KINDS[kind]
    return entity.expand(patch) if entity.expand else Checked(dict(patch), [])
