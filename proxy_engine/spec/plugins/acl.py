"""acl: which groups of consumers may pass."""

from __future__ import annotations

from proxy_engine.spec.entity import AtLeastOneOf, ExactlyOneOf

from .plugin import NO_CONSUMER, Plugin, flag, words

_LISTS = ("config.allow", "config.deny")

PLUGIN = Plugin(
    name="acl",
    priority=950,
    help="Lets consumers pass by the groups they are in.",
    scopes=NO_CONSUMER,
    settings={
        "allow": words("Only consumers in one of these groups pass."),
        "deny": words("Consumers in one of these groups do not pass."),
        "hide_groups_header": flag(False, "Do not name the groups to the target."),
        "always_use_authenticated_groups": flag(
            False, "Prefer the groups that an authentication plugin found over those of the consumer."
        ),
    },
    rules=(ExactlyOneOf(_LISTS), AtLeastOneOf(_LISTS)),
)
