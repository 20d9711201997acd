"""The one place where a rule of the configuration is written.

Pure: no I/O, no Django, and no clock but for one rule: a CA certificate that has expired is not taken.
"""

from .build import BUILT_KINDS, to_spec
from .entities import KINDS, check, defaults, expand, merge
from .entity import CONTROL_FIELDS, Entity
from .paths import normal_path
from .plugins import PLUGINS, Plugin
from .publish import kong_plugin_schema, kong_schema
from .route_rules import compile_regex, regex_problem
from .scalars import is_uuid, split_host_port
from .schema import (
    ENTITY,
    Array,
    Boolean,
    Checked,
    Field,
    Integer,
    Map,
    Number,
    Object,
    Problem,
    Record,
    Reference,
    Set,
    String,
)
from .secrecy import convert_secrets, has_secrets
from .services import PROTOCOLS
from .types import (
    STICKY_INPUTS,
    ActiveChecks,
    CircuitBreaker,
    ConnectionRules,
    Drain,
    Healthchecks,
    HealthyRule,
    PassiveChecks,
    ProbeRules,
    RetryRules,
    Route,
    Service,
    SlowStart,
    Target,
    UnhealthyRule,
    Upstream,
)
from .upstreams import ALGORITHMS, HASH_INPUTS

__all__ = [
    "ALGORITHMS",
    "BUILT_KINDS",
    "CONTROL_FIELDS",
    "ENTITY",
    "HASH_INPUTS",
    "KINDS",
    "PLUGINS",
    "PROTOCOLS",
    "STICKY_INPUTS",
    "ActiveChecks",
    "Array",
    "Boolean",
    "Checked",
    "CircuitBreaker",
    "ConnectionRules",
    "Drain",
    "Entity",
    "Field",
    "Healthchecks",
    "HealthyRule",
    "Integer",
    "Map",
    "Number",
    "Object",
    "PassiveChecks",
    "Plugin",
    "ProbeRules",
    "Problem",
    "Record",
    "Reference",
    "RetryRules",
    "Route",
    "Service",
    "Set",
    "SlowStart",
    "String",
    "Target",
    "UnhealthyRule",
    "Upstream",
    "check",
    "compile_regex",
    "convert_secrets",
    "defaults",
    "expand",
    "has_secrets",
    "is_uuid",
    "kong_plugin_schema",
    "kong_schema",
    "merge",
    "normal_path",
    "regex_problem",
    "split_host_port",
    "to_spec",
]
