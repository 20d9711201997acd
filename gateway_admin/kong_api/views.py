"""What every answer of the dialect has in common: who may ask, Kong's headers, Kong's way to say no."""

import json
import logging
import time
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import OperationalError
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions
from rest_framework.views import APIView, set_rollback

from gateway_admin.accounts.authentication import BearerToken, actor_name
from gateway_admin.catalog.changes import Actor
from gateway_admin.common.envelope import RETRY_AFTER_S, STRANGER
from gateway_admin.common.peers import client_address, is_foreign
from gateway_admin.common.permissions import may_see_secrets

from . import bodies, errors
from .bodies import Body
from .errors import KongError
from .representation import shown

log = logging.getLogger(__name__)

VERSION = "3.9.1"
"""Kong's whose dialect this is. Clients choose by it what they send: from 3.0 on deck wants ``_format_version: "3.0"``,
and a fourth part would mean the enterprise edition."""


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return HttpResponse(text, "application/json; charset=utf-8", status, headers=headers)


def nothing(status: int = 204, headers: dict[str, str] | None = None) -> HttpResponse:
    response = HttpResponse(status=status, headers=headers)
    del response["Content-Type"]
    return response


class KongView(APIView):
    """``kind``: what the answer is about, for the permission. ``given``: what the body says, where there is one."""

    kind: str | None = None
    schema = None  # Kong's own addresses are in Kong's documentation
    given = Body({}, is_text=False)

    def dispatch(self, request, *args, **kwargs):
        started_s = time.monotonic()
        response = super().dispatch(request, *args, **kwargs)
        latency_ms = (time.monotonic() - started_s) * 1000
        response["X-Kong-Admin-Latency"] = str(round(latency_ms))
        return response

    @property
    def default_response_headers(self):
        return {}  # the framework's ``Allow``, unsorted, on every answer

    def initial(self, request, *args, **kwargs):
        if request.method == "OPTIONS":  # browsers ask it without a token, before they dare to send one
            return
        has_body = request.method in bodies.METHODS and hasattr(self, request.method.lower())
        body = bodies.received(request._request) if has_body else b""
        super().initial(request, *args, **kwargs)
        if has_body:
            self.given = bodies.read(request._request, body)
        self.prepare(**kwargs)

    def prepare(self, **kwargs) -> None:
        """Find what the address names, before a method looks at it."""

    def get_authenticators(self):
        """Pages of other origins get in by token only.

        Their requests may bring our cookie along (other ports of this host are the same site to a browser), and on
        this machine they come from the loopback address; a token is the one thing a page must have been given.
        """
        found = super().get_authenticators()
        return [way for way in found if isinstance(way, BearerToken)] if is_foreign(self.request) else found

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Server"] = f"kong/{VERSION}"
        response["Access-Control-Allow-Origin"] = self.request.META.get("HTTP_ORIGIN", "*")
        response["Access-Control-Allow-Credentials"] = "true"
        response["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["Origin"])
        return response

    def options(self, request, *args, **kwargs):
        methods = ", ".join(sorted(self.allowed_methods))
        asked = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "Content-Type")
        headers = {
            "Allow": methods,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": asked,
        }
        return nothing(headers=headers)

    def handle_exception(self, exception):
        set_rollback()
        if isinstance(exception, exceptions.APIException):
            return self.refusal(exception)
        error = told(exception)
        if error is None:
            log.error("%s %s failed", self.request.method, self.request.path, exc_info=exception)
            error = errors.plain(500, "An unexpected error occurred")
        return nothing(error.status) if error.body is None else answer(error.body, error.status, dict(error.headers))

    def refusal(self, exception: exceptions.APIException) -> HttpResponse:
        """What the framework raises: who is asking, what they may, how often."""
        message = str(exception.detail)
        headers = {}
        if isinstance(exception, exceptions.NotAuthenticated):
            message = STRANGER
        if isinstance(exception, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
            exception.status_code = 401
            headers["WWW-Authenticate"] = BearerToken().authenticate_header(self.request)
        if isinstance(exception, exceptions.MethodNotAllowed):
            message = "Method not allowed"
            headers["Allow"] = ", ".join(sorted(self.allowed_methods))
        if getattr(exception, "wait", None):
            headers["Retry-After"] = str(int(exception.wait) + 1)
        return answer({"message": message}, exception.status_code, headers)

    # --- For the views

    def actor(self) -> Actor:
        return Actor(actor_name(self.request.user, self.request.auth), "kong", client_address(self.request))

    def shown(self, kind: str, entities: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Entities as this client may see them."""
        return shown(kind, entities, with_secrets=may_see_secrets(self.request.user, self.request.auth, kind))


def told(exception: Exception) -> KongError | None:
    if isinstance(exception, KongError):
        return exception
    if isinstance(exception, TooManyFieldsSent):
        return bodies.too_many()
    if isinstance(exception, RequestDataTooBig):
        return errors.plain(413, str(exception))
    if isinstance(exception, OperationalError):
        log.error("the database refused: %s", exception)
        body = {"message": "the database cannot be reached or is busy; nothing was changed"}
        return KongError(503, body, {"Retry-After": str(RETRY_AFTER_S)})
    return None


ONLY_READS = dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), "read")
"""For views that change nothing: who may read is told 404 or 405, not that nobody may."""


class Nowhere(KongView):
    """Addresses that are nobody's; by every method, OPTIONS included."""

    asks = ONLY_READS

    def http_method_not_allowed(self, request, *args, **kwargs):
        raise errors.not_found()

    options = http_method_not_allowed
