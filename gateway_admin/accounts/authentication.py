"""How a request to the REST dialects says who it is from: by token, by session, or by sitting at this machine.

They are tried in this order (``REST_FRAMEWORK`` in the settings), and a wrong token is refused rather than overlooked
in favour of a session.
"""

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

from gateway_admin.common.peers import is_loopback

from .actions import note_use
from .models import ApiToken
from .queries import find_token


class LocalOperator(AnonymousUser):
    """Whoever sits at this machine, let in nameless by ``GATEWAY_ADMIN_API_ANONYMOUS=loopback``."""

    username = "anonymous"
    is_authenticated = True
    is_active = True
    is_anonymous = False


class BearerToken(BaseAuthentication):
    """``Authorization: Bearer TOKEN`` or, as Kong's clients send it, ``Kong-Admin-Token: TOKEN``."""

    def authenticate(self, request):
        presented = _presented(request)
        if presented is None:
            return None
        token = find_token(presented)
        if token is None:
            raise AuthenticationFailed("this token is not valid (any more)")
        note_use(token)
        return token.user, token

    def authenticate_header(self, request):
        return 'Bearer realm="gatehouse"'


class Session(SessionAuthentication):
    """The browser's session, with Django's CSRF check."""

    def enforce_csrf(self, request):
        """On Django's own request: the framework's would parse the body to look for a form field in it."""
        super().enforce_csrf(request._request)


class Loopback(BaseAuthentication):
    """Nobody in particular, where the setting lets them in and the connection comes from this machine."""

    def authenticate(self, request):
        if settings.ADMIN_API_ANONYMOUS == "loopback" and is_loopback(request):
            return LocalOperator(), None
        return None


def authenticated_user(request):
    """The user of a plain Django request that changes nothing (no CSRF check); None for a stranger."""
    token = BearerToken().authenticate(request)
    if token is not None:
        return token[0]
    if request.user.is_authenticated:
        return request.user
    local = Loopback().authenticate(request)
    return local[0] if local else None


def actor_name(user, token: ApiToken | None) -> str:
    """As it stands in the change log: a token is named, so that it is known which one to revoke."""
    name = user.get_username()
    return f"{name} (token {token.name})" if isinstance(token, ApiToken) else name


def _presented(request) -> str | None:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.META.get("HTTP_KONG_ADMIN_TOKEN")
