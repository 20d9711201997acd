"""How a request to the REST dialects says who it is from: by token, by session, or by sitting at this machine.

They are tried in this order (``REST_FRAMEWORK`` in the settings), and a wrong token is refused rather than overlooked
in favour of a session.
"""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled

from gateway_admin.common.audit import via_of
from gateway_admin.common.peers import client_address, is_foreign, is_loopback
from gateway_admin.common.permissions import log_denial

from .actions import Author, note_use
from .models import ApiToken
from .queries import find_token
from .throttle import note_right_token, note_wrong_token, tokens_pause_s


class LocalAdmin(AnonymousUser):
    """Whoever sits at this machine, let in nameless by ``GATEWAY_ADMIN_API_ANONYMOUS=loopback``."""

    username = "anonymous"
    role = "admin"  # as in Kong, whose admin API is open to whoever reaches it
    is_authenticated = True
    is_active = True
    is_anonymous = False


class BearerToken(BaseAuthentication):
    """``Authorization: Bearer TOKEN`` or, as Kong's clients send it, ``Kong-Admin-Token: TOKEN``."""

    def authenticate(self, request):
        presented = _presented(request)
        if presented is None:
            return None
        if pause_s := tokens_pause_s(request, presented):
            raise Throttled(pause_s, "too many wrong tokens from this address")
        token = find_token(presented)
        if token is None:
            note_wrong_token(request, presented)
            raise AuthenticationFailed("this token is not valid (any more)")
        note_right_token(request, presented)
        note_use(token)
        return token.user, token

    def authenticate_header(self, request):
        return 'Bearer realm="gatehouse"'


class Session(SessionAuthentication):
    """The browser's session, with Django's CSRF check."""

    def enforce_csrf(self, request):
        """On Django's own request: the framework's would parse the body to look for a form field in it."""
        try:
            super().enforce_csrf(request._request)
        except PermissionDenied as refused:
            what = f"{request.method} {request.path}"
            log_denial(request._request.user.get_username(), client_address(request), what, str(refused.detail))
            raise


class Loopback(BaseAuthentication):
    """Nobody in particular, where the setting lets them in and the connection comes from this machine.

    A page of another site that is open in a browser on this machine comes from here as well, and is kept out.
    """

    def authenticate(self, request):
        if settings.ADMIN_API_ANONYMOUS == "loopback" and is_loopback(request) and not is_foreign(request):
            return LocalAdmin(), None
        return None


def authenticated(request) -> tuple | None:
    """User and token of a plain Django request that changes nothing (no CSRF check); None for a stranger."""
    session = (request.user, None) if request.user.is_authenticated else None
    return BearerToken().authenticate(request) or session or Loopback().authenticate(request)


def actor_name(user, token: ApiToken | None) -> str:
    """As it stands in the change log: a token is named, so that it is known which one to revoke."""
    name = user.get_username()
    return f"{name} (token {token.name})" if isinstance(token, ApiToken) else name


def author_of(request) -> Author:
    """Of a request to the dashboard, which has no token, or to REST."""
    name = actor_name(request.user, getattr(request, "auth", None))
    return Author(name, client_address(request), via_of(request.path))


def _presented(request) -> str | None:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.META.get("HTTP_KONG_ADMIN_TOKEN")
