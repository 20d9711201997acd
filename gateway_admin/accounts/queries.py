"""Who is asking."""

from django.utils import timezone
from django.utils.crypto import constant_time_compare

from .actions import token_digest
from .models import ApiToken


def find_token(token: str) -> ApiToken | None:
    """The valid token of an active user. One statement."""
    digest = token_digest(token)
    row = ApiToken.objects.select_related("user").filter(digest=digest).first()
    if row is None or not constant_time_compare(row.digest, digest) or not row.user.is_active:
        return None
    return None if row.expires_at and row.expires_at <= timezone.now() else row
