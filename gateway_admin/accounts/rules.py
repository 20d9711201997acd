"""What may stand in the fields of a user and of a token; pages and REST come by here, through the actions.

Who may set them is decided elsewhere (``common.roles``). Nothing but these fields can be set at all.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from unicodedata import normalize

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from gateway_admin.common.problems import EntityInvalid
from gateway_admin.common.roles import ROLES, SCOPES
from proxy_engine import spec
from proxy_engine.spec import Problem

TOKEN_KINDS = ("config", "alerts", *spec.KINDS)  # what a token may be limited to
LONGEST_PASSWORD = 1024  # characters; hashing longer ones would only cost time


def _username(text: str) -> str | None:
    try:
        UnicodeUsernameValidator()(normalize("NFKC", text))
    except ValidationError:
        return "only letters, digits and @ . + - _ are allowed"
    return None


def moment_problem(text: str) -> str | None:
    return None if parsed_moment(text) else "expected a date and time with its zone, such as 2027-01-31T12:00:00Z"


def parsed_moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:  # 2027-02-31
        return None
    return moment if moment and moment.tzinfo else None


ROLE = spec.String(required=True, choices=ROLES, help="Viewers read, operators edit entities, admins do everything.")
PASSWORD = spec.String(max_length=LONGEST_PASSWORD, help="At least 10 characters. Made up and answered once if absent.")

NEW_USER: Mapping[str, spec.Field] = {
    "username": spec.String(required=True, max_length=150, rules=(_username,), help="To sign in with."),
    "role": ROLE,
    "password": PASSWORD,
}
USER_CHANGES: Mapping[str, spec.Field] = {
    "role": ROLE,
    "active": spec.Boolean(required=True, help="Who is not active cannot sign in, and their tokens do not work."),
    "password": spec.String(required=True, max_length=LONGEST_PASSWORD, help="Ends all their sessions."),
}
NEW_TOKEN: Mapping[str, spec.Field] = {
    "name": spec.String(required=True, max_length=100, help="What it is for."),
    "scope": spec.String(required=True, choices=SCOPES, help="The widest it may do, within its user's role."),
    "kinds": spec.Set(
        of=spec.String(choices=TOKEN_KINDS), min_items=1, help="Limits it to these kinds of entities. null: all."
    ),
    "expires_at": spec.String(rules=(moment_problem,), help="When it ends, in ISO 8601 with a zone. null: never."),
}


def checked(fields: Mapping[str, spec.Field], values: Any) -> dict[str, Any]:
    """All fields, those absent as None. Raises ``EntityInvalid``."""
    problems: list[Problem] = []
    found = spec.Record(fields=fields).check(values, (), problems)
    if not isinstance(values, Mapping):
        problems = [Problem(spec.ENTITY, "expected an object")]
    if problems:
        raise EntityInvalid(problems)
    return found


def checked_changes(fields: Mapping[str, spec.Field], values: Any) -> dict[str, Any]:
    """Only the fields that are given."""
    given = values if isinstance(values, Mapping) else fields
    return checked({name: field for name, field in fields.items() if name in given}, values)


def end_of(text: str | None) -> datetime | None:
    """Of a checked ``expires_at``. Raises ``EntityInvalid`` for the past."""
    moment = None if text is None else parsed_moment(text)
    if moment is not None and moment <= timezone.now():
        raise EntityInvalid([Problem(("expires_at",), "is in the past")])
    return moment


def check_password(password: str, user) -> None:
    try:
        validate_password(password, user)
    except ValidationError as weak:
        raise EntityInvalid(Problem(("password",), message) for message in weak.messages) from None
