"""The door of asynchronous views under /api, which Django REST framework knows nothing about.

They only read, so there is no CSRF check. Answers are those the framework would give.
"""

from functools import wraps

from asgiref.sync import sync_to_async
from django.http import JsonResponse
from rest_framework import exceptions

from gateway_admin.common.envelope import STRANGER, failure
from gateway_admin.common.permissions import refusal_of_request

from .authentication import BearerToken, authenticated


def permitted_client(action: str, kind: str | None):
    """As ``common.permissions.permitted``, for clients with tokens as well."""

    def decorate(view):
        @wraps(view)
        async def asking(request, *args, **kw):
            refusal = await sync_to_async(_refusal)(request, action, kind)
            return refusal or await view(request, *args, **kw)

        asking.permission = (action, kind)
        return asking

    return decorate


def _refusal(request, action: str, kind: str | None) -> JsonResponse | None:
    try:
        found = authenticated(request)
    except exceptions.Throttled as paused:
        headers = {"Retry-After": str(paused.wait)}
        return JsonResponse(failure("TOO_MANY_REQUESTS", str(paused.detail)), status=429, headers=headers)
    except exceptions.AuthenticationFailed as wrong:
        return _unknown(request, str(wrong.detail))
    if found is None:
        refusal_of_request(request, request.user, None, action, kind)
        return _unknown(request, STRANGER)
    reason = refusal_of_request(request, *found, action, kind)
    return JsonResponse(failure("FORBIDDEN", reason), status=403) if reason else None


def _unknown(request, message: str) -> JsonResponse:
    headers = {"WWW-Authenticate": BearerToken().authenticate_header(request)}
    return JsonResponse(failure("UNAUTHORIZED", message), status=401, headers=headers)
