"""Who may do what: the table of roles and scopes, and the question that is put to it. Pure.

The question is always ``may(user, auth, action, kind)``:

- ``user`` has a ``role``; ``auth`` is the API token that was sent, or None for a session. A token never widens what its
  user may do: both the role and the token's scope have to reach, and a token may be limited to some kinds.
- ``action`` is ``read``, ``write`` or ``admin``.
- ``kind`` is a kind of entity (``spec.KINDS``), one of the other words of ``RULES``, or None for what is of no kind.

What the table does not name nobody may do.
"""

from typing import NamedTuple

from proxy_engine import spec

ROLES = ("viewer", "operator", "admin")  # each may what those before it may
SCOPES = ("read", "write", "admin")
VERBS = {"read": "read", "write": "change", "admin": "administer"}  # the actions, as a sentence has them

ENTITIES = "entities"  # stands for every kind of ``spec.KINDS``


class Rule(NamedTuple):
    role: str  # the least of ``ROLES`` that may
    scope: str  # the least of ``SCOPES`` that a token needs for it, whoever's it is


RULES = {
    (ENTITIES, "read"): Rule("viewer", "read"),
    (ENTITIES, "write"): Rule("operator", "write"),  # also: see secrets
    (ENTITIES, "admin"): Rule("admin", "admin"),
    # All kinds at once: export, diff, the change log, tags, explain; import, rollback, reset.
    ("config", "read"): Rule("viewer", "read"),
    ("config", "write"): Rule("admin", "admin"),
    ("config", "admin"): Rule("admin", "admin"),
    ("users", "read"): Rule("admin", "admin"),
    ("users", "write"): Rule("admin", "admin"),
    ("users", "admin"): Rule("admin", "admin"),
    # One's own tokens; a token that could make others would outlive its own end, so it needs the widest scope.
    ("tokens", "read"): Rule("viewer", "read"),
    ("tokens", "write"): Rule("viewer", "admin"),
    ("tokens", "admin"): Rule("admin", "admin"),  # everybody's
    # Rules and silences; channels (an address that we post to, with its secrets).
    ("alerts", "read"): Rule("viewer", "read"),
    ("alerts", "write"): Rule("operator", "write"),
    ("alerts", "admin"): Rule("admin", "admin"),
    # Oneself: password, colours.
    ("account", "write"): Rule("viewer", "admin"),
    # Nothing of a kind: the overview, engines, versions, schemas, the node itself, who one is.
    (None, "read"): Rule("viewer", "read"),
    ("audit", "read"): Rule("admin", "admin"),
}


def may(user, auth, action: str, kind: str | None) -> bool:
    return not refusal(user, auth, action, kind)


def may_see_secrets(user, auth, kind: str) -> bool:
    """Keys and passwords are for those who could replace them."""
    return may(user, auth, "write", kind)


def refusal(user, auth, action: str, kind: str | None) -> str:
    """Why they may not, in a sentence for them; empty when they may."""
    rule = RULES.get((ENTITIES if kind in spec.KINDS else kind, action))
    if rule is None:
        return "nobody may do this"
    what = f"to {VERBS[action]} {kind or 'this'}"
    if not getattr(user, "is_active", False) or not _reaches(ROLES, getattr(user, "role", None), rule.role):
        return f"{what} one needs the role {rule.role}{_or_above(ROLES, rule.role)}"
    return "" if auth is None else _refusal_of_token(auth, rule, kind, what)


def _refusal_of_token(token, rule: Rule, kind: str | None, what: str) -> str:
    if not _reaches(SCOPES, token.scope, rule.scope):
        return f"{what} a token needs the scope {rule.scope}{_or_above(SCOPES, rule.scope)}; this one has {token.scope}"
    if token.kinds is not None and kind is not None and kind not in token.kinds:
        return f"this token is limited to {', '.join(token.kinds)}"
    return ""


def _reaches(steps: tuple[str, ...], has: str | None, needs: str) -> bool:
    return has in steps and steps.index(has) >= steps.index(needs)


def _or_above(steps: tuple[str, ...], step: str) -> str:
    rest = steps[steps.index(step) + 1 :]
    return f" or {rest[-1]}" if rest else ""
