"""Requests for a host name that is none of ours, and what else Django refuses before a view is asked."""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import bad_request

from .envelope import failure
from .peers import client_address
from .permissions import log_denial


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """In the words of whoever is asked: pages, REST, or Kong's dialect at the root."""
    if request.path.startswith("/admin-ui/"):
        return bad_request(request, exception)
    message = _reason(request, exception)
    body = failure("BAD_REQUEST", message) if request.path.startswith("/api/") else {"message": message}
    return JsonResponse(body, status=400)


def _reason(request: HttpRequest, exception: Exception) -> str:
    if not isinstance(exception, DisallowedHost):
        return "this request cannot be read"
    reason = f"the host {request.META.get('HTTP_HOST', '')[:100]!a} is not one of GATEWAY_ADMIN_HOSTS"
    log_denial("a stranger", client_address(request), f"{request.method} {request.path}", reason)
    return reason
