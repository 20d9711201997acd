"""Writes about people: who there is, what role they have, whether they may come in.

There is always an active admin: whoever would take that away, from themselves or from somebody else, is refused.
"""

import secrets
from typing import Any
from unicodedata import normalize

from django.db import IntegrityError, transaction

from gateway_admin.common.problems import EntityInvalid
from proxy_engine.spec import Problem

from .actions import PASSWORD_BYTES, Author
from .models import User
from .rules import NEW_USER, USER_CHANGES, check_password, checked, checked_changes

_TAKEN = Problem(("username",), "there is a user with this name already", "unique")


@transaction.atomic
def create_user(*, values: dict, author: Author) -> tuple[User, str | None]:
    """The user, and the password if it was made up; nobody can show it again."""
    facts = checked(NEW_USER, values)
    made_up = None if facts["password"] else new_password()
    user = User(username=normalize("NFKC", facts["username"]), role=facts["role"])
    if User.objects.filter(username__iexact=user.username).exists():  # Bob and bob would be taken for one another
        raise EntityInvalid([_TAKEN])
    if not made_up:
        check_password(facts["password"], user)
    user.set_password(made_up or facts["password"])
    _insert(user)
    author.did("made the user %s, role %s", user.username, user.role, on=user.username)
    return user, made_up


def _insert(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:  # somebody was faster
        raise EntityInvalid([_TAKEN]) from None


@transaction.atomic
def change_user(*, user_id: int, values: dict, author: Author) -> User:
    """``role``, ``active`` and ``password``, those that are given. Raises ``User.DoesNotExist``."""
    facts = checked_changes(USER_CHANGES, values)
    admins = set(User.objects.active_admins().select_for_update().values_list("pk", flat=True))
    user = User.objects.select_for_update().get(pk=user_id)
    user.role, user.is_active = facts.get("role", user.role), facts.get("active", user.is_active)
    if admins == {user.pk} and not (user.role == "admin" and user.is_active):
        field = "role" if user.role != "admin" else "active"
        raise EntityInvalid([Problem((field,), f"{user.username} is the last active admin; make another one first")])
    if "password" in facts:
        check_password(facts["password"], user)
        user.set_password(facts["password"])
    user.save(update_fields=["role", "is_active", "password"])
    author.did("changed of the user %s: %s", user.username, _told(facts), on=user.username)
    return user


def reset_password(*, user_id: int, author: Author) -> tuple[User, str]:
    """A new one, made up. It ends all sessions of the user."""
    password = new_password()
    return change_user(user_id=user_id, values={"password": password}, author=author), password


def new_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _told(facts: dict[str, Any]) -> str:
    return ", ".join(name if name == "password" else f"{name} {value}" for name, value in facts.items())
