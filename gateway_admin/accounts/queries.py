"""Who is asking, and whom and what they may see."""

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from gateway_admin.common.roles import may

from .actions import token_digest
from .models import ApiToken, User


def find_token(token: str) -> ApiToken | None:
    """The valid token of an active user. One statement."""
    digest = token_digest(token)
    row = ApiToken.objects.select_related("user").filter(digest=digest).first()
    if row is None or not constant_time_compare(row.digest, digest) or not row.user.is_active:
        return None
    return None if row.expires_at and row.expires_at <= timezone.now() else row


def visible_tokens(user, auth) -> QuerySet:
    """One's own; to admins everybody's. Newest first. What is not in it does not exist for whoever asks."""
    rows = ApiToken.objects.select_related("user").order_by("-created_at", "-pk")
    return rows if may(user, auth, "admin", "tokens") else rows.filter(user_id=user.pk)


def people() -> QuerySet:
    """By name, each with the number of tokens that work."""
    alive = Q(api_tokens__expires_at=None) | Q(api_tokens__expires_at__gt=timezone.now())
    return User.objects.annotate(token_count=Count("api_tokens", filter=alive)).order_by("username")
