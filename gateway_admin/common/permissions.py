"""Asking whether somebody may: the dashboard's pages, the REST dialects and the sockets, each in its own way.

All put the question of ``roles`` (``may``). Whoever is refused is told why, and it is logged: who, what, from where.
"""

import logging
from functools import wraps

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS, BasePermission

from . import audit
from .htmx import signed_in, wants_fragment
from .peers import client_address
from .roles import may, may_see_secrets, refusal

__all__ = ["FROM_URL", "Permitted", "demand", "may", "may_see_secrets", "permitted", "refusal"]

log = logging.getLogger(__name__)

FROM_URL = "the kind that the address names"
UNDECLARED = "a view that does not say what it touches"
LONGEST_LOGGED = 200  # characters of an address or a name


class Permitted(BasePermission):
    """For views of REST. They declare ``kind``; what is done is told by the method, or by ``asks`` where it misleads.

    ``asks = {"POST": "read"}``: a POST that changes nothing. ``kind`` may be a property, for views of several kinds.
    """

    def has_permission(self, request, view):
        if request.user.is_authenticated and not _has_handler(view, request.method):
            return True  # for the answer 405; there is nothing to keep anybody from
        action, kind = action_of(view, request.method), getattr(view, "kind", UNDECLARED)
        self.message = refusal_of_request(request, request.user, request.auth, action, kind)
        return not self.message


def action_of(view, method: str) -> str:
    return getattr(view, "asks", {}).get(method) or ("read" if method in SAFE_METHODS else "write")


def _has_handler(view, method: str) -> bool:
    return method.lower() in view.http_method_names and hasattr(view, method.lower())


def permitted(action: str, kind: str | None):
    """For views of the dashboard, in place of ``signed_in``, which it includes. ``kind`` may be ``FROM_URL``."""

    def decorate(view):
        @wraps(view)
        def asking(request, *args, **kw):
            asked = kw["kind"] if kind is FROM_URL else kind
            if reason := refusal_of_request(request, request.user, None, action, asked):
                return _refused_page(request, reason)
            return view(request, *args, **kw)

        guarded = signed_in(asking)
        guarded.permission = (action, kind)
        return guarded

    return decorate


def _refused_page(request, reason: str) -> HttpResponse:
    """htmx shows nothing of a 403; so the page is loaded again, now without the button, and says why."""
    if not wants_fragment(request):
        raise PermissionDenied(reason)
    messages.error(request, f"You may not do this: {reason}.")
    return HttpResponse(status=403, headers={"HX-Redirect": request.htmx.current_url_abs_path or "/"})


def refusal_of_request(request, user, auth, action: str, kind: str | None) -> str:
    """``refusal``, logged. Plain views that authenticate by themselves ask this."""
    reason = refusal(user, auth, action, kind)
    if reason:
        log_denial(who(user, auth), client_address(request), f"{request.method} {request.path}", reason)
    return reason


def demand(request, action: str, kind: str | None) -> None:
    """Of a request of the framework that needs more than its address tells. Raises what is answered with 403."""
    if reason := refusal_of_request(request, request.user, request.auth, action, kind):
        raise exceptions.PermissionDenied(reason)


def refusal_of_socket(scope, user, kind: str | None) -> str:
    """Sockets only read, and are opened by sessions only."""
    reason = refusal(user, None, "read", kind)
    if reason:
        address = (scope.get("client") or [""])[0]
        log_denial(who(user, None), address, f"WEBSOCKET {scope.get('path', '')}", reason)
    return reason


def log_denial(name: str, address: str, what: str, reason: str, *, audited_as: str | None = None) -> None:
    """To the log and the audit. ``what``: method and path. ``audited_as``: where a name may be a password mistyped.

    ``%a``: what clients wrote stands in quotes, without line breaks and control characters, and short.
    """
    log.warning("denied to %a from %a: %a: %s", name[:LONGEST_LOGGED], address, what[:LONGEST_LOGGED], reason)
    via = audit.via_of(what.partition(" ")[2])
    actor = name if audited_as is None else audited_as
    audit.record_denial(audit.Denial(*map(_clean, (actor, via, address, what[:LONGEST_LOGGED], reason))))


def _clean(text: str) -> str:
    """As a column takes it: printable, and valid Unicode."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def who(user, auth) -> str:
    """As it stands in the logs: a token is named, so that it is known which one to revoke."""
    name = user.get_username() or "a stranger"
    return name if auth is None else f"{name} (token {auth.name})"
