"""Writes about people and tokens."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from .models import ApiToken, User

TOKEN_MARK = "gh_"  # lets secret scanners recognise a leaked one
TOKEN_BYTES = 32
PREFIX_LENGTH = 8  # of the token, readable in lists: 5 random characters, of 43
PASSWORD_BYTES = 12
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class FirstUser:
    """What ``ensure_first_user`` made up, to be shown once. None: it was given, or was there before."""

    username: str
    password: str | None
    token: str | None


def token_digest(token: str) -> str:
    """SHA-256 without salt is enough for 256 random bits, and lets the table be searched by it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create_token(
    *, user: User, name: str, token: str | None = None, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """The row, and the token itself, which nobody can show again."""
    token = token or TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)
    row = ApiToken.objects.create(
        user=user, name=name, digest=token_digest(token), prefix=token[:PREFIX_LENGTH], expires_at=expires_at
    )
    return row, token


def revoke_token(*, token: ApiToken) -> None:
    token.delete()


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
        new_token = None if token else create_token(user=user, name="first token")[1]
    if user is not None and token and not ApiToken.objects.filter(digest=token_digest(token)).exists():
        create_token(user=user, name="from the environment", token=token)
    return FirstUser(username, new_password, new_token)
