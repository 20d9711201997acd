"""The first user, from the environment or made up, and how it is shown once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway_admin.accounts.actions import FirstUser, ensure_first_user

Rows = list[tuple[str, str]]


def ensure(env: Mapping[str, str]) -> FirstUser:
    return ensure_first_user(
        username=env.get("GATEWAY_ADMIN_USER") or "admin",
        password=env.get("GATEWAY_ADMIN_PASSWORD") or None,
        token=env.get("GATEWAY_ADMIN_TOKEN") or None,
    )


def rows(user: FirstUser) -> Rows:
    """What the operator has to know; nothing that was given or is old is repeated."""
    shown: Rows = [("User", user.username)]
    if user.password:
        shown.append(("Password", f"{user.password}   (shown this once)"))
    else:
        shown.append(("Password", f"as set before; reset: {_python()} manage.py changepassword {user.username}"))
    if user.token:
        shown.append(("API token", f"{user.token}   (shown this once)"))
    return shown


def _python() -> str:
    """The interpreter as one would type it in the current folder."""
    relative = os.path.relpath(sys.executable, Path.cwd())
    return sys.executable if relative.startswith("..") else relative
