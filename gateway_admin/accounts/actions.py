"""Writes about tokens, and the first user. What is done to people stands in ``people``.

Each leaves a line in the log: who, what, from where. Tokens and passwords never stand in it.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gateway_admin.common.audit import record_change
from gateway_admin.common.problems import EntityInvalid
from gateway_admin.common.roles import ROLES, SCOPES
from proxy_engine.spec import ENTITY, Problem

from .models import ApiToken, User
from .rules import NEW_TOKEN, checked, end_of

log = logging.getLogger(__name__)

TOKEN_MARK = "gh_"  # lets secret scanners recognise a leaked one
TOKEN_BYTES = 32
PREFIX_LENGTH = 8  # of the token, readable in lists: 5 random characters, of 43
PASSWORD_BYTES = 12
USE_NOTED_EVERY = timedelta(minutes=1)
MOST_TOKENS = 100  # of one user


@dataclass(frozen=True)
class FirstUser:
    """What ``ensure_first_user`` made up, to be shown once. None: it was given, or was there before."""

    username: str
    password: str | None
    token: str | None


@dataclass(frozen=True)
class Author:
    """Who acts, by which door and from which address, for the log and the audit."""

    name: str
    address: str = ""
    via: str = "system"

    def did(self, what: str, *names: str, on: str = "") -> None:
        """Call it in the transaction of the change. ``on``: the user it is about. In the log names stand in quotes,
        without line breaks (CWE-117)."""
        log.info("%a at %a %s", self.name, self.address, what % tuple(map(ascii, names)))
        record_change(actor=self.name, via=self.via, address=self.address, what=what % names, on_whom=on)


SYSTEM = Author("gatehouse")


def token_digest(token: str) -> str:
    """SHA-256 without salt is enough for 256 random bits, and lets the table be searched by it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create_token(
    *,
    user: User,
    name: str,
    scope: str,
    kinds: list[str] | None = None,
    token: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """The row, and the token itself, which nobody can show again."""
    token = token or TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)
    facts = {"name": name, "scope": scope, "kinds": kinds, "expires_at": expires_at}
    row = ApiToken.objects.create(user=user, digest=token_digest(token), prefix=token[:PREFIX_LENGTH], **facts)
    return row, token


@transaction.atomic
def issue_token(*, user: User, values: dict, author: Author, by: ApiToken | None = None) -> tuple[ApiToken, str]:
    """A token for ``user``, out of what they typed or sent. ``by``: the token that asks for another one."""
    facts = checked(NEW_TOKEN, values)
    facts["expires_at"] = end_of(facts["expires_at"])
    if problems := [*_too_wide(user, facts["scope"]), *_too_long(facts["expires_at"], by), *_too_many(user)]:
        raise EntityInvalid(problems)
    row, text = create_token(user=user, **facts)
    author.did("made the token %s of %s, scope %s", row.name, user.username, row.scope, on=user.username)
    return row, text


def _too_wide(user: User, scope: str):
    """Each scope belongs to the role at the same step. A wider one would come to life with the next promotion."""
    if SCOPES.index(scope) > ROLES.index(user.role):
        widest = SCOPES[ROLES.index(user.role)]
        yield Problem(("scope",), f"the role {user.role} allows {widest} at most")


def _too_long(expires_at: datetime | None, by: ApiToken | None):
    """A token that leaked must not outlive its own end by making another one."""
    if by is not None and by.expires_at is not None and (expires_at is None or expires_at > by.expires_at):
        yield Problem(("expires_at",), "a token cannot make one that outlives it")


def _too_many(user: User):
    if user.pk is None:
        yield Problem(ENTITY, "nobody is signed in whose token it could be")
    elif user.api_tokens.count() >= MOST_TOKENS:
        yield Problem(ENTITY, f"{user.username} has {MOST_TOKENS} tokens already; revoke one first")


@transaction.atomic
def revoke_token(*, token: ApiToken, author: Author) -> None:
    token.delete()
    author.did("revoked the token %s of %s", token.name, token.user.username, on=token.user.username)


def note_use(token: ApiToken) -> None:
    """Coarse, and conditional, so that many requests at once make one UPDATE."""
    now = timezone.now()
    if token.last_used_at and now - token.last_used_at < USE_NOTED_EVERY:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    ApiToken.objects.filter(due, pk=token.pk).update(last_used_at=now)


@transaction.atomic
def ensure_first_user(*, username: str, password: str | None = None, token: str | None = None) -> FirstUser:
    """Make the first user where there is none. May run at every start.

    What is not given is made up. Passwords of existing users are never touched; a token that is given is made valid
    at any time, so that a deployment can hand one in.
    """
    users = get_user_model().objects
    user, new_password, new_token = users.filter(username=username).first(), None, None
    if user is None and not users.exists():
        new_password = None if password else secrets.token_urlsafe(PASSWORD_BYTES)
        user = users.create_superuser(username, password=password or new_password)
        SYSTEM.did("made the first user %s, role %s", username, user.role, on=username)
        new_token = None if token else create_token(user=user, name="first token", scope="admin")[1]
    if user is not None and token and not ApiToken.objects.filter(digest=token_digest(token)).exists():
        create_token(user=user, name="from the environment", scope="admin", token=token)
        SYSTEM.did("made the token of %s that the environment names, scope admin", username, on=username)
    return FirstUser(username, new_password, new_token)
