"""The audit as it is asked for: filters of the page and of REST, in one place."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from gateway_admin.common.audit_entry import AuditEntry
from gateway_admin.common.lookups import containing
from gateway_admin.common.problems import EntityInvalid
from proxy_engine import spec
from proxy_engine.spec import Problem

from .rules import moment_problem, parsed_moment

LONGEST = 200  # characters of a search; SQLite refuses patterns that are much longer
SEARCHED = ("actor", "address", "what", "on_whom", "reason")
DOORS = ("ui", "api", "kong", "system")

FILTERS: Mapping[str, spec.Field] = {
    "outcome": spec.String(choices=tuple(AuditEntry.Outcome.values), help="done or denied."),
    "via": spec.String(choices=DOORS, help="The door: dashboard, REST, Kong's dialect, or the system itself."),
    "actor": spec.String(max_length=LONGEST, help="Exactly this actor."),
    "q": spec.String(max_length=LONGEST, help="In any text, upper or lower case."),
    "since": spec.String(rules=(moment_problem,), help="Not before this, in ISO 8601 with a zone."),
    "until": spec.String(rules=(moment_problem,), help="Before this, in ISO 8601 with a zone."),
}


def entries(filters: Mapping[str, str]) -> QuerySet:
    """Newest first. Raises ``EntityInvalid`` for filters that say nothing."""
    problems: list[Problem] = []
    asked = {name: FILTERS[name].check(text, (name,), problems) for name, text in filters.items()}
    if problems:
        raise EntityInvalid(problems)
    return AuditEntry.objects.filter(*(_CONDITIONS[name](value) for name, value in asked.items()))


def _containing(text: str) -> Q:
    found = Q()
    for column in SEARCHED:
        found |= containing(column, text)
    return found


_CONDITIONS: Mapping[str, Any] = {
    "outcome": lambda value: Q(outcome=value),
    "via": lambda value: Q(via=value),
    "actor": lambda value: Q(actor=value),
    "q": _containing,
    "since": lambda value: Q(last_at__gte=parsed_moment(value)),
    "until": lambda value: Q(at__lt=parsed_moment(value)),
}
