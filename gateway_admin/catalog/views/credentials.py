"""What a consumer proves its identity with, on its page. Secrets are hidden until somebody who may see them asks."""

from __future__ import annotations

from dataclasses import dataclass

from gateway_admin.common.permissions import may_see_secrets

from .page_shape import Pages
from .pages import owned_by

SHOWN = 200  # of each kind


@dataclass(frozen=True)
class ShownCredentials:
    pages: Pages
    rows: list
    left: int


def credentials_tab(request, row, slug) -> dict:
    """``?secrets=shown``: the keys in clear, for those who could replace them."""
    may_see = may_see_secrets(request.user, None, "keyauth_credentials")
    return {
        "credentials": [_credentials(pages, row) for pages in owned_by("consumers")],
        "may_see_secrets": may_see,
        "shows_secrets": may_see and request.GET.get("secrets") == "shown",
    }


def _credentials(pages: Pages, consumer) -> ShownCredentials:
    rows = pages.model.objects.filter(consumer=consumer).order_by("created_at", "pk")
    shown = list(rows[: SHOWN + 1])
    return ShownCredentials(pages, shown[:SHOWN], rows.count() - SHOWN if len(shown) > SHOWN else 0)
