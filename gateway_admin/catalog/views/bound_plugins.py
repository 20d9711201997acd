"""The plugins of one service, route or consumer, on its page."""

from __future__ import annotations

from .page_shape import order
from .pages import PAGES

SHOWN = 200


def plugins_tab(request, row, slug) -> dict:
    """Those bound to this service, route or consumer, perhaps to others with it."""
    pages = PAGES["plugins"]
    scope = row.kind.removesuffix("s")
    rows = pages.rows().filter(**{scope: row}).order_by(*order(pages, "name"))
    shown = list(rows[: SHOWN + 1])
    left = rows.count() - SHOWN if len(shown) > SHOWN else 0
    return {"plugins": shown[:SHOWN], "plugins_left": left, "scope": scope}
