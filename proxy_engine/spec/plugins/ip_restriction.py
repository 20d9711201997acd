"""ip-restriction: which client addresses may pass."""

from __future__ import annotations

from proxy_engine.spec import scalars
from proxy_engine.spec.entity import AtLeastOneOf
from proxy_engine.spec.schema import Integer, String
from proxy_engine.spec.services import PROTOCOLS

from .plugin import Plugin, words

PLUGIN = Plugin(
    name="ip-restriction",
    priority=990,
    help="Lets clients pass by their address.",
    protocols=("http", "https", "tcp", "tls", "grpc", "grpcs"),
    possible_protocols=PROTOCOLS,
    settings={
        "allow": words("Addresses or networks that pass; with a list, no others do.", scalars.cidr),
        "deny": words("Addresses or networks that do not pass.", scalars.cidr),
        "status": Integer(min=100, max=599, help="Status of the refusal. Empty: 403."),
        "message": String(help="Message of the refusal. Empty: names the address."),
    },
    rules=(AtLeastOneOf(("config.allow", "config.deny")),),
)
