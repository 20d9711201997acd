"""``/tags``: which entity has which tag, one row each, over all kinds that the client may read."""

from typing import Any

from gateway_admin.catalog.kinds import KINDS
from gateway_admin.common.permissions import may
from proxy_engine import spec

from . import errors
from .paging import Asked, page
from .tagging import is_tag
from .views import ONLY_READS, KongView, answer

Row = tuple[str, str, str]  # kind, id, tag: also the order of the list


class Tags(KongView):
    asks = ONLY_READS

    def get(self, request, tags=None):
        if tags is not None and not is_tag(tags):
            raise errors.invalid_unique("tag", f"invalid tag '{spec.schema.shown_name(tags)}'")
        kinds = [kind for kind in sorted(KINDS) if may(request.user, request.auth, "read", kind)]

        def cut(after: Any, size: int) -> tuple[list, Any]:
            found = _rows(kinds, tags, _place(after), size + 1)
            shown = [dict(zip(("entity_name", "entity_id", "tag"), row, strict=True)) for row in found[:size]]
            return shown, found[size - 1] if len(found) > size else None

        return answer(page(request.path, Asked.of(request.query_params), cut))


def _rows(kinds: list[str], tag: str | None, after: Row | None, size: int) -> list[Row]:
    """At most one statement per kind and ``size`` rows of it: an entity that has tags gives one row at least."""
    found: list[Row] = []
    for kind in kinds:
        if after is None or kind >= after[0]:
            found += _of_kind(kind, tag, after if after and kind == after[0] else None, size - len(found))
        if len(found) >= size:
            break
    return found[:size]


def _of_kind(kind: str, tag: str | None, after: Row | None, size: int) -> list[Row]:
    rows = KINDS[kind].model.objects.exclude(tags=[]).filter(tags__isnull=False)
    if tag is not None:
        rows = rows.filter(tags__has_item=tag)
    if after is not None:
        rows = rows.filter(pk__gte=after[1])
    chosen = rows.order_by("pk").values_list("pk", "tags")[: size + 1]
    every = [(kind, str(key), one) for key, tags in chosen for one in sorted(tags) if tag in (None, one)]
    return [row for row in every if after is None or row > after]


def _place(after: Any) -> Row | None:
    match after:
        case [str() as kind, str() as key, str() as tag] if spec.is_uuid(key):
            return kind, key, tag
    return None
